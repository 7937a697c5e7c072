"""Reads a bank's CSV export."""

import csv
from decimal import Decimal
from io import StringIO

from ledger.money import Amount


def read_export(text: str) -> list[tuple[str, Amount]]:
    """Return (payee, amount) for each line of an export with a header."""
    rows = csv.DictReader(StringIO(text))
    return [(row['payee'], Amount(Decimal(row['amount']), row['currency'])) for row in rows]
