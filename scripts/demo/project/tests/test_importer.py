from decimal import Decimal

from ledger.importer import read_export


def test_it_reads_payee_amount_and_currency():
    [(payee, amount)] = read_export("payee,amount,currency\nBaker,12.50,EUR\n")
    assert (payee, amount.value, amount.currency) == ("Baker", Decimal("12.50"), "EUR")
