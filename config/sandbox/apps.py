from django.apps import AppConfig


class SandboxConfig(AppConfig):
    name = "config.sandbox"
    label = "sandbox"
    verbose_name = "Sandbox"
