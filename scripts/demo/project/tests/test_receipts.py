from ledger.receipts import receipt_number


def test_the_same_line_has_the_same_number():
    first = receipt_number("Baker", "12.50", "2026-11-02")
    assert first == receipt_number("Baker", "12.50", "2026-11-02")
    assert len(first) == 12


def test_another_day_has_another_number():
    first = receipt_number("Baker", "12.50", "2026-11-02")
    assert first != receipt_number("Baker", "12.50", "2026-11-03")
