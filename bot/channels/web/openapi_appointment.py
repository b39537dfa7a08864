"""The appointment page's part of the OpenAPI document: the paths of /api/appointment/*."""

from __future__ import annotations

from typing import Any

from bot.appointments.bookings import State, WishState
from bot.appointments.contents import LANGUAGES
from bot.appointments.intake import Topic
from bot.channels.web.appointment import API, KEY_LIMIT, OPENING_LIMIT, TOKEN_LIMIT

Schema = dict[str, Any]
_TEXT: Schema = {"type": "string"}
_NUMBER: Schema = {"type": "integer"}
_YES_NO: Schema = {"type": "boolean"}
_LANGUAGE: Schema = {"type": "string", "enum": list(LANGUAGES)}
# ISO 8601, in the city's time.
_TIME: Schema = {"type": "string"}
_OPEN_ERRORS = {"400": "a bad field"}
_BODY_ERRORS = {"413": "body too large", "415": "not JSON"}
_ERRORS = {
    **_OPEN_ERRORS,
    "401": "a link or a session that is not good, or no longer",
    "429": "too many calls; see Retry-After",
}
_KNOWN = {"403": "the patient's date of birth is needed first"}
_TAKEN = {
    "409": "the time is gone (`already_claimed`), or it is too late (`wrong_state`)",
    "503": "the hospital's system, or the database, does not answer; see Retry-After",
}


def appointment_paths() -> dict[str, Schema]:
    return {f"{API}{name}": operations for name, operations in {**_shown(), **_changed()}.items()}


def _shown() -> dict[str, Schema]:
    opened = "Exchange the token of a link, from its address's fragment, for a session that shows the card."
    card = {"200": {"description": "an attachment", "content": {"text/calendar": {"schema": _TEXT}}}}
    return {
        "words": {
            "get": _spoken(_operation("The page's words.", _OPEN_ERRORS, _good("AppointmentWords"), signed=False))
        },
        "open": {
            "post": _operation(
                opened, {**_ERRORS, **_BODY_ERRORS}, _good("AppointmentSession"), "AppointmentLink", signed=False
            )
        },
        "card.ics": {
            "post": _operation("A calendar file.", {**_ERRORS, **_BODY_ERRORS}, card, "AppointmentLanguage"),
        },
        "verify": {
            "post": _operation(
                "Give the patient's date of birth; the new session may change the appointment.",
                {
                    **_ERRORS,
                    **_BODY_ERRORS,
                    "403": "not the patient's date of birth (`unknown_code`)",
                    "429": "too many wrong ones, or too many calls; see Retry-After",
                },
                _good("AppointmentSession"),
                "AppointmentBorn",
            )
        },
    }


def _changed() -> dict[str, Schema]:
    errors, session = {**_ERRORS, **_KNOWN}, _good("AppointmentSession")
    body = {**errors, **_BODY_ERRORS, **_TAKEN}
    lists = _operation("What the card for the doctor can say, and what was ticked.", errors, _good("AppointmentIntake"))
    saved = {"204": {"description": "done"}}
    return {
        "openings": {"get": _operation("Other free times.", {**errors, **_TAKEN}, _good("AppointmentOpenings"))},
        "change": {"post": _operation("Take another time.", body, session, "AppointmentChange")},
        "cancel": {"post": _operation("Cancel it.", body, session, "AppointmentNothing")},
        "intake": {
            "get": _spoken(lists),
            "post": _operation("Save the card for the doctor.", body, saved, "AppointmentPicked"),
        },
    }


def _operation(
    summary: str, errors: dict[str, str], good: Schema, body: str | None = None, *, signed: bool = True
) -> Schema:
    wait = {"headers": {"Retry-After": {"schema": _NUMBER}}}
    refused = {
        status: {"description": text, "content": _json("Error"), **(wait if status in ("429", "503") else {})}
        for status, text in sorted(errors.items())
    }
    given: Schema = {} if body is None else {"requestBody": {"required": True, "content": _json(body)}}
    guard: Schema = {"security": [{"appointment": []}]} if signed else {}
    return {"summary": summary, **guard, **given, "responses": {**good, **refused}}


