import pytest

from metabuilder.runs import plan_input, plans
from metabuilder.runs.models import Plan
from tests.factories import PLAN_RULE as RULE

GOOD = {"name": "lint", "run": "ruff check ."}
RULES_ALONE = """
[[rules]]
name = "license-server"
type = "infra"
pattern = 'no seat left on (?P<subject>\\S+)'
message = "{subject} has no licence left"
example = "fatal: no seat left on lic-7"
"""
BAD = [
    ({}, "steps", "required"),
    ({"steps": []}, "steps", "at least 1"),
    ({"steps": [GOOD], "stages": []}, "stages", "unknown key"),
    ({"steps": [{**GOOD, "comand": "x"}]}, "steps.0.comand", "unknown key"),
    ({"steps": [{"name": "lint"}]}, "steps.0.run", "required"),
    ({"steps": [{**GOOD, "run": ""}]}, "steps.0.run", "command"),
    ({"steps": [{**GOOD, "run": "  "}]}, "steps.0.run", "command"),
    ({"steps": [{**GOOD, "run": ["ls"]}]}, "steps.0.run", "string"),
    ({"steps": [{**GOOD, "name": "../x"}]}, "steps.0.name", "letters"),
    ({"steps": [{**GOOD, "timeout": 0}]}, "steps.0.timeout", "from 1"),
    ({"steps": [{**GOOD, "timeout": "9"}]}, "steps.0.timeout", "integer"),
    ({"steps": [{**GOOD, "kind": "deploy"}]}, "steps.0.kind", "choose"),
    ({"steps": [{**GOOD, "env": {"LD_PRELOAD": "x"}}]}, "steps.0.env", "LD_PRELOAD"),
    ({"steps": [{**GOOD, "env": {"PATH": "x"}}]}, "steps.0.env", "PATH"),
    ({"steps": [{**GOOD, "env": {"GIT_DIR": "x"}}]}, "steps.0.env", "GIT_DIR"),
    ({"steps": [{**GOOD, "env": {"A": 1}}]}, "steps.0.env.A", "string"),
    ({"steps": [GOOD, GOOD]}, "steps", "two steps"),
    ({"steps": [{**GOOD, "name": f"s{n}"} for n in range(101)]}, "steps", "at most 100"),
    ({"steps": [{**GOOD, "timeout": True}]}, "steps.0.timeout", "integer"),
    ({"steps": [{**GOOD, "timeout": 86_401}]}, "steps.0.timeout", "86,400"),
    ({"steps": [{**GOOD, "kind": ["test"]}]}, "steps.0.kind", "choose"),
    ({"steps": [{**GOOD, "name": "n" * 101}]}, "steps.0.name", "at most 100"),
    ({"steps": [{**GOOD, "name": "lint\n"}]}, "steps.0.name", "letters"),
    ({"steps": [{**GOOD, "run": "x" * 20_001}]}, "steps.0.run", "20,000"),
    ({"steps": [{**GOOD, "run": "a\0b"}]}, "steps.0.run", "command"),
    ({"steps": [{**GOOD, "env": ["A"]}]}, "steps.0.env", "object"),
    ({"steps": [{**GOOD, "env": {"A": "\0"}}]}, "steps.0.env", "not a name"),
    ({"steps": [{**GOOD, "env": {1: "x"}}]}, "steps.0.env", "not a name"),
    ({"steps": [{**GOOD, "env": {f"A{n}": "x" for n in range(101)}}]}, "steps.0.env", "at most 100"),
    ({"steps": [{**GOOD, "network": "yes"}]}, "steps.0.network", "true or false"),
    ({"steps": ["ls"]}, "steps.0", "object"),
    ({"steps": {"a": "ls"}}, "steps", "list"),
    ({"steps": [GOOD], "rules": {}}, "rules", "list"),
    ({"steps": [GOOD], "rules": ["x"]}, "rules", "list"),
    ({"steps": [GOOD], "rules": [RULE] * 51}, "rules", "at most 50"),
    ({"steps": [GOOD], "rules": [RULE, RULE]}, "rules.1.name", "two rules"),
    ({"steps": [GOOD], "rules": [{**RULE, "pattern": "(?=x)"}]}, "rules.0.pattern", "RE2"),
    ({"steps": [GOOD], "rules": [{**RULE, "pattern": ".*", "message": "x"}]}, "rules.0.pattern", "every log"),
    ({"steps": [GOOD], "rules": [{**RULE, "type": "boom"}]}, "rules.0.type", "one of"),
    ({"steps": [GOOD], "rules": [{**RULE, "example": "x"}]}, "rules.0.example", "does not match"),
    ({"steps": [GOOD], "rules": [{**RULE, "colour": "red"}]}, "rules.0.colour", "unknown key"),
    ({"steps": [GOOD], "rules": [{**RULE, "message": "{"}]}, "rules.0.message", "left over"),
    ({"steps": [GOOD], "rules": [{}]}, "rules.0.type", "one of"),
    ([], "plan", "object"),
    ("ls", "plan", "object"),
    (None, "plan", "object"),
]


