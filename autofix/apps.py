from django.apps import AppConfig


class AutofixConfig(AppConfig):
    name = "autofix"
    verbose_name = "Auto-Fix (v3)"
