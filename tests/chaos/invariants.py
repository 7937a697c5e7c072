"""What must hold when all is over? Each check is a function that returns the violations it found."""

from tests.chaos import history, leftovers, spending, trees
from tests.chaos.evidence import Check, Evidence

INVARIANTS: dict[str, Check] = {
    "every run is over or at a gate": history.every_run_rests,
    "no run is lost": history.no_run_is_lost,
    "events form an allowed path": history.events_form_a_path,
    "executions of a run never overlap": history.executions_never_overlap,
    "no two commands share a tree": history.no_two_commands_share_a_tree,
    "nothing runs on a resting run": history.no_execution_runs_on_a_resting_run,
    "no sound step fails": history.sound_steps_never_fail,
    "nothing is open on a finished run": history.nothing_is_open_on_a_finished_run,
    "no gate has two verdicts": history.gates_have_one_verdict,
    "a paused run has one open gate": history.a_run_waits_for_its_one_open_gate,
    "every verdict moved its run once": history.every_verdict_moved_its_run_once,
    "no budget is exceeded": spending.budgets_are_never_exceeded,
    "attempts are numbered": spending.attempts_are_numbered,
    "no patch is applied twice": spending.no_patch_is_applied_twice,
    "off is off": spending.off_is_off,
    "diffs are source + patches": trees.diffs_are_source_and_patches,
    "trees are as the rows say": trees.trees_are_as_the_rows_say,
    "no workspace is left": trees.no_workspace_is_left,
    "nothing is left in scratch": trees.nothing_is_left_in_scratch,
    "no process survives": leftovers.no_process_survives,
    "no orphan survives": leftovers.no_orphan_survives,
    "nodes stop in time": leftovers.nodes_stop_in_time,
    "no surprises": leftovers.nothing_came_as_a_surprise,
}


def violations(evidence: Evidence) -> dict[str, list[str]]:
    """Return what each check found; those that found nothing are left out."""
    found = {name: check(evidence) for name, check in INVARIANTS.items()}
    return {name: faults for name, faults in found.items() if faults}