def _spoken(operation: Schema) -> Schema:
    return {**operation, "parameters": [{"name": "language", "in": "query", "required": False, "schema": _LANGUAGE}]}


def _good(schema: str) -> Schema:
    return {"200": {"description": "done", "content": _json(schema)}}


def appointment_schemas() -> dict[str, Schema]:
    return {
        "AppointmentWords": _object(
            {"language": _LANGUAGE, "words": {"type": "object"}, "chinese": {"type": "object"}},
        ),
        "AppointmentLink": _object({"token": _at_most(TOKEN_LIMIT)}),
        "AppointmentLanguage": _object({"language": _LANGUAGE}, "language"),
        "AppointmentBorn": _object({"born": {"type": "string", "format": "date"}}),
        "AppointmentChange": _object({"opening": _at_most(OPENING_LIMIT), "key": _at_most(KEY_LIMIT)}),
        "AppointmentNothing": _object({}),
        "AppointmentPicked": _object({"picked": _picked()}),
        "AppointmentSession": _object(
            {"session": _TEXT, "expires_in": _NUMBER, "token": _TEXT, "appointment": _ref("ShownAppointment")}
        ),
        "ShownAppointment": _shown_appointment(),
        "AppointmentOpenings": _object({"openings": _list(_opening()), "campuses": {"type": "object"}}),
        "AppointmentIntake": _object({"lists": _list(_choices()), "picked": _picked()}),
    }


def _shown_appointment() -> Schema:
    names = _object(dict.fromkeys(LANGUAGES, _TEXT))
    state, wish = {"type": "string", "enum": list(State)}, {"type": "string", "enum": list(WishState)}
    return _object(
        {
            "reference": _TEXT,
            "state": state,
            "demo": _YES_NO,
            "language": _TEXT,
            "starts_at": _TIME,
            "minutes": _NUMBER,
            "over": _YES_NO,
            "fee_fen": _or_null(_NUMBER),
            "patient": _TEXT,
            "interpreter": _or_null(_object({"language": _TEXT, "state": wish, "name": _or_null(_TEXT)})),
            "hospital": names,
            "campus": _or_null(names),
            "department": names,
            "address_zh": _or_null(_TEXT),
            "address_sure": _YES_NO,
            "phone": _or_null(_TEXT),
            "known": _YES_NO,
            "changeable": _YES_NO,
            "changeable_until": _TIME,
            "link": _or_null(_TEXT),
            "qr": _or_null(_TEXT),
        }
    )


def _opening() -> Schema:
    return _object(
        {
            "id": _TEXT,
            "campus": _TEXT,
            "starts_at": _TIME,
            "minutes": _NUMBER,
            "fee_fen": _or_null(_NUMBER),
            "languages": _list(_TEXT),
            "international": _YES_NO,
        }
    )


def _choices() -> Schema:
    entry = _object({"key": _TEXT, "text": _TEXT, "zh": _TEXT, "exclusive": _YES_NO})
    topic = {"type": "string", "enum": list(Topic)}
    return _object({"topic": topic, "heading": _TEXT, "heading_zh": _TEXT, "many": _YES_NO, "entries": _list(entry)})


def _picked() -> Schema:
    return _object({topic.value: _list(_TEXT) for topic in Topic}, " ".join(Topic))


def _object(properties: dict[str, Schema], optional: str = "") -> Schema:
    required = [name for name in properties if name not in optional.split()]
    return {"type": "object", "properties": properties, "required": required}


def _list(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _at_most(characters: int) -> Schema:
    return {"type": "string", "maxLength": characters}


def _json(name: str) -> Schema:
    return {"application/json": {"schema": _ref(name)}}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}
