"""The smallest Django project that runs django-q2: what is not here is at its default."""

import os

import environ

SECRET_KEY = os.environ["SECRET_KEY"]
# As the product's: without it django-q2 would connect anew for every task.
DATABASES = {"default": {**environ.Env().db("DATABASE_URL"), "CONN_MAX_AGE": 60}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["django_q"]
USE_TZ = True
Q_CLUSTER = {"name": "raw", "orm": "default", "workers": int(os.environ["METABUILDER_WORKERS"])}
BENCH_SIDE = "scripts.benchmarks.raw.side"
