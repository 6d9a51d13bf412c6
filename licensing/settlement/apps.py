from django.apps import AppConfig


class SettlementConfig(AppConfig):
    name = "licensing.settlement"
    label = "settlement"
    verbose_name = "Settlement"
