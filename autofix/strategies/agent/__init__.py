"""A language model or a command-line coding agent as one more strategy: off unless a tenant turns it on.

It is asked last, told what failed and what was tried, and answers with edits. Nothing it says is believed: its
edits are applied by us in a scratch copy and proved there like any other patch, and the guard looks at them.
Reading order: `proposing`, `prompting`, `editing`, `endpoint`.
"""

from autofix.strategies.agent.proposing import propose

__all__ = ["propose"]
