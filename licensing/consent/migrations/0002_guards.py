"""What the database itself refuses about consent, beyond what the models can say.

Every function raises with an SQLSTATE of class 23 and the name of a constraint, so that callers
meet these refusals exactly as they meet a CHECK.
"""

from django.db import migrations

# One way to say no, for every guard below.
REFUSE = """
CREATE FUNCTION consent_refuse(code text, message text, table_name text)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%: % violates the guards of %', code, message, table_name
        USING ERRCODE = 'integrity_constraint_violation', CONSTRAINT = code, TABLE = table_name;
END $$;

CREATE FUNCTION consent_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM consent_refuse('append_only', TG_OP, TG_TABLE_NAME);
    RETURN NULL;
END $$;
"""
DROP_REFUSE = """
DROP FUNCTION consent_refuse_change() CASCADE;
DROP FUNCTION consent_refuse(text, text, text);
"""

# Statement triggers, because one UPDATE of a million rows is refused as fast as one of none;
# ALWAYS, so that no session setting passes them.
APPEND_ONLY = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON consent_consentcheck
    FOR EACH STATEMENT EXECUTE FUNCTION consent_refuse_change();
ALTER TABLE consent_consentcheck ENABLE ALWAYS TRIGGER append_only;
""" + "".join(
    f"""
CREATE TRIGGER never_removed BEFORE DELETE OR TRUNCATE ON consent_{table}
    FOR EACH STATEMENT EXECUTE FUNCTION consent_refuse_change();
ALTER TABLE consent_{table} ENABLE ALWAYS TRIGGER never_removed;
"""
    for table in (
        "consentrule",
        "ruleversion",
        "consentepoch",
        "killswitch",
        "approvalrequest",
        "signingkey",
    )
)
DROP_APPEND_ONLY = "DROP TRIGGER append_only ON consent_consentcheck;" + "".join(
    f"DROP TRIGGER never_removed ON consent_{table};"
    for table in (
        "consentrule",
        "ruleversion",
        "consentepoch",
        "killswitch",
        "approvalrequest",
        "signingkey",
    )
)

# A version is edited as a draft, published once, ended once. What a draft can become is a version
# published; what that said stays.
RULES = """
CREATE FUNCTION consent_guard_rule_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.rule_id, NEW.holder_id, NEW.number, NEW.drafted_at)
       IS DISTINCT FROM (OLD.id, OLD.rule_id, OLD.holder_id, OLD.number, OLD.drafted_at) THEN
        PERFORM consent_refuse('rule_version_identity', 'this change', TG_TABLE_NAME);
    END IF;
    IF OLD.state = 'draft' THEN
        IF NEW.state NOT IN ('draft', 'published') THEN
            PERFORM consent_refuse('rule_version_move', OLD.state || ' to ' || NEW.state,
                                   TG_TABLE_NAME);
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.body, NEW.revision, NEW.content_hash, NEW.drafted_by, NEW.published_by,
        NEW.published_at, NEW.published_epoch)
       IS DISTINCT FROM
       (OLD.body, OLD.revision, OLD.content_hash, OLD.drafted_by, OLD.published_by,
        OLD.published_at, OLD.published_epoch) THEN
        PERFORM consent_refuse('rule_version_published', 'a change of what was published',
                               TG_TABLE_NAME);
    END IF;
    IF OLD.state <> 'published' OR NEW.state NOT IN ('superseded', 'revoked') THEN
        PERFORM consent_refuse('rule_version_move', OLD.state || ' to ' || NEW.state,
                               TG_TABLE_NAME);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_version BEFORE UPDATE ON consent_ruleversion
    FOR EACH ROW EXECUTE FUNCTION consent_guard_rule_version();
ALTER TABLE consent_ruleversion ENABLE ALWAYS TRIGGER guard_version;

CREATE FUNCTION consent_guard_rule() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.holder_id, NEW.property_id, NEW.subject_id, NEW.created_at)
       IS DISTINCT FROM
       (OLD.id, OLD.holder_id, OLD.property_id, OLD.subject_id, OLD.created_at) THEN
        PERFORM consent_refuse('consent_rule_identity', 'this change', TG_TABLE_NAME);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_rule BEFORE UPDATE ON consent_consentrule
    FOR EACH ROW EXECUTE FUNCTION consent_guard_rule();
ALTER TABLE consent_consentrule ENABLE ALWAYS TRIGGER guard_rule;

ALTER TABLE consent_ruleversion ADD CONSTRAINT rule_version_of_holders_rule
    FOREIGN KEY (rule_id, holder_id) REFERENCES consent_consentrule (id, holder_id);
ALTER TABLE consent_consentrule ADD CONSTRAINT consent_rule_on_own_property
    FOREIGN KEY (property_id, holder_id) REFERENCES catalog_property (id, holder_id);
