from django.apps import AppConfig


class StatementsConfig(AppConfig):
    name = "ledger.statements"
    label = "statements"
    verbose_name = "Statements"
