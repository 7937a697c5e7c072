"""Turns a bank's CSV export into a statement in one currency."""

from ledger.statement import Statement, summarise

__all__ = ["Statement", "summarise"]
