"""What is near a place: by distance where it is known, else by the district in WeChat's own words."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from bot.channels.wechat.places import GENERIC, District, districts, nearby
from bot.errors import ContentError
from bot.knowledge.articles import Office, Point
from bot.knowledge.files import load_offices
from bot.settings import ROOT

# Made up: a row of clinics along one street, one kilometre (0.009 degrees of latitude) apart.
SOUTH, EAST = 31.80, 117.25


def office(key: str, address_zh: str | None = None, kilometres: float | None = None) -> Office:
    place = None if kilometres is None else Point(SOUTH + kilometres * 0.009, EAST)
    return Office(key, {"en": key, "zh": key}, address_zh, None, place)


def offices(*given: Office) -> dict[str, Office]:
    return {one.key: one for one in (*(office(key) for key in GENERIC), *given)}


def test_the_nearest_comes_first_and_the_hotline_last() -> None:
    known = offices(office("far", kilometres=9), office("near", kilometres=1), office("middle", kilometres=4))
    assert nearby(known, SOUTH, EAST, "") == ("near", "middle", "far", "police-station", "hotline-12345")


def test_at_most_three_and_none_from_another_city() -> None:
    known = offices(*(office(f"clinic-{number}", kilometres=number) for number in range(6)))
    assert nearby(known, SOUTH, EAST, "") == ("clinic-0", "clinic-1", "clinic-2", *GENERIC)
    assert nearby(known, 31.23, 121.47, "上海市黄浦区人民大道") == GENERIC


def test_without_places_the_district_tells() -> None:
    known = load_offices(ROOT / "data" / "knowledge")
    assert nearby(known, 31.82, 117.22, "安徽省合肥市蜀山区黄山路373号") == ("hospital-ahmu-1", *GENERIC)
    assert nearby(known, 31.86, 117.29, "合肥市庐阳区淮河路步行街") == ("hospital-ustc-1", *GENERIC)
    assert nearby(known, 31.77, 117.22, "安徽省合肥市经开区翡翠路") == ("hospital-ahmu-2", *GENERIC)
    assert nearby(known, 31.86, 117.29, "") == GENERIC


def test_an_office_whose_place_is_known_goes_by_it_alone() -> None:
    known = offices(office("moved", "合肥市蜀山区绩溪路218号", kilometres=300), office("here", "合肥市蜀山区", None))
    assert nearby(known, SOUTH, EAST, "合肥市蜀山区") == ("here", *GENERIC)


@pytest.mark.parametrize("latitude", [math.nan, math.inf, -91.0, 1e300])
def test_a_place_that_is_none_leaves_the_district(latitude: float) -> None:
    known = offices(office("measured", kilometres=0), office("named", "合肥市包河区望江东路39号"))
    assert nearby(known, latitude, EAST, "合肥市包河区") == ("named", *GENERIC)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("安徽省合肥市新站高新区龙子湖路", {District.XINZHAN}),
        ("合肥高新技术产业开发区望江西路", {District.HIGH_TECH}),
        ("合肥市蜀山区高新区创新大道", {District.SHUSHAN, District.HIGH_TECH}),
        ("合肥市庐阳区庐江路17号", {District.LUYANG}),
        ("合肥市包河区巢湖路", {District.BAOHE}),
        ("合肥市巢湖市人民路", {District.CHAOHU}),
        ("合肥市芜湖路367号", set()),
        (None, set()),
    ],
)
def test_streets_named_after_towns_are_no_districts(address: str | None, expected: set[District]) -> None:
    assert districts(address) == expected


def written(folder: Path, place: object) -> Path:
    names = {"en": "Clinic", "zh": "诊所"}
    raw = {"clinic": {"names": names, "address_zh": None, "phone": None, "place": place}}
    (folder / "offices.yml").write_text(yaml.safe_dump(raw), encoding="utf-8")
    return folder


def test_a_place_is_read_from_the_offices_file(tmp_path: Path) -> None:
    (clinic,) = load_offices(written(tmp_path, {"latitude": 31.82, "longitude": 117})).values()
    assert clinic.place == Point(31.82, 117.0)
    (clinic,) = load_offices(written(tmp_path, None)).values()
    assert clinic == replace(clinic, place=None)


@pytest.mark.parametrize(
    ("place", "field"),
    [
        ({"latitude": 117.2, "longitude": 31.8}, "latitude"),
        ({"latitude": 31.8, "longitude": 11.72}, "longitude"),
        ({"latitude": "31.8", "longitude": 117.2}, "latitude"),
        ({"latitude": True, "longitude": 117.2}, "latitude"),
        ({"latitude": math.nan, "longitude": 117.2}, "latitude"),
        ({"latitude": 31.8}, "place"),
        ([31.8, 117.2], "place"),
    ],
)
def test_a_place_that_cannot_be_is_named(tmp_path: Path, place: object, field: str) -> None:
    with pytest.raises(ContentError, match=rf"offices.yml › clinic.* › {field}|offices.yml › clinic › {field}"):
        load_offices(written(tmp_path, place))


def test_the_offices_that_are_shipped_have_no_made_up_places() -> None:
    assert [one.key for one in load_offices(ROOT / "data" / "knowledge").values() if one.place is not None] == []
