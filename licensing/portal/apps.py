from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "licensing.portal"
    label = "portal"
    verbose_name = "Portal"
