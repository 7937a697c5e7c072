from collections.abc import Callable

from autofix.failures import Failure, Finding, Signal
from tests.autofix.fixers.local_tree import LocalTree, fixer

Project = Callable[..., LocalTree]
TABLE = """
Found 3 known vulnerabilities in 2 packages
Name   Version ID                  Fix Versions
------ ------- ------------------- -------------
jinja2 2.10    PYSEC-2019-217      2.10.1
jinja2 2.10    GHSA-h5c8-rqwp-cp95 2.11.3,3.1.3
flask  0.5     PYSEC-2019-179      1.0
idna   3.7     PYSEC-2024-60
"""


def audit(*messages: str, text: str = "") -> Failure:
    findings = tuple(Finding(message, message) for message in messages)
    return Failure(Signal.SECURITY, "pip-audit", "pip-audit", detail="dependency", excerpt=text, findings=findings)


def test_a_pin_goes_to_the_smallest_version_without_its_holes(project: Project) -> None:
    tree = project({"requirements.txt": "Jinja2==2.10\nflask>=0.5\nidna==3.7\n"})
    assert fixer("vulnerable-requirement").apply(tree, audit(text=TABLE))
    assert tree.read("requirements.txt") == "Jinja2==2.11.3\nflask>=1.0\nidna==3.7\n"


def test_a_finding_of_the_report_is_understood(project: Project) -> None:
    tree = project({"pyproject.toml": '[project]\nname = "a"\ndependencies = ["jinja2[i18n]==2.10"]\n'})
    assert fixer("vulnerable-requirement").apply(tree, audit("PYSEC-1: jinja2 2.10, fixed in 2.10.1"))
    assert '"jinja2[i18n]==2.10.1"' in tree.read("pyproject.toml")


def test_a_package_of_node_keeps_its_range(project: Project) -> None:
    text = '{"dependencies": {"lodash": "^4.17.0", "lodash.get": "4.0.0"}}\n'
    tree = project({"package.json": text, "node_modules/a/package.json": text})
    assert fixer("vulnerable-package").apply(tree, audit("GHSA-1: lodash <4.17.21: Prototype Pollution"))
    assert tree.read("package.json") == text.replace("^4.17.0", "^4.17.21")
    assert tree.read("node_modules/a/package.json") == text


def test_a_hole_without_a_cure_changes_nothing(project: Project) -> None:
    tree = project({"requirements.txt": "idna==3.7\n", "package.json": "{}\n"})
    for name in ("vulnerable-requirement", "vulnerable-package"):
        assert fixer(name).needs_approval
        assert not fixer(name).apply(tree, audit("PYSEC-2024-60: idna 3.7"))
