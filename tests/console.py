"""The admin as somebody sees it who has signed in."""

from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse


def console(user: User) -> Client:
    user.is_staff = True
    user.save()
    client = Client()
    client.force_login(user)
    return client


def run_url(run: object, name: str = "change", *more: object) -> str:
    return reverse(f"admin:runs_run_{name}", args=[run.pk, *more])


def gate_url(gate: object, name: str = "change") -> str:
    return reverse(f"admin:approvals_gate_{name}", args=[gate.pk])


def said(response: HttpResponse) -> list[str]:
    """Return the messages a page answered with."""
    return [str(message) for message in response.context["messages"]]
