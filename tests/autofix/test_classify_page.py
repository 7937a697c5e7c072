"""The page for a pasted or uploaded log: what it is taken for, and nothing that the log says is believed."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

PAGE = "/admin/settings/builder/classify/"
pytestmark = pytest.mark.django_db
LOG = "collected 1 item\nE   ModuleNotFoundError: No module named 'yaml'\n"


@pytest.fixture
def browser_of(client, member):
    """Sign a member of the tenant in, as the admin wants it."""

    def sign_in(role: str):
        user = member(role)
        user.is_staff = True
        user.save()
        client.force_login(user)
        return client

    return sign_in


def test_a_pasted_log_is_told_what_it_is(browser_of):
    page = browser_of("viewer").post(PAGE, {"log": LOG, "step_name": "test", "exit_code": "2"}).content.decode()
    assert "dependency" in page
    assert "python-module-missing" in page
    assert "What failed?" in page


def test_an_uploaded_file_of_any_bytes_is_read(browser_of):
    noise = bytes(range(256)) * 400
    file = SimpleUploadedFile("build.log", noise + b"\n" + LOG.encode() + b"\xff\xfe\n" + noise)
    page = browser_of("viewer").post(PAGE, {"file": file}).content.decode()
    assert "python-module-missing" in page


def test_the_tenants_own_rules_are_tried_first(browser_of, tenant):
    tenant.rules.create(
        name="seats", signal="infra", pattern="no seat", message="No seat is left", example="no seat left"
    )
    page = browser_of("viewer").post(PAGE, {"log": f"{LOG}no seat left\n"}).content.decode()
    assert "No seat is left" in page


def test_what_a_log_says_is_shown_and_never_believed(browser_of):
    hostile = "ERROR: <script>alert(1)</script> {{ settings.SECRET_KEY }} Connection refused\n"
    page = browser_of("viewer").post(PAGE, {"log": hostile}).content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "{{ settings.SECRET_KEY }}" in page


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({}, "Paste a log, or choose a file."),
        ({"log": "  \n"}, "Paste a log, or choose a file."),
        ({"log": "x", "exit_code": "many"}, "Enter a whole number."),
        ({"log": "x" * 2_000_001}, "at most 2000000 characters"),
    ],
)
def test_what_cannot_be_read_is_said(browser_of, said, words):
    assert words in browser_of("viewer").post(PAGE, said).content.decode()


def test_it_is_for_people_who_are_signed_in(client):
    assert client.get(PAGE).status_code == 302


def test_another_tenant_is_not_there(browser_of, other_tenant):
    assert browser_of("viewer").get(f"{PAGE}?tenant={other_tenant.slug}").status_code == 404


def test_it_is_linked_from_the_settings(browser_of):
    page = browser_of("viewer").get("/admin/settings/builder/autofix-v3/").content.decode()
    assert f'href="{PAGE}"' in page
