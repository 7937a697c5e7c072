from django.apps import AppConfig


class RunsConfig(AppConfig):
    name = "metabuilder.runs"
    label = "runs"
    verbose_name = "Runs"
