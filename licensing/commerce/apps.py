from django.apps import AppConfig


class CommerceConfig(AppConfig):
    name = "licensing.commerce"
    label = "commerce"
    verbose_name = "Commerce"