ALTER TABLE consent_killswitch ADD CONSTRAINT kill_switch_on_own_property
    FOREIGN KEY (property_id, holder_id) REFERENCES catalog_property (id, holder_id);
"""
DROP_RULES = """
ALTER TABLE consent_killswitch DROP CONSTRAINT kill_switch_on_own_property;
ALTER TABLE consent_consentrule DROP CONSTRAINT consent_rule_on_own_property;
ALTER TABLE consent_ruleversion DROP CONSTRAINT rule_version_of_holders_rule;
DROP FUNCTION consent_guard_rule() CASCADE;
DROP FUNCTION consent_guard_rule_version() CASCADE;
"""

# Epochs are numbered by a sequence, which no rollback turns back: a number that was given to a
# change that never happened is not given again, so what is remembered under a number stays true.
EPOCHS = "CREATE SEQUENCE consent_epoch_counter;"
DROP_EPOCHS = "DROP SEQUENCE consent_epoch_counter;"

# An epoch only counts up; a switch is lifted once; an approval is answered once; a key goes from
# next over current to retired.
ONCE = """
CREATE FUNCTION consent_guard_epoch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.holder_id <> OLD.holder_id OR NEW.value <= OLD.value THEN
        PERFORM consent_refuse('consent_epoch_counts_up', 'this change', TG_TABLE_NAME);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_epoch BEFORE UPDATE ON consent_consentepoch
    FOR EACH ROW EXECUTE FUNCTION consent_guard_epoch();
ALTER TABLE consent_consentepoch ENABLE ALWAYS TRIGGER guard_epoch;

CREATE FUNCTION consent_guard_switch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.lifted_at IS NOT NULL
       OR (NEW.id, NEW.holder_id, NEW.property_id, NEW.subject_id, NEW.platform_id,
           NEW.thrown_by, NEW.thrown_at, NEW.thrown_epoch)
          IS DISTINCT FROM
          (OLD.id, OLD.holder_id, OLD.property_id, OLD.subject_id, OLD.platform_id,
           OLD.thrown_by, OLD.thrown_at, OLD.thrown_epoch) THEN
        PERFORM consent_refuse('kill_switch_lifted_once', 'this change', TG_TABLE_NAME);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_switch BEFORE UPDATE ON consent_killswitch
    FOR EACH ROW EXECUTE FUNCTION consent_guard_switch();
ALTER TABLE consent_killswitch ENABLE ALWAYS TRIGGER guard_switch;

CREATE FUNCTION consent_guard_approval() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> 'open' OR NEW.state = 'open'
       OR (NEW.id, NEW.consent_check_id, NEW.holder_id, NEW.asked_at, NEW.expires_at)
          IS DISTINCT FROM
          (OLD.id, OLD.consent_check_id, OLD.holder_id, OLD.asked_at, OLD.expires_at) THEN
        PERFORM consent_refuse('approval_answered_once', 'this change', TG_TABLE_NAME);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_approval BEFORE UPDATE ON consent_approvalrequest
    FOR EACH ROW EXECUTE FUNCTION consent_guard_approval();
ALTER TABLE consent_approvalrequest ENABLE ALWAYS TRIGGER guard_approval;

CREATE FUNCTION consent_guard_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.kid, NEW.public_x, NEW.created_at) IS DISTINCT FROM
       (OLD.kid, OLD.public_x, OLD.created_at)
       OR (OLD.state, NEW.state) NOT IN
          (('next', 'current'), ('next', 'retired'), ('current', 'retired')) THEN
        PERFORM consent_refuse('signing_key_move', OLD.state || ' to ' || NEW.state, TG_TABLE_NAME);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER guard_key BEFORE UPDATE ON consent_signingkey
    FOR EACH ROW EXECUTE FUNCTION consent_guard_key();
ALTER TABLE consent_signingkey ENABLE ALWAYS TRIGGER guard_key;
"""
DROP_ONCE = """
DROP FUNCTION consent_guard_key() CASCADE;
DROP FUNCTION consent_guard_approval() CASCADE;
DROP FUNCTION consent_guard_switch() CASCADE;
DROP FUNCTION consent_guard_epoch() CASCADE;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("consent", "0001_initial"),
        ("catalog", "0002_guards"),
    ]

    operations = [
        migrations.RunSQL(REFUSE, DROP_REFUSE),
        migrations.RunSQL(APPEND_ONLY, DROP_APPEND_ONLY),
        migrations.RunSQL(RULES, DROP_RULES),
        migrations.RunSQL(EPOCHS, DROP_EPOCHS),
        migrations.RunSQL(ONCE, DROP_ONCE),
    ]
