"""What people can do with runs and gates in the admin, and what they cannot."""

import pytest
from django.test import Client

from approvals.models import GateStatus
from metabuilder.runs.states import ExecutionStatus, RunStatus
from tests.console import console, gate_url, run_url, said
from tests.factories import (
    AttemptFactory,
    GateFactory,
    LogChunkFactory,
    RunFactory,
    StepExecutionFactory,
    StepFactory,
)

TABS = ["timeline", "logs", "diff", "plan", "approvals", "events"]
HOSTILE = "<script>alert(1)</script>"
PATCH = f"--- a/app.py\n+++ b/app.py\n@@ -1,1 +1,1 @@\n-import os\n+{HOSTILE}\n"


@pytest.fixture
def run(tenant):
    return RunFactory(tenant=tenant, title=HOSTILE, status=RunStatus.RUNNING)


@pytest.fixture
def gate(tenant):
    paused = RunFactory(tenant=tenant, status=RunStatus.PAUSED_AWAITING_APPROVAL)
    return GateFactory(run=paused, patch=PATCH, reason=f"B602 {HOSTILE}")


def approve(client: Client, gate, **more):
    shown = client.get(gate_url(gate)).context["patch_digest"]
    return client.post(gate_url(gate, "approve"), {"shown": shown, **more}, follow=True)


@pytest.mark.parametrize("tab", TABS)
def test_a_member_reads_every_tab(member, run, tab):
    AttemptFactory(run=run, patch=PATCH, execution=StepExecutionFactory(step=StepFactory(run=run)))
    GateFactory(run=run, patch=PATCH)
    page = console(member("viewer")).get(run_url(run), {"tab": tab})
    assert page.status_code == 200
    assert page.context["tab"] == tab


def test_another_tenants_run_is_not_there(member, run, gate):
    stranger = console(member("other"))
    assert stranger.get(run_url(run)).status_code == 302
    assert stranger.get(gate_url(gate)).status_code == 302
    for url in (run_url(run, "live", "head"), run_url(run, "log", 1), run_url(run, "history")):
        assert stranger.get(url).status_code in {302, 404}
    for url in (run_url(run, "cancel"), run_url(run, "retry"), gate_url(gate, "approve"), gate_url(gate, "reject")):
        assert stranger.post(url).status_code == 404
    for name in ("runs/run", "approvals/gate", "autofix/attempt", "runs/project"):
        listed = stranger.get(f"/admin/{name}/")
        assert not listed.context["cl"].result_count
        assert str(run.tenant) not in listed.content.decode()


def test_nobody_edits_adds_or_deletes_a_run_or_gate(member, run, gate):
    admin = console(member("admin"))
    for name, row in (("runs/run", run), ("approvals/gate", gate)):
        assert admin.get(f"/admin/{name}/add/").status_code == 403
        assert admin.get(f"/admin/{name}/{row.pk}/delete/").status_code == 403
    admin.post(run_url(run), {"title": "mine"})
    run.refresh_from_db()
    assert run.title == HOSTILE


def test_people_who_are_not_staff_do_not_get_in(member, run):
    client = Client()
    client.force_login(member("admin"))
    assert client.get(run_url(run)).status_code == 302


def test_a_viewer_sees_no_buttons_and_is_refused(member, run, gate):
    viewer = console(member("viewer"))
    assert "data-opens" not in viewer.get(gate_url(gate)).content.decode()
    assert "data-opens" not in viewer.get(run_url(run)).content.decode()
    for url in (gate_url(gate, "approve"), gate_url(gate, "reject"), run_url(run, "cancel")):
        assert viewer.post(url).status_code == 403
    gate.refresh_from_db()
    assert gate.status == GateStatus.PENDING


def test_an_operator_may_cancel_but_not_decide(member, run, gate):
    operator = console(member("operator"))
    assert operator.post(gate_url(gate, "approve")).status_code == 403
    operator.post(run_url(run, "cancel"))
    run.refresh_from_db()
    assert run.status == RunStatus.CANCELLED