@pytest.mark.parametrize(("document", "field", "words"), BAD)
def test_a_bad_plan_is_refused_with_the_field_and_what_is_wrong(document, field, words):
    with pytest.raises(plan_input.PlanRejected) as refusal:
        plan_input.parse(document)
    [error] = refusal.value.errors
    assert error.field == field
    assert words in error.detail


def test_every_fault_is_said_at_once():
    with pytest.raises(plan_input.PlanRejected) as refusal:
        plan_input.parse({"steps": [{"name": "a", "timeout": 0}, {"run": "x", "color": "red"}], "title": "x"})
    assert [error.field for error in refusal.value.errors] == [
        *("title", "steps.0.run", "steps.0.timeout", "steps.1.color", "steps.1.name"),
    ]


def test_broken_toml_is_refused_with_its_line():
    with pytest.raises(plan_input.PlanRejected, match="line 1"):
        plans.parse_toml("[[steps]")


def test_a_plan_in_the_source_beats_what_would_be_detected():
    files = {"metabuilder.toml": '[[steps]]\nname = "a"\nrun = "true"\n', "test_a.py": ""}
    origin, plan = plans.find(files, files.__getitem__)
    assert (origin, [step.name for step in plan.steps]) == ("file", ["a"])


def test_a_file_with_rules_alone_leaves_the_steps_to_be_detected():
    files = {"metabuilder.toml": RULES_ALONE, "test_a.py": "", "pyproject.toml": "[tool.ruff]\n"}
    origin, plan = plans.find(files, files.__getitem__)
    assert origin == "detected"
    assert plan.steps
    assert plan.rules[0]["name"] == "license-server"


def test_a_bad_rule_in_the_file_is_refused_like_a_bad_step():
    files = {"metabuilder.toml": RULES_ALONE.replace("no seat", "("), "test_a.py": ""}
    with pytest.raises(plan_input.PlanRejected, match=r"rules\.0\.pattern"):
        plans.find(files, files.__getitem__)


def test_the_rules_of_a_plan_stay_with_the_run_through_its_deltas(queued_run):
    plans.install(queued_run, plan_input.parse({"steps": [GOOD], "rules": [RULE]}), "given", 60)
    queued_run.refresh_from_db()
    assert queued_run.rules == [RULE]
    change = {"op": "replace", "step": "lint", "after": plans.describe(queued_run.steps.get())}
    assert plans.apply_delta(queued_run, 1, [change])
    assert [plan.document["rules"] for plan in Plan.objects.filter(run=queued_run)] == [[RULE], [RULE]]


def test_a_source_that_is_not_recognised_says_what_to_add():
    with pytest.raises(plan_input.PlanRejected, match=r"metabuilder\.toml"):
        plans.find({"notes.txt": ""}, lambda path: "")


@pytest.fixture
def planned_run(queued_run):
    plan = plan_input.parse({"steps": [{"name": "a", "run": "1"}, {"name": "b", "run": "2"}]})
    plans.install(queued_run, plan, "given", 60)
    return queued_run


def names(run):
    return list(run.steps.order_by("position").values_list("name", flat=True))


def test_a_delta_is_applied_once_however_often_it_is_asked(planned_run):
    step = {"kind": "install", "run": "pip", "timeout": 1, "env": {}, "network": False}
    change = {"op": "add", "step": "install", "before": None, "after": step, "position": "b"}
    assert plans.apply_delta(planned_run, 1, [change])
    assert not plans.apply_delta(planned_run, 1, [change])
    assert names(planned_run) == ["a", "install", "b"]
    assert planned_run.plan_version == 2
    assert Plan.objects.get(run=planned_run, version=2).document["steps"][1]["name"] == "install"


def test_steps_are_removed_replaced_and_moved(planned_run):
    a = plans.describe(planned_run.steps.get(name="a"))
    changes = [
        {"op": "replace", "step": "a", "before": a, "after": {**a, "run": "3"}},
        {"op": "move", "step": "b", "position": "a"},
    ]
    plans.apply_delta(planned_run, 1, changes)
    assert names(planned_run) == ["b", "a"]
    assert planned_run.steps.get(name="a").command == "3"
    plans.apply_delta(planned_run, 2, [{"op": "remove", "step": "b"}])
    assert names(planned_run) == ["a"]
