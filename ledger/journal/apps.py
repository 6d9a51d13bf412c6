from django.apps import AppConfig


class JournalConfig(AppConfig):
    name = "ledger.journal"
    label = "journal"
    verbose_name = "Journal"
