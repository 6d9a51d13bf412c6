"""What PostgreSQL refuses by itself: a role of another kind, losing the last lead, a changed trail."""

from django.db import migrations

ROLE_OF_KIND = """
ALTER TABLE access_membership ADD CONSTRAINT membership_role_of_kind
    FOREIGN KEY (organisation_id, organisation_kind) REFERENCES access_organisation (id, kind);
"""

DIGEST_IS_SHA256 = """
ALTER TABLE access_apikey ADD CONSTRAINT api_key_digest_is_sha256
    CHECK (octet_length(digest) = 32);
"""

# Locks the organisation first, so that two leads who end each other take turns and the second one
# is seen to be the last. Deferred, so that one transaction may hand over in either order.
LAST_LEAD = """
CREATE FUNCTION access_keep_a_lead() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM access_organisation WHERE id = OLD.organisation_id FOR NO KEY UPDATE;
    IF NOT EXISTS (
        SELECT 1 FROM access_membership
        WHERE organisation_id = OLD.organisation_id AND role = OLD.role AND ended_at IS NULL
    ) THEN
        RAISE EXCEPTION 'last_owner: ending membership % violates that one % stays', OLD.id, OLD.role
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER access_membership_keep_a_lead
    AFTER UPDATE OR DELETE ON access_membership DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (OLD.ended_at IS NULL AND OLD.role IN ('owner', 'engineer', 'approver'))
    EXECUTE FUNCTION access_keep_a_lead();
"""

APPEND_ONLY = """
CREATE FUNCTION access_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'append_only: % on % violates that its rows are only ever added',
        TG_OP, TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER access_auditrecord_append_only
    BEFORE UPDATE OR DELETE OR TRUNCATE ON access_auditrecord
    FOR EACH STATEMENT EXECUTE FUNCTION access_append_only();
ALTER TABLE access_auditrecord ENABLE ALWAYS TRIGGER access_auditrecord_append_only;
"""


class Migration(migrations.Migration):
    dependencies = [("access", "0001_initial")]

    operations = [
        migrations.RunSQL(
            ROLE_OF_KIND,
            "ALTER TABLE access_membership DROP CONSTRAINT membership_role_of_kind;",
        ),
        migrations.RunSQL(
            DIGEST_IS_SHA256,
            "ALTER TABLE access_apikey DROP CONSTRAINT api_key_digest_is_sha256;",
        ),
        migrations.RunSQL(
            LAST_LEAD,
            "DROP TRIGGER access_membership_keep_a_lead ON access_membership;"
            "DROP FUNCTION access_keep_a_lead();",
        ),
        migrations.RunSQL(
            APPEND_ONLY,
            "DROP TRIGGER access_auditrecord_append_only ON access_auditrecord;"
            "DROP FUNCTION access_append_only();",
        ),
    ]
