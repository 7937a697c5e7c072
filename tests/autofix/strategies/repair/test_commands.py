import pytest

from autofix.strategies.repair.commands import PytestCommand, understood

UNDERSTOOD = [
    ("pytest", PytestCommand()),
    ("python -m pytest -q -x --tb=short tests", PytestCommand(("tests",))),
    (".venv/bin/python -m pytest -n auto --cov=src --cov-report xml", PytestCommand()),
    ("cd lib && PYTHONPATH=src pytest -k 'not slow'", PytestCommand(("-k", "not slow"), "lib", {"PYTHONPATH": "src"})),
    ("pip install -e . && pytest -W error", PytestCommand(("-W", "error"))),
    ("export A=1; uv run pytest -m 'not web'", PytestCommand(("-m", "not web"), "", {"A": "1"})),
    ("coverage run -m pytest tests", PytestCommand(("tests",))),
    ("pytest -p no:randomly -o x=y", PytestCommand(("-p", "no:randomly", "-o", "x=y"))),
]
NOT_UNDERSTOOD = [
    "make test",
    "tox",
    "pytest | tee log",
    "pytest $(cat list)",
    "pytest ${ARGS}",
    "for x in a; do pytest; done",
    "pytest 'a",
]


@pytest.mark.parametrize(("command", "meaning"), UNDERSTOOD)
def test_it_understands(command, meaning):
    assert understood(command) == meaning


@pytest.mark.parametrize("command", NOT_UNDERSTOOD)
def test_it_does_not_guess(command):
    assert understood(command) is None