def test_an_operator_starts_a_failed_run_again(member, tenant):
    failed = RunFactory(tenant=tenant, status=RunStatus.FAILED)
    console(member("operator")).post(run_url(failed, "retry"))
    failed.refresh_from_db()
    assert failed.status == RunStatus.QUEUED


def test_a_run_that_goes_on_cannot_be_retried_and_says_so(member, run):
    answer = console(member("operator")).post(run_url(run, "retry"), follow=True)
    assert said(answer) == ["The run is running; nothing was changed."]


def test_an_approver_approves(member, gate):
    approver = member("approver")
    answer = approve(console(approver), gate, comment="looks right")
    gate.refresh_from_db()
    vote = gate.votes.get()
    assert (gate.status, vote.user, vote.comment) == (GateStatus.APPROVED, approver, "looks right")
    assert said(answer) == ["Approved. The run goes on from here."]
    assert gate.run.events.filter(actor=approver.username).exists()


def test_an_approver_rejects_with_a_reason(member, gate):
    console(member("approver")).post(gate_url(gate, "reject"), {"comment": "not like this"})
    gate.run.refresh_from_db()
    assert gate.run.status == RunStatus.FAILED
    assert gate.run.failure["comment"] == "not like this"


def test_a_second_decision_is_told_about_the_first(member, gate):
    client = console(member("approver"))
    approve(client, gate)
    answer = client.post(gate_url(gate, "reject"), follow=True)
    assert "already approved by approver-person" in said(answer)[0]


def test_a_patch_that_was_revised_meanwhile_is_not_approved(member, gate):
    client = console(member("approver"))
    answer = client.post(gate_url(gate, "approve"), {"shown": "of an older page"}, follow=True)
    gate.refresh_from_db()
    assert gate.status == GateStatus.PENDING
    assert said(answer) == ["The patch was revised since you looked. Look at it again."]


def test_an_approval_with_an_unreadable_patch_decides_nothing(member, gate):
    answer = approve(console(member("approver")), gate, patch="not a diff")
    gate.refresh_from_db()
    assert gate.status == GateStatus.PENDING
    assert said(answer)[0].startswith("Your patch cannot be used")


def test_sending_the_proposed_patch_back_is_no_revision(member, gate):
    approve(console(member("approver")), gate, patch=PATCH.replace("\n", "\r\n"))
    assert not gate.revisions.exists()


def test_reading_never_decides(member, run, gate):
    client = console(member("admin"))
    for url in (gate_url(gate, "approve"), gate_url(gate, "reject"), run_url(run, "cancel"), run_url(run, "retry")):
        assert client.get(url).status_code == 405
    gate.refresh_from_db()
    assert gate.status == GateStatus.PENDING


def test_a_post_without_a_token_is_refused(member, gate):
    user = member("approver")
    console(user)
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(user)
    assert strict.post(gate_url(gate, "approve")).status_code == 403


@pytest.mark.parametrize("tab", TABS)
def test_nothing_of_a_run_is_taken_for_markup(member, run, gate, tab):
    run.failure = {"message": HOSTILE, "type": "unknown"}
    run.diff = PATCH
    run.save()
    step = StepFactory(run=run, name=HOSTILE, command=HOSTILE)
    attempt = AttemptFactory(run=run, execution=StepExecutionFactory(step=step), message=HOSTILE, excerpt=HOSTILE)
    LogChunkFactory(execution=attempt.execution, text=f"\x1b[31m{HOSTILE}\x1b[0m\n{HOSTILE}\n")
    GateFactory(run=run, reason=HOSTILE, patch=PATCH, signal={"type": HOSTILE, "excerpt": HOSTILE})
    run.events.create(kind="status", message=HOSTILE)
    client = console(member("approver"))
    page = client.get(run_url(run), {"tab": tab}).content.decode()
    assert HOSTILE not in page
    assert "&lt;script&gt;" in page


def test_lists_take_a_title_as_text(member, run, gate):
    client = console(member("viewer"))
    for url in ("/admin/", "/admin/runs/run/", "/admin/approvals/gate/"):
        assert HOSTILE not in client.get(url).content.decode()


