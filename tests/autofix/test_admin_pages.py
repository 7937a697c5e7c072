"""The settings page, the kill switch, the first page."""

from datetime import timedelta

import pytest
from django.utils import timezone

from approvals.models import GateStatus
from autofix import policy
from autofix.models import KillSwitch, KnownFix, ModelEndpoint, SwitchState
from metabuilder import sealing
from metabuilder.runs.states import RunStatus
from tests.console import console, said
from tests.factories import (
    AttemptFactory,
    EpisodeFactory,
    GateFactory,
    MembershipFactory,
    RunFactory,
    TenantFactory,
)

URL = "/admin/settings/builder/autofix-v3/"
PLATFORM = "/admin/settings/builder/platform/"
MODELS = "/admin/autofix/modelendpoint/"
EMPTY = {"autofix_enabled": "", "max_total_attempts": "", "max_per_step_attempts": "", "backoff_cap_seconds": ""}


def save(client, **values):
    return client.post(URL, {**EMPTY, **values}, follow=True)


def errors(answer) -> dict[str, list[str]]:
    return dict(answer.context["form"].errors)


def test_an_admin_switches_auto_fix_off_and_lets_it_inherit_again(member, tenant):
    admin = console(member("admin"))
    save(admin, autofix_enabled="off")
    tenant.refresh_from_db()
    assert tenant.autofix_enabled is False
    answer = save(admin)
    tenant.refresh_from_db()
    assert tenant.autofix_enabled is None
    assert "inherited" in said(answer)[0]


def test_own_values_are_in_force_and_named_as_own(member, tenant):
    answer = save(console(member("admin")), max_total_attempts="4", backoff_cap_seconds="120")
    tenant.refresh_from_db()
    assert policy.for_tenant(tenant).values["max_total_attempts"] == 4
    rows = {row["field"].name: row for row in answer.context["rows"]}
    assert (rows["max_total_attempts"]["is_own"], rows["max_per_step_attempts"]["is_own"]) == (True, False)
    assert "120" in said(answer)[0]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"max_total_attempts": "0"}, "max_total_attempts"),
        ({"max_total_attempts": "21"}, "max_total_attempts"),
        ({"max_per_step_attempts": "11"}, "max_per_step_attempts"),
        ({"backoff_cap_seconds": "301"}, "backoff_cap_seconds"),
        ({"backoff_cap_seconds": "soon"}, "backoff_cap_seconds"),
        ({"autofix_enabled": "maybe"}, "autofix_enabled"),
        ({"max_per_step_attempts": "7"}, "max_per_step_attempts"),
        ({"max_total_attempts": "2", "max_per_step_attempts": "3"}, "max_per_step_attempts"),
    ],
)
def test_a_value_out_of_range_is_refused_beside_its_field(member, tenant, values, field):
    answer = save(console(member("admin")), **values)
    assert list(errors(answer)) == [field]
    tenant.refresh_from_db()
    assert [getattr(tenant, name) for name in policy.FIELDS] == [None] * 4


def test_only_admins_of_the_tenant_may_save(member, tenant):
    approver = console(member("approver"))
    assert approver.get(URL).status_code == 200
    assert "Save</button>" not in approver.get(URL).content.decode()
    assert save(approver, autofix_enabled="off").status_code == 403


def test_another_tenants_settings_are_not_there(member, tenant):
    stranger = console(member("other"))
    assert stranger.get(URL, {"tenant": tenant.slug}).status_code == 404
    assert stranger.post(f"{URL}?tenant={tenant.slug}", EMPTY).status_code == 404


def test_somebody_with_two_tenants_chooses(member, tenant):
    user = member("viewer")
    MembershipFactory(user=user, tenant=TenantFactory(slug="second", name="Second"))
    page = console(user).get(URL, {"tenant": "second"})
    assert page.context["tenant"].slug == "second"
    assert [row.slug for row in page.context["tenants"]] == ["acme", "second"]


def test_somebody_without_a_tenant_is_told_what_to_do(member):
    user = member("other")
    user.memberships.all().delete()
    assert "member of no tenant" in console(user).get(URL).content.decode()


def test_the_kill_switch_is_for_platform_admins_only(member):
    admin = console(member("admin"))
    assert admin.get(PLATFORM).status_code == 403
    assert admin.post(PLATFORM, {"state": "off"}).status_code == 403
    assert policy.switch_state() == SwitchState.ON


def test_a_platform_admin_throws_the_switch_and_every_page_says_so(member, tenant):
    root = console(member("platform"))
    RunFactory(tenant=tenant, title="would be hit", status=RunStatus.RUNNING)
    assert "would be hit" in root.get(PLATFORM).content.decode()
    root.post(PLATFORM, {"state": "off"})
    assert KillSwitch.objects.get().changed_by.username == "root"
    viewer = console(member("viewer"))
    for url in ("/admin/", "/admin/runs/run/", URL):
        assert "The kill switch is off" in viewer.get(url).content.decode()
    assert "No auto-fix, for anyone" in viewer.get(URL).content.decode()


