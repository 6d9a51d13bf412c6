from django.apps import AppConfig


class PanelConfig(AppConfig):
    name = "config.panel"
    label = "panel"
    verbose_name = "Panel"
