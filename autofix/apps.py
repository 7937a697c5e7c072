from django.apps import AppConfig
from django.conf import settings


class AutofixConfig(AppConfig):
    name = "autofix"
    verbose_name = "Auto-Fix (v3)"

    def ready(self) -> None:
        from autofix.classifier.rulesets import RULES  # noqa: PLC0415  # no app may be imported before it is ready

        RULES.cache = settings.WORK_DIR / "rulebook"