def test_a_state_nobody_knows_changes_nothing(member):
    answer = console(member("platform")).post(PLATFORM, {"state": "maybe"}, follow=True)
    assert "Nothing was changed" in said(answer)[0]
    assert not KillSwitch.objects.exists()


def test_the_first_page_shows_what_waits_for_me_only(member, tenant):
    GateFactory(run=RunFactory(tenant=tenant, status=RunStatus.PAUSED_AWAITING_APPROVAL), reason="mine to decide")
    GateFactory(run=RunFactory(), reason="of another tenant")
    approver = console(member("approver")).get("/admin/")
    assert [gate.reason for gate in approver.context["waiting"]] == ["mine to decide"]
    assert not console(member("viewer")).get("/admin/").context["waiting"]


def test_the_first_page_counts_the_last_day(member, tenant):
    healed = AttemptFactory(execution__step__run__tenant=tenant)
    recent = {"ended_at": timezone.now()}
    for outcome in ("healed", "healed", "healed", "given_up", "cancelled"):
        EpisodeFactory(step=healed.step, outcome=outcome, **recent)
    EpisodeFactory(step=healed.step, outcome="given_up", ended_at=timezone.now() - timedelta(days=2))
    page = console(member("viewer")).get("/admin/")
    assert (page.context["success"]["all"], page.context["success"]["ratio"]) == (4, 0.75)
    assert [(row["signal"], row["count"]) for row in page.context["signals"]] == [("lint", 1)]


def test_each_number_leads_to_a_list_that_can_be_shown(member, tenant):
    attempt = AttemptFactory(execution__step__run__tenant=tenant)
    EpisodeFactory(step=attempt.step, outcome="healed", ended_at=timezone.now())
    client = console(member("viewer"))
    context = client.get("/admin/").context
    urls = [figure["url"] for figure in context["figures"]] + [row["url"] for row in context["signals"]]
    assert [client.get(url).status_code for url in [*urls, context["success"]["url"]]] == [200] * (len(urls) + 1)


def test_an_empty_place_names_the_next_command(member, tenant):
    page = console(member("viewer")).get("/admin/").content.decode()
    assert "manage.py build" in page
    assert "./scripts/seed_staging_v3.sh" in page


def test_the_badge_counts_down_when_i_have_answered(member, tenant):
    gate = GateFactory(run=RunFactory(tenant=tenant), required_approvals=2)
    user = member("approver")
    gate.votes.create(user=user, actor=user.username, verdict=GateStatus.APPROVED)
    assert not console(user).get("/admin/").context["waiting"]


@pytest.mark.parametrize(
    ("path", "hint"), [("runs/run/", "manage.py build"), ("approvals/gate/", "Nothing waits for a decision")]
)
def test_an_empty_list_says_what_comes_next(member, tenant, path, hint):
    client = console(member("viewer"))
    assert hint in client.get(f"/admin/{path}").content.decode()
    assert "Nothing matches" in client.get(f"/admin/{path}", {"q": "zzz"}).content.decode()


def test_modes_are_set_by_signal_and_the_message_names_them(member, tenant):
    admin = console(member("admin"))
    assert "lint failures: suggest" in said(save(admin, mode_lint="suggest", mode_runtime="auto"))[0]
    tenant.refresh_from_db()
    assert tenant.modes == {"lint": "suggest"}
    save(admin, autofix_enabled="on")
    tenant.refresh_from_db()
    assert tenant.modes == {"lint": "suggest"}  # a form that does not send them leaves them


def test_a_mode_that_there_is_not_is_refused(member, tenant):
    page = console(member("admin")).post(f"{URL}?tenant=acme", {"mode_lint": "sometimes"})
    assert "Nothing was saved" in page.content.decode()
    tenant.refresh_from_db()
    assert tenant.modes == {}


def test_the_strategies_page_counts_what_came_of_each(member, tenant):
    mine = AttemptFactory(execution__step__run__tenant=tenant, strategy="patch", fixer="ruff + isort", verified=True)
    AttemptFactory(
        execution__step__run__tenant=tenant, strategy="give_up", outcome="gave_up", fixer="", abstained="patch retry"
    )
    AttemptFactory(strategy="patch", fixer="secret-fixer")  # another tenant's
    page = console(member("viewer")).get("/admin/settings/builder/strategies/")
    rows = {row["strategy"]: row for row in page.context["strategies"]}
    assert (rows["patch"]["tried"], rows["patch"]["abstained"], rows["patch"]["verified"]) == (2, 1, 1)
    assert rows["retry"]["tried"] == 1
    assert [row["fixer"] for row in page.context["fixers"]] == ["isort", "ruff"]
    assert "secret-fixer" not in page.content.decode()
    assert mine.pk


