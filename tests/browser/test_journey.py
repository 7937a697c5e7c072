"""The ways people go through the admin, clicked in a browser."""

import pytest
from playwright.sync_api import Page, expect

from approvals.models import GateStatus
from metabuilder.runs import transitions
from metabuilder.runs.models import LogChunk
from metabuilder.runs.states import RunStatus
from tests.console import gate_url, run_url
from tests.factories import GateFactory, LogChunkFactory, StepFactory

SETTINGS = "/admin/settings/builder/autofix-v3/"


def overflow(page: Page) -> int:
    return page.evaluate("document.documentElement.scrollWidth - window.innerWidth")


def test_an_admin_finds_the_setting_and_switches_auto_fix_off(open_page, acme):
    page = open_page()
    page.locator("#nav-sidebar-apps").get_by_role("link", name="Builder").click()
    expect(page.get_by_label("Breadcrumb")).to_contain_text("Auto-Fix (v3)")
    page.get_by_label("Off", exact=True).check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved for Acme")).to_be_visible()
    acme.refresh_from_db()
    assert acme.autofix_enabled is False


def test_inherit_again_empties_the_field(open_page, acme):
    acme.max_total_attempts = 4
    acme.save()
    page = open_page()
    page.goto(SETTINGS)
    page.get_by_role("button", name="Inherit again").first.click()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved for Acme")).to_be_visible()
    acme.refresh_from_db()
    assert acme.max_total_attempts is None


def test_an_approver_goes_from_home_to_the_gate_and_approves(open_page, paused):
    page = open_page()
    page.get_by_role("link", name="A password is in app.py.").click()
    expect(page.get_by_role("cell", name="import sys")).to_be_visible()
    page.keyboard.press("a")
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Comment").fill("looks right")
    dialog.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("Approved. The run goes on from here.")).to_be_visible()
    assert paused.gates.get().status == GateStatus.APPROVED


def test_an_approver_rejects_from_the_runs_page(open_page, paused):
    page = open_page()
    page.goto(run_url(paused))
    page.get_by_role("button", name="Reject").click()
    page.get_by_role("dialog").get_by_role("button", name="Reject").click()
    expect(page.get_by_text("Rejected. The run has failed")).to_be_visible()
    assert paused.gates.get().status == GateStatus.REJECTED


def test_backing_out_of_the_confirmation_decides_nothing(open_page, paused):
    page = open_page()
    page.goto(gate_url(paused.gates.get()))
    page.get_by_role("button", name="Approve").click()
    page.get_by_role("dialog").get_by_role("button", name="Back").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert paused.gates.get().status == GateStatus.PENDING


def test_a_phone_reaches_the_decision_without_scrolling_sideways(open_page, paused):
    page = open_page(width=320, is_mobile=True, has_touch=True)
    for url in ("/admin/", "/admin/runs/run/", run_url(paused), gate_url(paused.gates.get()), SETTINGS):
        page.goto(url)
        assert overflow(page) <= 0, url
    page.goto(gate_url(paused.gates.get()))
    approve = page.get_by_role("button", name="Approve")
    expect(approve).to_be_in_viewport()
    approve.tap()
    expect(page.get_by_role("dialog").get_by_role("button", name="Approve")).to_be_in_viewport()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(open_page, paused, scheme):
    page = open_page(color_scheme=scheme)
    for url in ("/admin/", run_url(paused), f"{run_url(paused)}?tab=timeline#attempt-1", SETTINGS):
        page.goto(url)
        assert page.evaluate(FAINT_TEXT) == []


def test_the_head_follows_the_run_and_what_is_open_stays_open(open_page, paused):
    page = open_page()
    page.goto(f"{run_url(paused)}?tab=timeline")
    page.locator("#attempt-1 summary").click()
    expect(page.get_by_role("link", name="log of execution 1")).to_be_visible()
    transitions.intervene(paused, RunStatus.QUEUED, "approved", "ada", frozenset({RunStatus.PAUSED_AWAITING_APPROVAL}))
    StepFactory(run=paused, name="extra")
    expect(page.locator("#run-head")).to_contain_text("extra", timeout=10_000)
    expect(page.get_by_role("link", name="log of execution 1")).to_be_visible()


def test_a_growing_log_appears_line_by_line(open_page, paused):
    chunk = LogChunkFactory(execution__step=paused.steps.get(name="security"), text="first line\n")
    page = open_page()
    page.goto(f"{run_url(paused)}?tab=logs")
    expect(page.get_by_text("first line")).to_be_visible()
    LogChunk.objects.create(execution=chunk.execution, sequence=1, offset=11, text="second line\n")
    expect(page.get_by_text("second line")).to_be_visible(timeout=10_000)
    assert page.get_by_text("first line").count() == 1


def test_a_link_to_a_line_opens_its_group(open_page, paused):
    LogChunkFactory(execution__step=paused.steps.get(name="security"))
    page = open_page()
    page.goto(f"{run_url(paused)}?tab=logs#e1L1")
    expect(page.locator("#e1L1")).to_be_visible()
    expect(page.locator("#e1L1 .ansi31")).to_have_text("F401")


def test_a_form_somebody_is_filling_in_is_left_alone(open_page, paused):
    page = open_page()
    page.goto(f"{run_url(paused)}?tab=approvals")
    page.get_by_role("button", name="Approve").click()
    page.get_by_label("Comment").fill("half a thought")
    GateFactory(run=paused, reason="another question")
    page.wait_for_timeout(3_000)
    expect(page.get_by_label("Comment")).to_have_value("half a thought")


# Every visible piece of our own text whose contrast with the ground behind it is below 4.5 to 1.
FAINT_TEXT = """() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true});
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = ([r, g, b]) => [r, g, b].map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return [255, 255, 255, 255];
  };
  const faint = [];
  const SKIPPED = ".mb-sr, dialog, :disabled, .material-symbols-outlined";
  for (const element of document.querySelectorAll("#main [class*='mb-'], #main [class*='mb-'] *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.checkVisibility() || element.closest(SKIPPED)) continue;
    const [a, b] = [light(rgba(getComputedStyle(element).color)), light(ground(element))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) faint.push(`${element.textContent.trim().slice(0, 30)}: ${ratio.toFixed(1)}`);
  }
  return faint;
}"""
