"""What the terminal says at the start."""

from server.demo import SignIn
from server.greeting import greet


def test_the_first_line_is_the_address_and_each_place_is_named() -> None:
    lines = greet("http://127.0.0.1:8009").splitlines()
    assert lines[0] == "Gõ Từng Nhà: http://127.0.0.1:8009"
    assert any(line.endswith("http://127.0.0.1:8009/app/") and "phone app" in line for line in lines)
    assert any(line.endswith("http://127.0.0.1:8009/desk") and "phường" in line for line in lines)


def test_a_sign_in_says_which_page_it_is_for() -> None:
    hoa = SignIn("hoa", "mot-hai", "Nguyễn Thị Hoa", "volunteer", "tdp-07")
    hang = SignIn("giamsat", "ba-bon", "Vũ Thanh Hằng", "supervisor", None)
    lines = greet("http://127.0.0.1:8009", [hoa, hang]).splitlines()
    [volunteer] = [line for line in lines if line.split()[:2] == ["hoa", "mot-hai"]]
    [supervisor] = [line for line in lines if line.split()[:2] == ["giamsat", "ba-bon"]]
    assert volunteer.split()[2] == "/app/"
    assert volunteer.endswith("tdp-07")
    assert supervisor.split()[2] == "/desk"
