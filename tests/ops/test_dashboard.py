"""Grafana shows only what `metabuilder.metrics` declares, and explains every panel."""

import json
from itertools import combinations
from pathlib import Path

import promql_parser
import pytest

from metabuilder import metrics

PATH = Path(__file__).parents[2] / "ops" / "grafana" / "meta_builder_v3_dashboard.json"
DASHBOARD = json.loads(PATH.read_text())
ROWS = [panel for panel in DASHBOARD["panels"] if panel["type"] == "row"]
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
EXPRESSIONS = [target["expr"] for panel in PANELS for target in panel["targets"]]
GRID_WIDTH = 24


def series_of(spec: metrics.MetricSpec) -> dict[str, set[str]]:
    """The series a metric has on the wire, each with the labels it may be asked for."""
    labels = {"job", "instance", *spec.labels}
    if spec.kind != "histogram":
        return {spec.name: labels}
    plain = {f"{spec.name}_sum": labels, f"{spec.name}_count": labels}
    return plain | {f"{spec.name}_bucket": labels | {"le"}}


SERIES = {name: labels for spec in metrics.ALL for name, labels in series_of(spec).items()}


def nodes(expression: str, kind: type) -> list:
    found = []
    promql_parser.walk(
        promql_parser.parse(expression),
        lambda node: found.append(node) if isinstance(node, kind) else None,
    )
    return found


def selectors(expression: str) -> list[promql_parser.VectorSelector]:
    return nodes(expression, promql_parser.VectorSelector)


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_parses_and_uses_only_declared_metrics_and_labels(expression):
    for selector in selectors(expression):
        assert selector.name in SERIES
        assert {one.name for one in selector.matchers.matchers} <= SERIES[selector.name]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_groups_only_by_labels_that_exist(expression):
    known = set().union(*(SERIES[selector.name] for selector in selectors(expression)))
    for aggregate in nodes(expression, promql_parser.AggregateExpr):
        assert set(aggregate.modifier.labels if aggregate.modifier else ()) <= known


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_an_expression_counts_each_number_once_however_many_web_machines_publish_it(expression):
    innermost = [
        aggregate
        for aggregate in nodes(expression, promql_parser.AggregateExpr)
        if not nodes(str(aggregate.expr), promql_parser.AggregateExpr)
    ]
    assert innermost
    assert {str(aggregate.op) for aggregate in innermost} <= {"max", "min"}


@pytest.mark.parametrize("spec", metrics.ALL, ids=lambda spec: spec.name)
def test_every_metric_is_on_the_dashboard(spec):
    shown = {selector.name for expression in EXPRESSIONS for selector in selectors(expression)}
    assert shown & set(series_of(spec))


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_says_what_it_shows_in_which_unit_and_what_each_line_is(panel):
    assert len(panel["description"]) > 80
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["datasource"]["uid"] == "${datasource}"
    assert all(target["legendFormat"] for target in panel["targets"])
    assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_that_draws_lines_has_a_legend(panel):
    if panel["type"] == "timeseries":
        assert panel["options"]["legend"]["showLegend"]
    else:
        assert panel["type"] in {"stat", "heatmap"}


def test_titles_and_ids_are_unique_and_every_row_explains_itself():
    assert len({panel["title"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    assert all(row["description"] for row in ROWS)


def overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    return (
        one["x"] < other["x"] + other["w"]
        and other["x"] < one["x"] + one["w"]
        and one["y"] < other["y"] + other["h"]
        and other["y"] < one["y"] + one["h"]
    )


def test_panels_stay_on_the_grid_and_do_not_overlap():
    for panel in DASHBOARD["panels"]:
        grid = panel["gridPos"]
        assert grid["w"] > 0, panel["title"]
        assert grid["x"] + grid["w"] <= GRID_WIDTH, panel["title"]
    for one, other in combinations(DASHBOARD["panels"], 2):
        assert not overlap(one["gridPos"], other["gridPos"]), (one["title"], other["title"])


def test_the_success_ratio_turns_red_below_70_percent_and_green_from_80():
    panel = next(panel for panel in PANELS if panel["type"] == "stat")
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    assert panel["title"].startswith("Success ratio")
    assert [step["value"] for step in steps] == [None, 0.7, 0.8]


def test_it_can_be_imported_into_any_grafana():
    [source] = DASHBOARD["__inputs"]
    [variable] = DASHBOARD["templating"]["list"]
    assert (source["type"], source["pluginId"]) == ("datasource", "prometheus")
    assert (variable["type"], variable["query"]) == ("datasource", "prometheus")
    assert variable["current"]["value"] == f"${{{source['name']}}}"
    assert DASHBOARD["id"] is None
    assert DASHBOARD["uid"] == "meta-builder-v3"
    assert DASHBOARD["schemaVersion"] >= 39
    assert (DASHBOARD["timezone"], DASHBOARD["refresh"]) == ("browser", "30s")


def test_it_names_no_tenant():
    assert not [expression for expression in EXPRESSIONS if "tenant" in expression]
