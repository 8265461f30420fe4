"""Invented people: names as they are spread in Hà Nội, phone numbers that nobody has.

Family names by their usual share (Nguyễn about 40%, Trần 11%, Lê 9%); Văn and Thị as middle names mostly of
older people; a few names with the older place of the tone mark (Hoà, Thuý); and many a "Nguyễn Thị Hoa",
since lists of a real ward are full of namesakes.
"""

from __future__ import annotations

import random
from typing import Literal

Sex = Literal["woman", "man"]

FAMILIES = {
    "Nguyễn": 40, "Trần": 11, "Lê": 9, "Phạm": 6, "Hoàng": 5, "Vũ": 5, "Phan": 3, "Đặng": 3, "Bùi": 3,
    "Đỗ": 3, "Đào": 2, "Ngô": 2, "Dương": 2, "Lý": 1, "Trịnh": 1, "Đinh": 1, "Lưu": 1, "Hà": 1, "Tạ": 1,
}  # fmt: skip
MIDDLES = {
    "woman": ("Thu", "Ngọc", "Minh", "Thanh", "Hồng", "Bích", "Khánh", "Phương", "Diệu", "Thuỳ"),
    "man": ("Đức", "Minh", "Quang", "Hữu", "Xuân", "Công", "Tuấn", "Quốc", "Hoàng", "Đình"),
}
GIVEN = {
    "woman": (
        "Hoa", "Lan", "Huệ", "Hương", "Hằng", "Hà", "Hạnh", "Thuý", "Thủy", "Nga", "Loan", "Mai", "Dung",
        "Yến", "Oanh", "Tuyết", "Hoà", "Liên", "Nhung", "Thảo", "Trang", "Linh", "Ngân", "Quỳnh", "Giang",
        "Ánh",
    ),
    "man": (
        "Hùng", "Dũng", "Cường", "Tuấn", "Sơn", "Hải", "Nam", "Long", "Thành", "Đức", "Bình", "Hoà", "Quý",
        "Thắng", "Chiến", "Khánh", "Phúc", "Lâm", "Tùng", "Toàn", "Vinh", "Khoa", "Đạt", "Kiên", "An",
    ),
}  # fmt: skip
NAMESAKE = "Nguyễn Thị Hoa"


def person_name(rng: random.Random, sex: Sex, *, older: bool) -> str:
    """A full name, family name first, in NFC."""
    if sex == "woman" and older and rng.random() < 0.06:
        return NAMESAKE
    family = rng.choices(list(FAMILIES), weights=list(FAMILIES.values()))[0]
    traditional = "Thị" if sex == "woman" else "Văn"
    middle = traditional if rng.random() < (0.8 if older else 0.2) else rng.choice(MIDDLES[sex])
    return f"{family} {middle} {rng.choice(GIVEN[sex])}"


def phone_number(rng: random.Random) -> str:
    """A number that looks like a mobile's but belongs to nobody: 030 is given to no network in Vietnam."""
    return f"0300 {rng.randrange(1000):03d} {rng.randrange(1000):03d}"


LABELS = {
    ("woman", "60-plus"): ("Bà, tầng 1", "Bà chủ nhà", "Bà ngoại", "Bà, phòng ngoài", "Bà hay ngồi đầu ngõ"),
    ("man", "60-plus"): ("Ông, tầng 1", "Ông chủ nhà", "Ông nội", "Ông, tầng 2"),
    ("woman", "16-59"): ("Cô chủ nhà", "Chị, tầng 2", "Con dâu", "Con gái", "Chị thuê phòng 3"),
    ("man", "16-59"): ("Chú chủ nhà", "Anh, tầng 3", "Con trai", "Anh thuê phòng 2"),
    ("woman", "under-16"): ("Cháu gái lớp 8",),
    ("man", "under-16"): ("Cháu trai lớp 9",),
    ("woman", "business"): ("Cô bán nước đầu ngõ", "Chị hiệu thuốc", "Chị hàng rau", "Cô tiệm may"),
    ("man", "business"): ("Chú sửa xe", "Anh quán phở", "Chú cắt tóc", "Anh cửa hàng điện nước"),
}


def label(rng: random.Random, sex: Sex, age_band: str) -> str:
    """What a volunteer writes when no name may be kept."""
    return rng.choice(LABELS[sex, age_band])
