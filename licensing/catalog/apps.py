from django.apps import AppConfig


class CatalogConfig(AppConfig):
    name = "licensing.catalog"
    label = "catalog"
    verbose_name = "Catalogue"
