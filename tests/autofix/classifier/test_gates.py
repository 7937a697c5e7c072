"""What scanners and rules of the organisation say that no rule of the rulebook knows."""

import pytest

from autofix.classifier import Evidence, classify
from autofix.classifier.lines import clean
from autofix.failures import Signal


@pytest.mark.parametrize(
    ("kind", "log", "signal", "detail"),
    [
        ("other", "zonkgate: Not compliant packages: zink\n", Signal.POLICY, "license"),
        ("lint", "cmd/a.zz: no license header\n", Signal.POLICY, "license"),
        ("other", 'Branch "mira-test" does not follow <type>/<words>\n', Signal.POLICY, "commit"),
        ("other", "Error: Change files are needed!\n", Signal.POLICY, "denied"),
        ("build", "dist/app.zz: 214KB > 180KB\n", Signal.POLICY, "denied"),
        ("other", "k8s/a.yml\n  [deny] zink runs as root\n", Signal.POLICY, "opa"),
        ("other", "✖ zink is not allowed here (ADR-14)\n", Signal.POLICY, "denied"),
        ("security", "zink.rpm:\n  Payload digest: BAD\n", Signal.SECURITY, "supply-chain"),
        ("security", "zonkscan\n  zink   HIGH   eval of user input\n", Signal.SECURITY, "sast"),
        ("other", "zonkscan\n2 leaks found\n", Signal.SECURITY, "secret"),
        ("other", "zink 1.2 is vulnerable\n", Signal.SECURITY, "dependency"),
    ],
)
def test_findings_and_refusals(kind: str, log: str, signal: Signal, detail: str) -> None:
    found = classify(Evidence("step", log, 1, kind))
    assert (found.signal, found.detail) == (signal, detail)
    assert found.confidence <= 0.95


@pytest.mark.parametrize(
    "log",
    [
        "checking licences\nchecking branch names\n",
        "0 findings\n0 secrets\nno vulnerabilities found\n",
        "12 policies loaded\nscanning 214 files\n",
        "$ zonkscan --deny GPL-3.0\n",
        "Licence check passed\n",
    ],
)
def test_what_is_no_finding(log: str) -> None:
    for kind in ("", "build", "lint", "security", "other"):
        assert classify(Evidence("step", log, 1, kind)).signal == Signal.UNKNOWN


def test_a_scanner_that_cannot_run_found_nothing() -> None:
    log = "zonkscan: error: unable to load the rules for high severity findings\n"
    assert classify(Evidence("step", log, 1, "security")).signal != Signal.SECURITY


def test_what_is_known_comes_first() -> None:
    log = "curl: (6) Could not resolve host: policy.acme.example\nnot compliant with the rules of the house\n"
    assert classify(Evidence("step", log, 1, "other")).signal == Signal.TRANSIENT


def test_the_prefix_of_teamcity_goes() -> None:
    log = "[13:04:52] : \t [Step 2/3] src/a.zz:1\n[13:04:52]W:\t [Step 2/3] b\n"
    assert clean(log).decode() == "src/a.zz:1\nb\n"
