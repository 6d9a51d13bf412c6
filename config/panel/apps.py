from django.apps import AppConfig


class PanelConfig(AppConfig):
    name = "config.panel"
    label = "panel"
    verbose_name = "Panel"

    def ready(self) -> None:
        """Names the home page of the admin."""
        from django.contrib import admin

        admin.site.index_title = "Home"
