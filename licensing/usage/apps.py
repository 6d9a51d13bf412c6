from django.apps import AppConfig


class UsageConfig(AppConfig):
    name = "licensing.usage"
    label = "usage"
    verbose_name = "Usage"
