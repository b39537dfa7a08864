"""Which offices are near a place that a resident sent. Pure; the place is used here and kept nowhere."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from enum import StrEnum

from bot.knowledge.articles import Office, Point

MOST = 3
# Whom everybody has: the police station of one's own area, and the hotline that knows where it is.
GENERIC = ("police-station", "hotline-12345")
# Farther than a bus ride across the city: not near.
_MOST_KILOMETRES = 15.0
_EARTH_KILOMETRES = 6371.0


class District(StrEnum):
    """Hefei's districts, zones, counties and its county-level city, as an address names them."""

    YAOHAI = "瑶海区"
    LUYANG = "庐阳区"
    SHUSHAN = "蜀山区"
    BAOHE = "包河区"
    XINZHAN = "新站"
    ECONOMIC = "经开区"
    HIGH_TECH = "高新区"
    FEIDONG = "肥东县"
    FEIXI = "肥西县"
    CHANGFENG = "长丰县"
    LUJIANG = "庐江县"
    CHAOHU = "巢湖市"


# 新站高新区 holds 高新区: its name is looked for first. 庐江路 and 巢湖路 are streets of other districts.
_NAMES = re.compile(
    r"(?P<XINZHAN>新站(?:区|高新区|高新技术产业开发区|综合开发试验区))"
    r"|(?P<ECONOMIC>经开区|经济技术开发区)"
    r"|(?P<HIGH_TECH>高新区|高新技术产业开发区)"
    r"|(?P<YAOHAI>瑶海区)|(?P<LUYANG>庐阳区)|(?P<SHUSHAN>蜀山区)|(?P<BAOHE>包河区)"
    r"|(?P<FEIDONG>肥东县)|(?P<FEIXI>肥西县)|(?P<CHANGFENG>长丰县)|(?P<LUJIANG>庐江县)|(?P<CHAOHU>巢湖市)"
)


def nearby(offices: Mapping[str, Office], latitude: float, longitude: float, label: str) -> tuple[str, ...]:
    """Keys of at most three offices, the nearest first, and after them those of `GENERIC`.

    By distance where offices.yml says where an office is; else those in the district that `label` (WeChat's address
    of the place) names. Only GENERIC when none is near.
    """
    measured = [
        (_kilometres(Point(latitude, longitude), office.place), key)
        for key, office in offices.items()
        if office.place is not None
    ]
    close = [key for distance, key in sorted(measured) if distance <= _MOST_KILOMETRES]
    here = districts(label)
    beside = [key for key, office in offices.items() if office.place is None and here & districts(office.address_zh)]
    found = [key for key in (*close, *beside) if key not in GENERIC]
    return (*found[:MOST], *(key for key in GENERIC if key in offices))


def districts(address: str | None) -> frozenset[District]:
    """The districts that an address in Chinese names; a zone lies within a district, so it may be two."""
    return frozenset(District[match.lastgroup] for match in _NAMES.finditer(address or "") if match.lastgroup)


def _kilometres(one: Point, other: Point) -> float:
    """On the great circle; nan, which is near nothing, for what is no place."""
    if not (-90 <= one.latitude <= 90 and -180 <= one.longitude <= 180):
        return math.nan
    north, other_north = math.radians(one.latitude), math.radians(other.latitude)
    east = math.radians(other.longitude - one.longitude)
    half = math.sin((other_north - north) / 2) ** 2 + math.cos(north) * math.cos(other_north) * math.sin(east / 2) ** 2
    return 2 * _EARTH_KILOMETRES * math.asin(math.sqrt(half))
