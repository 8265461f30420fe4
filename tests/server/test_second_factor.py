"""A code opens once, for a minute; a recovery code once and for all."""

from __future__ import annotations

import base64

import pyotp
import pytest

from server.second_factor import (
    RECOVERY_CODES,
    bare,
    draw,
    hash_code,
    is_secret,
    match,
    new_recovery_codes,
    new_secret,
    show_code,
    take,
)

RFC = base64.b32encode(b"12345678901234567890").decode()
"""The secret of RFC 6238, appendix B."""
NOW = 1_800_000_015.0


@pytest.mark.parametrize(
    ("now", "code"), [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")]
)
def test_codes_are_those_of_the_standard(now: int, code: str) -> None:
    assert match(RFC, code, 0, now) == now // 30


@pytest.mark.parametrize(("late", "fits"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
def test_a_clock_may_differ_by_half_a_minute(late: int, fits: bool) -> None:
    code = pyotp.TOTP(RFC).at(int(NOW))
    assert bool(match(RFC, code, 0, NOW + late)) is fits


def test_a_code_that_was_used_opens_nothing_again_nor_does_an_earlier_one() -> None:
    made = pyotp.TOTP(RFC)
    totp = {"secret": RFC, "step": 0, "recovery": []}
    used = take(totp, made.at(int(NOW)), NOW)
    assert used is not None
    assert take(used, made.at(int(NOW)), NOW + 20) is None
    assert take(used, made.at(int(NOW) - 30), NOW) is None
    assert take(used, made.at(int(NOW) + 30), NOW + 30) is not None


def test_a_recovery_code_opens_once() -> None:
    codes = new_recovery_codes()
    assert len(set(codes)) == RECOVERY_CODES
    totp = {"secret": RFC, "step": 0, "recovery": [hash_code(code) for code in codes]}
    used = take(totp, f" {show_code(codes[3]).lower()} ", NOW)
    assert used is not None
    assert len(used["recovery"]) == RECOVERY_CODES - 1
    assert take(used, codes[3], NOW) is None
    assert take(used, codes[4], NOW) is not None


@pytest.mark.parametrize("typed", ["", " ", "000000", "12345678901", "é", "١٢٣٤٥٦", "x" * 500])
def test_anything_else_opens_nothing(typed: str) -> None:
    totp = {"secret": RFC, "step": 0, "recovery": [hash_code("ABCDEFGHJK")]}
    assert take(totp, typed, NOW) is None


def test_a_code_may_be_typed_as_it_is_shown() -> None:
    assert bare(" 123 456 ") == "123456"
    assert bare("abcde-fghjk") == "ABCDEFGHJK"


def test_a_secret_is_long_and_drawn_for_authenticators() -> None:
    secret = new_secret()
    assert is_secret(secret)
    assert len(base64.b32decode(secret)) == 20
    assert not is_secret("A" * 31)
    assert not is_secret("a" * 32)
    assert draw(secret, "giamsat").startswith("<svg")
