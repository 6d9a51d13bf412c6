from django.apps import AppConfig


class ConsentConfig(AppConfig):
    name = "licensing.consent"
    label = "consent"
    verbose_name = "Consent"
