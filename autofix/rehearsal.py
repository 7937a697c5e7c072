"""What a node does once before it forks its workers, so that each does not do it for itself.

What was loaded before is there once for all of them. Code, too: Python writes into code that has not run often
yet (PEP 659), and a page that a worker writes to becomes its own. So a node lives through a run that never was,
in a transaction that is rolled back.
"""

import logging
import uuid

from django.conf import settings
from django.db import transaction

from autofix import policy, remedies, timeline
from autofix.classifier import Evidence, classify
from autofix.control import start_run
from metabuilder.execution.command import CommandResult, Verdict
from metabuilder.runs import executions, transitions, turns, workers
from metabuilder.runs.executions import End, Trial
from metabuilder.runs.intake import Order
from metabuilder.runs.logs import LogWriter
from metabuilder.runs.models import SourceKind
from metabuilder.runs.states import RunStatus, StepStatus
from tenants.models import Tenant

TIMES = 10
# What fails most, in its tools' words: the states that the matcher makes for it are there once for all workers.
USUAL_LOG = """error: warm-up
ERROR: Connection reset by peer
curl: (6) Could not resolve host: pypi.org
HTTP error 503 Service Unavailable; 429 Too Many Requests
Error: connect ECONNREFUSED 127.0.0.1:5432
ModuleNotFoundError: No module named 'yaml'
src/app.py:1:8: F401 [*] `os` imported but unused
src/app.py:3: error: Incompatible types in assignment  [assignment]
FAILED tests/test_app.py::test_it - AssertionError: assert 1 == 2
E       assert 1 == 2
No space left on device
"""
PLAN = {"steps": [{"name": "first", "run": "true"}, {"name": "second", "run": "true"}]}
PASSED = CommandResult(Verdict.PASSED, 0, 0.0, b"1 passed\n", 9, False, "none", "")
logger = logging.getLogger(__name__)


def rehearse() -> None:
    """Compile the rules and live through a run, some times."""
    classify(Evidence(step_name="warm-up", log=USUAL_LOG, exit_code=1))
    try:
        for _ in range(TIMES):
            with transaction.atomic():
                live_through_a_run()
                transaction.set_rollback(True)
    except Exception as error:  # the database is away, the queue is full: nothing is lost but memory
        logger.warning("Nothing was rehearsed before the workers start: %s", error)


def live_through_a_run() -> None:
    """Do what the loop does to the rows of a run that takes two steps; commands and trees are left out."""
    tenant = Tenant.objects.create(slug=f"rehearsal-{uuid.uuid4().hex[:12]}", name="Rehearsal")
    order = Order(tenant, SourceKind.PATH, str(settings.BASE_DIR), plan=PLAN, any_directory=True)
    run = transitions.claim(start_run(order).pk, workers.own_name())
    if run is None:
        return
    run.first_attempts, run.failing_steps = {}, set()
    while (step := run.next_step()) is not None:
        execution = executions.begin(run, step)
        writer = LogWriter(execution, settings.STEP_LOG_LIMIT_BYTES)
        writer.write(PASSED.output)
        executions.finish(execution, Trial(PASSED), writer, End(StepStatus.PASSED, f"{step} passed"))
        executions.last_green(step)
        remedies.proof(run, step)
        timeline.past_of(run, step)
        policy.for_run(run)
        run.forget_steps()
    transitions.move(run, RunStatus.SUCCEEDED, "every step passed", failure=None)
    turns.next_turns()
