"""Says as JSON what the API shows of the one run in a database: a process of its own, beside the command line.

python -m scripts.benchmarks.repair.answers
"""

import json
import sys
from typing import Any

import django

django.setup()

from approvals.serializers import GateSerializer  # noqa: E402 - models need Django to be set up
from autofix.serializers import HealingRunSerializer, timeline_shown  # noqa: E402
from metabuilder.runs.models import Run, StepExecution  # noqa: E402


def answers(run: Run) -> dict[str, Any]:  # Any: JSON
    executions = StepExecution.objects.filter(run=run).select_related("step").order_by("number")
    gates = run.gates.order_by("created_at")
    return {
        "run": HealingRunSerializer(run).data,
        "timeline": timeline_shown(run),
        "gates": [GateSerializer(gate).data for gate in gates],
        "diff": run.diff,
        "plan": [{"name": step.name, "run": step.command} for step in run.steps.filter(removed_in=None)],
        "executions": [
            {
                "step": each.step.name,
                "status": each.status,
                "started": each.started_at.timestamp(),
                "ended": each.finished_at.timestamp() if each.finished_at else None,
                "seconds": each.duration_seconds or 0.0,
            }
            for each in executions
        ],
    }


if __name__ == "__main__":
    found = Run.objects.order_by("-created_at").first()
    json.dump(answers(found) if found else None, sys.stdout, default=str)
