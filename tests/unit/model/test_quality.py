"""The findings of a conversion: which columns Spaaza seems to send in another form."""

import pytest

from spaaza_snapshots.model.quality import CastErrors, Quality


def findings(rows: int, **errors: int) -> Quality:
    cast_errors = tuple(CastErrors(column, count) for column, count in errors.items())
    return Quality("run", rows + 1, rows, 1, cast_errors, (), "2026-11-22T03:00:05.000Z")


@pytest.mark.parametrize(("rows", "errors", "unfit"), [(20, 2, False), (20, 3, True), (1, 1, True), (0, 0, False)])
def test_a_column_is_unfit_once_more_than_a_tenth_of_its_rows_are(rows: int, errors: int, unfit: bool) -> None:
    assert findings(rows, birthday=errors).unfit_columns == (("birthday",) if unfit else ())


def test_unfit_columns_are_named_in_order_and_leave_the_day_fit() -> None:
    found = findings(200, opted_in=200, birthday=20, created_date=21)
    assert (found.unfit_columns, found.is_unfit) == (("created_date", "opted_in"), False)
