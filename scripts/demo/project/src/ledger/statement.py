"""Sums an export up."""

from dataclasses import dataclass
from decimal import Decimal

from ledger.importer import read_export
from ledger.money import convert, to_cents


@dataclass(frozen=True)
class Statement:
    total: Decimal
    by_payee: dict[str, Decimal]


def summarise(export: str, rates: dict[str, Decimal]) -> Statement:
    """Add up an export in euro, in all and by payee."""
    by_payee: dict[str, Decimal] = {}
    for payee, amount in read_export(export):
        by_payee[payee] = by_payee.get(payee, Decimal(0)) + convert(amount, rates)
    rounded = {payee: to_cents(value) for payee, value in by_payee.items()}
    return Statement(total=sum(rounded.values(), Decimal(0)), by_payee=rounded)