def test_an_admin_of_the_tenant_may_have_a_known_fix_forgotten(member, tenant):
    known, other = (
        KnownFix.objects.create(tenant=owner, fingerprint="f", signal="lint", message="m", patch="p", patch_digest="d")
        for owner in (tenant, TenantFactory())
    )
    path = "/admin/autofix/knownfix/"
    forget = {"action": "forget", "_selected_action": [str(known.pk), str(other.pk)]}
    console(member("viewer")).post(path, forget)
    assert KnownFix.objects.count() == 2
    console(member("admin")).post(path, forget)
    assert list(KnownFix.objects.all()) == [other]


def test_a_models_key_is_sealed_and_never_shown(member, tenant):
    admin = console(member("admin"))
    values = {"tenant": str(tenant.pk), "enabled": "on", "base_url": "https://93.184.215.14/v1", "model": "m"}
    budgets = {"max_run_tokens": "1000", "month_budget": "5", "input_price": "0", "output_price": "0"}
    answer = admin.post(f"{MODELS}add/", {**values, **budgets, "key": "the-key"}, follow=True)
    assert answer.status_code == 200
    row = ModelEndpoint.objects.get()
    assert "the-key" not in row.sealed_key
    assert sealing.unseal(row.sealed_key) == "the-key"
    page = admin.get(f"{MODELS}{row.pk}/change/").content.decode()
    assert "the-key" not in page
    assert row.sealed_key not in page
    admin.post(f"{MODELS}{row.pk}/change/", {**values, **budgets, "key": ""})
    row.refresh_from_db()
    assert sealing.unseal(row.sealed_key) == "the-key"
    admin.post(f"{MODELS}{row.pk}/change/", {**values, **budgets, "forget_key": "on"})
    row.refresh_from_db()
    assert not row.has_key


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"base_url": "http://models.example/v1"}, "Plain http"),
        ({"base_url": "https://10.0.0.1/v1"}, "not on the public internet"),
        ({"enabled": "on"}, "give a URL and a model, or a command"),
        ({"base_url": "https://93.184.215.14/v1", "command": "agent"}, "Either a URL or a command"),
        ({"max_run_tokens": "10"}, "greater than or equal to 1000"),
    ],
)
def test_a_model_that_could_not_be_asked_is_refused(member, tenant, values, says):
    budgets = {"max_run_tokens": "1000", "month_budget": "5", "input_price": "0", "output_price": "0"}
    answer = console(member("admin")).post(f"{MODELS}add/", {"tenant": str(tenant.pk), **budgets, **values})
    assert says in answer.content.decode()
    assert not ModelEndpoint.objects.exists()


def test_only_an_admin_sets_up_a_model_and_only_for_their_own_tenant(member, tenant):
    other = TenantFactory()
    budgets = {"max_run_tokens": "1000", "month_budget": "5", "input_price": "0", "output_price": "0"}
    assert console(member("operator")).post(f"{MODELS}add/", {"tenant": str(tenant.pk), **budgets}).status_code == 403
    console(member("admin")).post(f"{MODELS}add/", {"tenant": str(other.pk), **budgets, "command": "id"})
    assert not ModelEndpoint.objects.exists()


def test_a_key_goes_to_no_other_address_than_it_was_entered_for(member, tenant):
    row = ModelEndpoint.objects.create(
        tenant=tenant, base_url="https://93.184.215.14/v1", model="m", sealed_key=sealing.seal("the-key")
    )
    budgets = {"max_run_tokens": "1000", "month_budget": "5", "input_price": "0", "output_price": "0"}
    values = {"base_url": "https://1.1.1.1/v1", "model": "m", **budgets}
    console(member("admin")).post(f"{MODELS}{row.pk}/change/", values)
    row.refresh_from_db()
    assert (row.base_url, row.has_key) == ("https://1.1.1.1/v1", False)


def test_a_key_is_not_shown_when_the_form_comes_back_and_prices_are_not_negative(member, tenant):
    values = {"tenant": str(tenant.pk), "max_run_tokens": "1000", "month_budget": "5", "input_price": "-3"}
    admin = console(member("admin"))
    page = admin.post(f"{MODELS}add/", {**values, "output_price": "0", "key": "the-key"}).content.decode()
    assert "greater than or equal to 0" in page
    assert "the-key" not in page
    page = admin.post(f"{MODELS}add/", {**values, "input_price": "0", "key": "sk-1…9"}).content.decode()
    assert "paste it whole" in page
