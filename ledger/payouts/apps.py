from django.apps import AppConfig


class PayoutsConfig(AppConfig):
    name = "ledger.payouts"
    label = "payouts"
    verbose_name = "Payouts"
