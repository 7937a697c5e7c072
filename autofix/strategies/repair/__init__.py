"""Search-based program repair: for failing tests that no recipe is known for, and without any model.

Faults are located by what failing and passing tests run; edits are made from templates, most suspicious first, and run
against the tests, hundreds a second, in the sandbox; what passes is compared and ranked. `propose` is all that others
need. Reading order: `proposing`, `commands`, then `inside/` (what runs in the sandbox): `main`, `search`.
"""

from autofix.strategies.repair.proposing import propose

__all__ = ["propose"]
