from django.apps import AppConfig


class AccessConfig(AppConfig):
    name = "licensing.access"
    label = "access"
    verbose_name = "Access"
