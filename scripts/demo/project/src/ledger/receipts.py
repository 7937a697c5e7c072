"""Gives each line of a statement a number that customers can quote."""

import hashlib


def receipt_number(payee: str, amount: str, day: str) -> str:
    """Return the same number for the same line, another for another."""
    line = f"{payee}|{amount}|{day}".encode()
    return hashlib.md5(line).hexdigest()[:12]
