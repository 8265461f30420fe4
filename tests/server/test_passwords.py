"""A new password is long, and not what someone who knows the place would try first."""

from __future__ import annotations

import subprocess
import sys
import unicodedata

import pytest

from server.demo.passwords import new_password
from server.passwords import SHORTEST, common, judge
from sync.text import fold
from tests.server.test_settings import ROOT

LOGIN, NAME = "hoa.nguyen", "Nguyễn Thị Hoa"


@pytest.mark.parametrize(
    "password",
    [
        "một mật khẩu dài",
        "gà mái đẻ trứng",
        "tre xanh rung mo",
        "long enough",
        "thangboinui1234",
        "83920174652918",
    ],
)
def test_what_is_long_and_odd_will_do(password: str) -> None:
    assert judge(password, LOGIN, NAME) == ""


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("", "short"),
        ("ngắn quá!", "short"),
        ("x7" * 129, "long"),
        ("matkhau123", "common"),
        ("Mật Khẩu 2026", "common"),
        ("!!anh yêu em 99", "common"),
        ("123456789a", "common"),
        ("hanoi2026!!", "common"),
        ("HaNoiYenNghia1", "common"),
        ("aaaaaaaaaaaa", "common"),
        ("qwertyuiop", "common"),
        ("p@ssw0rd123", "common"),
        ("0983715264", "common"),
        ("19/05/1990..", "common"),
        ("001090123456", "common"),
        ("😀" * 12, "common"),
        ("Nguyễn Thị Hoa", "personal"),
        ("nguyenthihoa1985", "personal"),
        ("xin hoa.nguyen vào", "personal"),
        ("hoa hoa hoa 1985", "personal"),
    ],
)
def test_what_would_be_guessed_is_refused_for_a_reason(password: str, reason: str) -> None:
    assert judge(password, LOGIN, NAME) == reason


def test_a_password_is_as_long_as_its_letters_whatever_the_keyboard() -> None:
    word = "nghĩa đế ạ"
    assert len(word) == SHORTEST
    assert judge(word) == judge(unicodedata.normalize("NFD", word)) == ""
    assert judge(unicodedata.normalize("NFD", word[:-1])) == "short"


def test_a_short_login_that_is_part_of_a_word_is_no_offence() -> None:
    assert judge("khoa học vũ trụ", "hoa", "Hoa") == ""


def test_the_words_of_the_list_are_written_as_they_are_compared() -> None:
    assert all(word.isascii() and word.isalpha() and fold(word) == word for word in common())


def test_the_passwords_of_the_demo_would_be_accepted() -> None:
    assert not [password for password in (new_password() for _ in range(200)) if judge(password)]


def test_a_server_starts_without_the_lists_of_the_judge() -> None:
    code = "import sys, server.app, server.cli; sys.exit('zxcvbn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
