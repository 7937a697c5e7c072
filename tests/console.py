"""The admin as somebody sees it who has signed in."""

from typing import Any

from django.contrib.auth.models import User
from django.db.models import Model
from django.test import Client
from django.urls import reverse


def console(user: User) -> Client:
    user.is_staff = True
    user.save()
    client = Client()
    client.force_login(user)
    return client


def run_url(run: Model, name: str = "change", *more: object) -> str:
    return reverse(f"admin:runs_run_{name}", args=[run.pk, *more])


def gate_url(gate: Model, name: str = "change") -> str:
    return reverse(f"admin:approvals_gate_{name}", args=[gate.pk])


def said(response: Any) -> list[str]:  # Any: the test client adds to the response
    """Return the messages a page answered with."""
    return [str(message) for message in response.context["messages"]]
