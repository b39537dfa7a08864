"""What the hospital's side is told in Chinese: every closed vocabulary of a booking, in the words of a hospital."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from bot.appointments.patient import Document, Relation
from bot.appointments.readings import Part
from bot.appointments.store import State, WishState


class CancelReason(StrEnum):
    """Why a hospital takes an appointment back."""

    DOCTOR_ABSENT = "doctor_absent"
    CLINIC_CLOSED = "clinic_closed"
    EQUIPMENT = "equipment"
    WRONG_DEPARTMENT = "wrong_department"
    DUPLICATE = "duplicate"
    PATIENT_ASKED = "patient_asked"
    OTHER = "other"


REASONS: Mapping[CancelReason, str] = {
    CancelReason.DOCTOR_ABSENT: "医生临时停诊",
    CancelReason.CLINIC_CLOSED: "科室停诊",
    CancelReason.EQUIPMENT: "设备故障",
    CancelReason.WRONG_DEPARTMENT: "所约科室不符，需改约其他科室",
    CancelReason.DUPLICATE: "重复预约",
    CancelReason.PATIENT_ASKED: "患者要求取消",
    CancelReason.OTHER: "其他原因",
}
STATES: Mapping[State, str] = {
    State.BOOKED: "已预约",
    State.CANCELLED: "已取消",
    State.ARRIVED: "已到诊",
    State.NO_SHOW: "未到诊",
}
WISHES: Mapping[WishState, str] = {
    WishState.WISHED: "待安排",
    WishState.ASSIGNED: "已安排",
    WishState.DECLINED: "无法安排",
}
PARTS: Mapping[Part, str] = {Part.MORNING: "上午", Part.NOON: "中午", Part.AFTERNOON: "下午", Part.EVENING: "晚上"}
RELATIONS: Mapping[Relation, str] = {Relation.SELF: "本人", Relation.CHILD: "子女", Relation.FAMILY: "家属"}
DOCUMENTS: Mapping[Document, str] = {
    Document.PASSPORT: "护照",
    Document.PERMIT: "外国人永久居留身份证或港澳台居民证件",
    Document.ID_CARD: "居民身份证",
}
# All that residents may write in; an interpreter may be wished for in any of them.
_LANGUAGES: Mapping[str, str] = {
    "zh": "中文",
    "en": "英语",
    "ja": "日语",
    "ko": "韩语",
    "fr": "法语",
    "de": "德语",
    "es": "西班牙语",
    "ru": "俄语",
    "ar": "阿拉伯语",
    "vi": "越南语",
    "pt": "葡萄牙语",
    "th": "泰语",
    "id": "印度尼西亚语",
    "ur": "乌尔都语",
    "hi": "印地语",
    "tr": "土耳其语",
    "it": "意大利语",
    "bn": "孟加拉语",
    "fa": "波斯语",
    "uk": "乌克兰语",
    "pl": "波兰语",
    "nl": "荷兰语",
}


def language_zh(code: str) -> str:
    return _LANGUAGES.get(code, code)
