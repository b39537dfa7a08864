"""Hospitals by what residents call them: a name in any language, part of one, a district. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from bot.appointments.complaints import bare, folded

# "first" names two hospitals, and 医院 all of them: such a word alone names none.
_SHORTEST = 3
_SHORTEST_PACKED = 2
# Endings change: провинциальной is провинциальная.
_LONGEST_ENDING = 3
_SHORTEST_STEM = 4
_BRACKETS = re.compile("[()（）]")
_WORD = re.compile(r"[^\W_]+")
_PACKED = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_COMMON_TEXT = """
    hospital hospitals affiliated university medical medicine first second third people the for near best good one want
    center centre and please that
    hôpital affilié université médecine premier deuxième les des pour krankenhaus universitätskrankenhaus erstes zweites
    universität medizinischen medizin für das die der den dem und bitte
    primer segundo afiliado universidad medicina médica del para por los las
    больница университет университете медицинский медицинском первая вторая при или для
    مستشفى التابع لجامعة جامعة الطبية الأول الثاني في
    bệnh viện trực thuộc đại học của cho tôi dược nhân dân
"""
_PACKED_COMMON = (
    "医院 附属 附院 医科大学 大学 病院 省 市 区 第一 第二 第 一 二 我 想 去 要 的 在 里 那 有 吗 看 个 家"
    " 付属 병원 대학 부속 제1 제2 의 에 로 으로 요 を が で に の は です ます"
).split()


@dataclass(frozen=True)
class Place:
    key: str
    names: tuple[str, ...]


def found_places(text: str, places: Sequence[Place]) -> list[str]:
    """Keys of the places that the words name best; several when they name several alike, empty when none."""
    wanted = _plain(text)
    scores = {place.key: max(_scores(wanted, place.names), default=_NONE) for place in places}
    best = max(scores.values(), default=_NONE)
    return [key for key, score in scores.items() if score == best] if best > _NONE else []


# How many letters of the name's telling words were said, and how many were not, below zero.
Score = tuple[int, int]
_NONE: Score = (0, 0)


def _plain(text: str) -> str:
    return bare(folded(text), "en")


def _scores(wanted: str, names: Iterable[str]) -> Iterator[Score]:
    for name in names:
        for part in filter(None, (part.strip() for part in _BRACKETS.split(_plain(name)))):
            score = _packed_score(wanted, part) if _PACKED.search(part) else _spaced_score(_words(wanted), _words(part))
            if score[0]:
                yield score


def _words(plain: str) -> list[str]:
    return [word.removeprefix("ال") for word in _WORD.findall(plain)]


_COMMON = frozenset(_words(_plain(_COMMON_TEXT.replace("\n", " "))))


def _spaced_score(said: Sequence[str], name: Sequence[str]) -> Score:
    telling = [word for word in name if word not in _COMMON and len(word) >= _SHORTEST]
    heard = [word for word in telling if any(_alike(word, other) for other in said)]
    return sum(map(len, heard)), sum(map(len, heard)) - sum(map(len, telling))


def _alike(word: str, other: str) -> bool:
    if word == other:
        return True
    same = next((n for n, (one, two) in enumerate(zip(word, other, strict=False)) if one != two), len(min(word, other)))
    return same >= max(_SHORTEST_STEM, max(len(word), len(other)) - _LONGEST_ENDING)


def _packed_score(wanted: str, name: str) -> Score:
    """The whole name, or the longest piece of what was said that is in it too and says something."""
    packed, name = "".join(wanted.split()), "".join(name.split())
    if name in packed:
        return len(name), 0
    for size in range(min(len(packed), len(name)), _SHORTEST_PACKED - 1, -1):
        for start in range(len(packed) - size + 1):
            piece = packed[start : start + size]
            if piece in name and _telling(piece) >= _SHORTEST_PACKED:
                return size, size - len(name)
    return _NONE


def _telling(piece: str) -> int:
    """How many letters are left of it without the words that many names have."""
    for word in sorted(_PACKED_COMMON, key=len, reverse=True):
        piece = piece.replace(word, "")
    return len(piece)
