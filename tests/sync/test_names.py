"""Names of databases are built and read in one place."""

from __future__ import annotations

import pytest

from sync.names import Names


def test_the_names_of_two_wards_stand_side_by_side() -> None:
    names = Names()
    assert names.unit("09562", "tdp-07") == "w09562-tdp-07"
    assert names.unit("00004", "tdp-07") == "w00004-tdp-07"
    assert names.ward("09562").photos("tdp-07") == "w09562-tdp-07-photos"
    assert names.ward("09562").own == (
        "w09562-catalog",
        "w09562-rollup",
        "w09562-quarantine",
        "w09562-privacy",
    )
    assert (names.accounts, names.audit) == ("accounts", "audit")


def test_a_prefix_is_in_the_databases_and_not_in_roles_or_addresses() -> None:
    names = Names("t1-")
    database = names.unit("09562", "tdp-07")
    assert database == "t1-w09562-tdp-07"
    assert names.public(database) == names.ward("09562").role("tdp-07") == "w09562-tdp-07"


@pytest.mark.parametrize(
    "unit", ["catalog", "rollup", "quarantine", "x-photos", "", "TDP", "a/b", "../x", "tổ-7"]
)
def test_a_unit_may_not_take_a_name_that_means_something_else(unit: str) -> None:
    with pytest.raises(ValueError, match="not a unit"):
        Names().unit("09562", unit)


@pytest.mark.parametrize("ward", ["", "9562", "w9562", "095621", "0956a"])
def test_a_ward_is_five_digits(ward: str) -> None:
    with pytest.raises(ValueError, match="five digits"):
        Names().ward(ward)


def test_the_owner_of_a_database_is_read_from_its_name() -> None:
    names = Names("t1-")
    assert names.owner("t1-w09562-tdp-07") == ("09562", "tdp-07")
    for other in ("w09562-tdp-07", "t1-accounts", "t1-w09562-rollup", "t1-w09562-tdp-07-photos", "t1-w9-x"):
        assert names.owner(other) is None
