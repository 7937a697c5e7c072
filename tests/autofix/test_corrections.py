"""A person says what a failure really was: over HTTP and in the admin."""

import pytest
from django.urls import reverse

from autofix.models import Correction, TenantRule
from tests.conftest import BASE
from tests.factories import AttemptFactory, RunFactory, StepExecutionFactory, StepFactory

pytestmark = pytest.mark.django_db
URL = f"{BASE}/tenants/acme/corrections"
EXCERPT = "building\nfatal: no seat left on lic-7\nmake: *** [all] Error 1"


@pytest.fixture
def attempt(tenant):
    run = RunFactory(tenant=tenant, status="failed")
    step = StepFactory(run=run, name="build", kind="build", command="make")
    execution = StepExecutionFactory(step=step, status="failed", exit_code=2)
    return AttemptFactory(execution=execution, signal="unknown", detail="", rule="", excerpt=EXCERPT)


def said(attempt, **more):
    return {"attempt_id": str(attempt.pk), "type": "infra", "detail": "licence", **more}


def test_a_correction_is_an_example_and_suggests_a_rule(api, attempt):
    operator = api("operator")
    made = operator.post(URL, said(attempt, cause="fatal: no seat left on lic-7", note="a licence"), format="json")
    assert made.status_code == 201, made.content
    row = made.json()
    assert (row["before"], row["after"]) == (
        {"type": "unknown", "detail": "", "rule": ""},
        {"type": "infra", "detail": "licence"},
    )
    assert (row["step"], row["command"], row["excerpt"], row["corrected_by"]) == (
        "build",
        "make",
        EXCERPT,
        "operator-person",
    )
    assert api("viewer").get(URL).json()["results"] == [row]
    rule = row["suggested_rule"]
    assert rule["pattern"] == r"fatal: no seat left on lic-\d[\d.,:]*"
    assert api("admin").post(f"{BASE}/tenants/acme/rules", rule, format="json").status_code == 201
    assert TenantRule.objects.get().signal == "infra"


def test_without_a_cause_the_likeliest_line_is_taken(api, attempt):
    row = api("operator").post(URL, said(attempt), format="json").json()
    assert row["suggested_rule"]["example"] == "fatal: no seat left on lic-7"


def test_a_second_word_replaces_the_first(api, attempt):
    api("operator").post(URL, said(attempt), format="json")
    api("operator").post(URL, said(attempt, type="transient", detail=""), format="json")
    assert Correction.objects.get().signal == "transient"


def test_it_outlives_its_run_and_can_be_taken_back(api, attempt):
    row = api("operator").post(URL, said(attempt), format="json").json()
    attempt.run.delete()
    kept = api("operator").get(f"{URL}/{row['id']}").json()
    assert (kept["run_id"], kept["attempt_id"], kept["excerpt"]) == (None, None, EXCERPT)
    assert api("viewer").delete(f"{URL}/{row['id']}").status_code == 403
    assert api("operator").delete(f"{URL}/{row['id']}").status_code == 204
    assert Correction.objects.count() == 0


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"type": "weather"}, "type"),
        ({"type": "unknown", "detail": ""}, "type"),
        ({"cause": "not in the log"}, "cause"),
        ({"attempt_id": "00000000-0000-0000-0000-000000000000"}, "attempt_id"),
        ({"attempt_id": "x"}, "attempt_id"),
        ({"note": "n" * 501}, "note"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_bad_one_is_refused_by_its_field_and_nothing_is_stored(api, attempt, change, field):
    answer = api("operator").post(URL, said(attempt, **change), format="json")
    assert answer.status_code == 400
    assert field in str(answer.json())
    assert Correction.objects.count() == 0


def test_another_tenants_failures_are_not_there(api, attempt, other_tenant):
    assert api("other").post(URL, said(attempt), format="json").status_code == 404
    mine = f"{BASE}/tenants/elsewhere/corrections"
    assert api("other").post(mine, said(attempt), format="json").status_code == 400
    assert api("viewer").post(URL, said(attempt), format="json").status_code == 403
    assert Correction.objects.count() == 0


def test_the_list_takes_the_same_queries_for_one_and_many(api, attempt, django_assert_max_num_queries):
    for number in range(20):
        Correction.objects.create(tenant=attempt.run.tenant, step=f"s{number}", signal="infra", excerpt=EXCERPT)
    viewer = api("viewer")
    with django_assert_max_num_queries(12):
        assert len(viewer.get(URL).json()["results"]) == 20


def sign_in(client, user):
    user.is_staff = True
    user.save()
    client.force_login(user)


ADD, LIST = "admin:autofix_correction_add", "admin:autofix_correction_changelist"


def test_in_the_admin_from_the_timeline_to_the_rule(client, member, attempt):
    sign_in(client, member("operator"))
    timeline = client.get(reverse("admin:runs_run_change", args=[attempt.run_id]) + "?tab=timeline").content.decode()
    link = f"{reverse(ADD)}?about={attempt.pk}"
    assert link in timeline
    form = client.get(link).content.decode()
    assert "taken for <b>unknown</b>" in form
    assert "no seat left on lic-7" in form
    values = {"about": attempt.pk, "signal": "infra", "detail": "licence", "cause": "", "note": ""}
    answer = client.post(link, values, follow=True)
    page = answer.content.decode()
    assert Correction.objects.get().created_by.get_username() == "operator-person"
    assert "fatal: no seat left on lic-" in page
    assert reverse("admin:autofix_tenantrule_add") in page
    assert client.get(reverse(LIST)).status_code == 200
    again = client.get(reverse("admin:runs_run_change", args=[attempt.run_id]) + "?tab=timeline").content.decode()
    assert link not in again


def test_the_form_says_what_is_wrong(client, member, attempt):
    sign_in(client, member("operator"))
    values = {"about": attempt.pk, "signal": "infra", "detail": "", "cause": "made up", "note": ""}
    assert "Copy a line" in client.post(reverse(ADD), values).content.decode()
    assert "Choose the attempt" in client.get(reverse(ADD), follow=True).content.decode()
    assert Correction.objects.count() == 0


@pytest.mark.parametrize("role", ["viewer", "other"])
def test_who_may_not_operate_may_not_correct(client, member, attempt, role):
    sign_in(client, member(role))
    values = {"about": attempt.pk, "signal": "infra", "detail": "", "cause": "", "note": ""}
    client.post(f"{reverse(ADD)}?about={attempt.pk}", values)
    assert Correction.objects.count() == 0


def test_what_the_log_says_cannot_change_how_the_page_reads(client, member, attempt):
    attempt.excerpt = attempt.message = "error: \u202egnp.exe <script>alert(1)</script>"
    attempt.save()
    sign_in(client, member("operator"))
    form = client.get(f"{reverse(ADD)}?about={attempt.pk}").content.decode()
    values = {"about": attempt.pk, "signal": "infra", "detail": "", "cause": "", "note": ""}
    page = client.post(reverse(ADD), values, follow=True).content.decode()
    for text in (form, page):
        assert "gnp.exe" in text
        assert "\u202e" not in text
        assert "<script>alert" not in text
