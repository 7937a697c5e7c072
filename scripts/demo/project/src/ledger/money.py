"""Amounts and the rates between currencies."""

import os
import json
import sys
from pathlib import Path
from decimal import Decimal
from dataclasses import dataclass


@dataclass(frozen=True)
class Amount:
    value: Decimal
    currency: str


def load_rates(path: Path) -> dict[str, Decimal]:
    """Read rates to the euro, by currency."""
    rates = json.loads(path.read_text())
    return {currency: Decimal(rate) for currency, rate in rates.items()}


def convert(amount: Amount, rates: dict[str, Decimal]) -> Decimal:
    """Return the amount in euro; raise KeyError for an unknown currency."""
    return amount.value * rates[amount.currency]
