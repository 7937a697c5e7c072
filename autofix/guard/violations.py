"""What the guard answers with."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Violation:
    """One thing that an automatic patch may not do; `line` is 0 where only the file is known."""

    rule: str
    file: str
    line: int
    message: str


@dataclass(frozen=True)
class Change:
    """What a patch makes of one file. `old_path` differs from `path` when it renames."""

    path: str
    old_path: str
    before: str | None
    after: str | None

    @property
    def is_rename(self) -> bool:
        return self.path != self.old_path

    def flag(self, rule: str, message: str, line: int = 0) -> Violation:
        return Violation(rule, self.path, line, message)
