"""Security findings with one known cure. A person has to agree: each changes what the code does.

Hard-coded passwords (B105, B106) and pickle (B301) are not here: only a person knows the cure.
"""

from functools import partial

from autofix.fixers import insecure_calls as calls
from autofix.fixers.base import Edit, at_findings
from autofix.fixers.temporary_files import with_made_files


def _calls(replace: calls.Replacement, *imports: tuple[str, str]) -> Edit:
    return partial(calls.edited, replace, imports)


weak_hash = at_findings("B324 B303 S324", _calls(calls.strong_hash))
unsafe_yaml = at_findings("B506 S506", _calls(calls.safe_yaml))
temporary_file = at_findings("B306 S306", with_made_files)
request_timeout = at_findings("B113 S113", _calls(calls.with_timeout))
shell_true = at_findings("B602 S602 B604 S604 B607", _calls(calls.without_shell))
os_system = at_findings("B605 S605", _calls(calls.without_system, ("subprocess", "")))
predictable_random = at_findings("B311 S311", _calls(calls.unpredictable, ("secrets", "")))
