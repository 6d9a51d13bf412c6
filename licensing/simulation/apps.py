from django.apps import AppConfig


class SimulationConfig(AppConfig):
    name = "licensing.simulation"
    label = "simulation"
    verbose_name = "Simulation"
