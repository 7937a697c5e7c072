"""Rounding as banks do it."""

from decimal import ROUND_HALF_EVEN, Decimal

CENT = Decimal("0.01")


def to_cents(amount: Decimal) -> Decimal:
    """Round half to even, to two places."""
    return amount.quantize(CENT, rounding=ROUND_HALF_EVEN)