def test_the_log_is_coloured_and_linkable(member, run):
    chunk = LogChunkFactory(execution__step__run=run, text="\x1b[31mFAILED\x1b[0m\nnext\n")
    page = console(member("viewer")).get(run_url(run), {"tab": "logs"}).content.decode()
    number = chunk.execution.number
    assert '<span class="ansi31">FAILED</span>' in page
    assert f'id="e{number}L2"' in page


def test_a_log_that_grows_is_appended_and_then_comes_to_an_end(member, run):
    chunk = LogChunkFactory(execution__step__run=run, text="one\ntw")
    execution, client = chunk.execution, console(member("viewer"))
    url = run_url(run, "log", execution.number)
    first = client.get(url)
    LogChunkFactory(execution=execution, text="o\n")
    execution.status = ExecutionStatus.PASSED
    execution.save()
    second = client.get(url, {"after": str(first.context["window"].cursor)}).content.decode()
    assert "every 2s" in first.content.decode()
    assert ">two<" in second
    assert ">one<" not in second
    assert "every 2s" not in second


def test_a_live_part_answers_only_when_something_is_new(member, run):
    client = console(member("viewer"))
    url = run_url(run, "live", "head")
    seen = client.get(url).context["seen"]
    assert client.get(url, {"seen": seen}).status_code == 204
    StepFactory(run=run)
    assert client.get(url, {"seen": seen}).status_code == 200


def test_a_live_part_stops_asking_once_the_run_is_over(member, tenant):
    done = RunFactory(tenant=tenant, status=RunStatus.SUCCEEDED)
    client = console(member("viewer"))
    assert client.get(run_url(done, "live", "timeline")).status_code == 286
    assert "every 2s" not in client.get(run_url(done)).content.decode()


def test_a_live_part_nobody_knows_is_not_there(member, run):
    assert console(member("viewer")).get(run_url(run, "live", "secrets")).status_code == 404


def test_an_attempts_own_address_leads_into_the_timeline(member, run):
    attempt = AttemptFactory(run=run, execution=StepExecutionFactory(step=StepFactory(run=run)))
    answer = console(member("viewer")).get(f"/admin/autofix/attempt/{attempt.pk}/change/")
    assert answer.url == f"{run_url(run)}?tab=timeline#attempt-{attempt.number}"


def test_pending_gates_come_first(member, gate):
    GateFactory(run=gate.run, status=GateStatus.APPROVED)
    rows = console(member("viewer")).get("/admin/approvals/gate/").context["cl"].result_list
    assert [row.status for row in rows] == ["pending", "approved"]


def test_filters_offer_only_what_one_may_see(member, run):
    RunFactory(tenant__name="Somebody Else")
    page = console(member("viewer")).get("/admin/runs/run/").content.decode()
    assert "Somebody Else" not in page


def test_a_filter_by_another_tenant_finds_nothing_of_it(member, run):
    foreign = RunFactory()
    listed = console(member("viewer")).get("/admin/runs/run/", {"tenant__id__exact": str(foreign.tenant_id)})
    assert foreign not in listed.context["cl"].result_list


def test_the_search_of_the_frame_finds_only_ones_own(member, run):
    RunFactory(title="needle abroad")
    RunFactory(tenant=run.tenant, title="needle here")
    found = console(member("viewer")).get("/admin/search/", {"s": "needle", "extended": "1"}).content.decode()
    assert "needle here" in found
    assert "needle abroad" not in found


def test_an_edited_patch_replaces_the_proposed_one(member, gate):
    edited = PATCH.replace("import os", "import re")
    approve(console(member("approver")), gate, patch=edited)
    gate.refresh_from_db()
    assert (gate.status, gate.effective_patch) == (GateStatus.APPROVED, edited)


def test_one_of_two_approvals_is_recorded_and_leaves_the_question_open(member, gate):
    gate.required_approvals = 2
    gate.save()
    answer = approve(console(member("approver")), gate)
    assert said(answer) == ["Your approval is recorded; 1 more needed."]
    assert "data-opens" not in answer.content.decode()
