"""What the hospital's side is shown, in Chinese: lists, one appointment, the lines of a spreadsheet. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.appointments.catalogue import Catalogue
from bot.appointments.desk_rows import Opened
from bot.appointments.desk_words import DOCUMENTS, RELATIONS, STATES, WISHES, language_zh
from bot.appointments.intake import PRINTED, Block, Intake
from bot.appointments.patient import Patient
from bot.appointments.store import State, WishState
from bot.handoff.hours import CITY_TIME

SHEET_TITLE = "预约"
_HEADINGS = (
    "日期 时间 医院 院区 科室 预约编号 状态 患者语言 翻译需求 翻译人员 "
    "姓名 出生日期 与预约人关系 证件类型 证件号码 电话 陪同监护人 数据性质"
).split()
_CARD_HEADING = "预问诊信息"
_DEMO, _REAL = "演示数据", "正式预约"


@dataclass(frozen=True)
class Views:
    catalogue: Catalogue
    intake: Intake

    def line(self, row: Any) -> dict[str, Any]:
        """A row of `desk_rows.listing`."""
        starts = row.starts_at.astimezone(CITY_TIME)
        return {
            "id": row.id.hex,
            "reference": row.reference,
            "starts_at": starts.isoformat(),
            "day": starts.date().isoformat(),
            "time": f"{starts:%H:%M}",
            "minutes": row.minutes,
            **self.place(row.hospital, row.campus, row.department),
            "state": row.state,
            "state_zh": STATES[State(row.state)],
            "language": row.language,
            "language_zh": language_zh(row.language),
            "interpreter": wish(row) if row.wish_state is not None else None,
            "intake": row.has_intake,
            "demo": row.demo,
        }

    def opened(self, opened: Opened) -> dict[str, Any]:
        """Everything about one appointment; the card in Chinese, each line with the patient's own words beside it."""
        row = opened.row
        return {
            **self.line(row),
            "fee_fen": row.fee_fen,
            "made_at": _city(row.created_at),
            "ended_at": _city(row.ended_at),
            "patient": _patient(opened.patient),
            "card": [_block(block) for block in self._blocks(opened)],
        }

    def headings(self, *, cards: bool) -> list[str]:
        return [*_HEADINGS, *([_CARD_HEADING] if cards else [])]

    def sheet_line(self, opened: Opened, *, cards: bool) -> list[str]:
        """In the order of `headings`."""
        line, patient = self.line(opened.row), opened.patient
        wished = line["interpreter"]
        return [
            line["day"],
            line["time"],
            line["hospital_zh"],
            line["campus_zh"],
            line["department_zh"],
            line["reference"],
            line["state_zh"],
            line["language_zh"],
            f"{wished['language_zh']}（{wished['state_zh']}）" if wished else "",
            (wished["name"] or "") if wished else "",
            patient.name,
            patient.born.isoformat(),
            RELATIONS[patient.relation],
            DOCUMENTS[patient.document],
            patient.number,
            patient.phone,
            patient.guardian or "",
            _DEMO if opened.row.demo else _REAL,
            *(["；".join(_in_line(block) for block in self._blocks(opened))] if cards else []),
        ]

    def place(self, hospital: str, campus: str, department: str) -> dict[str, str]:
        """Keys and what the hospital's signs say; the key again for what is no longer in the files."""
        known = self.catalogue.hospitals.get(hospital)
        there = known.campus(campus) if known is not None else None
        sign = self.catalogue.departments.get(department)
        return {
            "hospital": hospital,
            "hospital_zh": known.name_zh if known is not None else hospital,
            "campus": campus,
            "campus_zh": there.names[PRINTED] if there is not None else campus,
            "department": department,
            "department_zh": sign.sign_zh if sign is not None else department,
        }

    def _blocks(self, opened: Opened) -> Sequence[Block]:
        return self.intake.card(opened.picked, opened.row.language) if opened.picked else ()


def wish(row: Any) -> dict[str, Any]:
    """What a row says of the wish for an interpreter."""
    return {
        "language": row.wish_language,
        "language_zh": language_zh(row.wish_language),
        "state": row.wish_state,
        "state_zh": WISHES[WishState(row.wish_state)],
        "id": row.interpreter_id.hex if row.interpreter_id is not None else None,
        "name": row.interpreter,
    }


def _patient(patient: Patient) -> dict[str, Any]:
    return {
        "name": patient.name,
        "born": patient.born.isoformat(),
        "relation": patient.relation.value,
        "relation_zh": RELATIONS[patient.relation],
        "document": patient.document.value,
        "document_zh": DOCUMENTS[patient.document],
        "number": patient.number,
        "phone": patient.phone,
        "guardian": patient.guardian,
    }


def _block(block: Block) -> dict[str, Any]:
    lines = [{"printed_zh": line.printed, "own": line.own} for line in block.lines]
    return {"heading": {"printed_zh": block.heading.printed, "own": block.heading.own}, "lines": lines}


def _in_line(block: Block) -> str:
    return f"{block.heading.printed}：{'、'.join(line.printed for line in block.lines)}"


def _city(instant: datetime | None) -> str | None:
    return instant.astimezone(CITY_TIME).isoformat() if instant is not None else None
