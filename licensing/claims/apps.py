from django.apps import AppConfig


class ClaimsConfig(AppConfig):
    name = "licensing.claims"
    label = "claims"
    verbose_name = "Claims"
