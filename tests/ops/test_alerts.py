"""The real promtool accepts rules and configuration and runs the rules' own tests."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import promql_parser
import pytest
import yaml

from tests.ops.test_dashboard import SERIES, selectors

OPS = Path(__file__).parents[2] / "ops"
PROMETHEUS = OPS / "prometheus"
GROUPS = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"]
RULES = {rule["alert"]: rule for group in GROUPS for rule in group["rules"]}
UNIT_TESTS = yaml.safe_load((PROMETHEUS / "alerts_test.yml").read_text())["tests"]
CASES = [case for test in UNIT_TESTS for case in test["alert_rule_test"]]
HEADINGS = re.findall(r"^## (.+)$", (OPS / "RUNBOOK.md").read_text(), re.MULTILINE)


@pytest.fixture(scope="module")
def promtool() -> str:
    path = shutil.which("promtool")
    if path:
        return path
    reason = "ALERT RULES NOT CHECKED: promtool is missing (Debian: apt-get install prometheus)"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.mark.parametrize(
    "command",
    ["check rules alerts.yml", "check config prometheus.yml", "test rules alerts_test.yml"],
)
def test_promtool_is_content(promtool, command):
    done = subprocess.run(
        [promtool, *command.split()],
        check=False,
        cwd=PROMETHEUS,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", RULES)
def test_an_alert_has_a_firing_and_a_quiet_case(name):
    fires = {bool(case["exp_alerts"]) for case in CASES if case["alertname"] == name}
    assert fires == {True, False}


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_an_alert_reads_only_declared_metrics(rule):
    promql_parser.parse(rule["expr"])
    for selector in selectors(rule["expr"]):
        assert selector.name in SERIES.keys() | {"up"}


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_an_alert_says_what_happened_and_where_to_read_on(rule):
    assert set(rule["annotations"]) == {"summary", "description", "runbook"}
    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert rule["annotations"]["runbook"] == f"ops/RUNBOOK.md#{rule['alert'].lower()}"
    assert rule["alert"] in HEADINGS


def test_the_rules_watch_the_job_that_is_scraped():
    config = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
    assert [job["job_name"] for job in config["scrape_configs"]] == ["meta-builder"]
    assert 'job="meta-builder"' in RULES["MetaBuilderDown"]["expr"]
