from decimal import Decimal

from ledger import summarise

EXPORT = """payee,amount,currency
Baker,12.50,EUR
Baker,3.00,USD
Landlord,900,EUR
"""
RATES = {"EUR": Decimal(1), "USD": Decimal("0.90")}


def test_it_adds_up_in_euro():
    assert summarise(EXPORT, RATES).total == Decimal("915.20")


def test_it_adds_up_by_payee():
    assert summarise(EXPORT, RATES).by_payee["Baker"] == Decimal("15.20")
