"""The widget's part of the OpenAPI document: the paths of /api/widget/*."""

from __future__ import annotations

from typing import Any

from bot.channels.web.belongings import CODE_LIMIT
from bot.channels.web.widget import COMMENT_LIMIT, SITE_LIMIT
from bot.conversations.feedback import Reason, Thumb, Who
from bot.conversations.handover import WORDS_LIMIT, Contact
from bot.conversations.store import Author, Owner
from bot.keeping.notices import Severity
from bot.keeping.words import INTERFACE
from bot.languages import CODES
from bot.settings import Settings

Schema = dict[str, Any]
_TEXT: Schema = {"type": "string"}
_NUMBER: Schema = {"type": "integer"}
_YES_NO: Schema = {"type": "boolean"}
_LANGUAGE: Schema = {"type": "string", "enum": list(CODES)}
_SEQ: Schema = {"type": "integer", "minimum": 0}
# What a call can be refused with; 403 is an Origin that is on no list.
_OPEN_ERRORS = {"400": "a bad field", "403": "this website may not use the widget"}
_ERRORS = {**_OPEN_ERRORS, "401": "a token that is not good", "429": "too many calls; see Retry-After"}
_BODY_ERRORS = {"413": "body too large", "415": "not JSON"}


def widget_paths() -> dict[str, Schema]:
    return {f"/api/widget/{name}": operations for name, operations in {**_open(), **_told(), **_own()}.items()}


def _open() -> dict[str, Schema]:
    """Without a token."""
    proof_errors = {"429": "too many, or a proof of work is due (`proof_needed`); see Retry-After"}
    return {
        "session": {
            "post": _open_post(
                "Begin a conversation, or rotate the token of one.",
                "SessionRequest",
                "Session",
                {"401": "a token that cannot be renewed", **proof_errors, "503": "the widget is switched off"},
            )
        },
        "code/redeem": {
            "post": _open_post(
                "Go on with the conversation that a code was made for.",
                "RedeemRequest",
                "Session",
                {"404": "unknown, used or expired code", **proof_errors},
            )
        },
        "config": {"get": _open_get("What the panel shows before anything is written.", "Config", ("page",))},
        "notices": {"get": _open_get("What the loader shows before the panel is opened.", "Notices")},
        "proof": {"get": _open_get("A challenge to work on.", "Challenge", None)},
    }


def _told() -> dict[str, Schema]:
    """What a resident says of answers and of the conversation."""
    return {
        "messages": {"get": _messages(), "post": _post("Send a message.", "SendRequest", "Sent", {}, "202")},
        "live": {"get": _socket()},
        "language": {"post": _post("Choose the language.", "LanguageRequest", "LanguageRequest")},
        "ack": {"post": _post("Everything up to a number was seen.", "AckRequest", None)},
        "feedback": {"post": _post("A thumb on an answer.", "FeedbackRequest", None, {"404": "no such answer"})},
        "rating": {"post": _post("Stars for the conversation.", "RatingRequest", None)},
        "callback": {"post": _post("Ask to be called or written to.", "CallBackRequest", "CallBack")},
        "leave-queue": {"post": _post("Stay with the assistant.", None, "Owner")},
        "notice": {"post": _post("The AI and privacy notice was accepted.", "NoticeRequest", None)},
    }


def _own() -> dict[str, Schema]:
    """What is the resident's own."""
    return {
        "code": {"post": _post("A code to go on elsewhere, good once, for a quarter of an hour.", None, "IssuedCode")},
        "transcript": {"get": _file("The conversation as text.", "text/plain", ("language",))},
        "export": {"get": _file("Everything that is kept of the conversation.", "application/json", ())},
        "erase": {"post": _post("Ask to erase everything; with `confirm`, erase it.", "EraseRequest", "EraseAnswer")},
    }


def _open_get(summary: str, answer: str, query: tuple[str, ...] | None = ()) -> Schema:
    names = () if query is None else ("site", "language", *query)
    tagged = {} if query is None else {"304": {"description": "as in If-None-Match"}}
    return {
        "summary": summary,
        "parameters": _query(*names),
        "responses": {"200": _answer(answer), **tagged, **_failures(_OPEN_ERRORS)},
    }


def _open_post(summary: str, body: str, answer: str, errors: dict[str, str]) -> Schema:
    return {
        "summary": summary,
        "requestBody": {"required": True, "content": _json(body)},
        "responses": {"200": _answer(answer), **_failures({**_OPEN_ERRORS, **_BODY_ERRORS, **errors})},
    }


def _post(
    summary: str, body: str | None, answer: str | None, errors: dict[str, str] | None = None, good: str = "200"
) -> Schema:
    given: Schema = {} if body is None else {"requestBody": {"required": True, "content": _json(body)}}
    answered: Schema = {"204": {"description": "done"}} if answer is None else {good: _answer(answer)}
    failures = _failures({**_ERRORS, **_BODY_ERRORS, **(errors or {})})
    return {"summary": summary, "security": [{"visitor": []}], **given, "responses": {**answered, **failures}}


def _file(summary: str, kind: str, query: tuple[str, ...]) -> Schema:
    schema = {"type": "string" if kind == "text/plain" else "object"}
    return {
        "summary": summary,
        "security": [{"visitor": []}],
        "parameters": _query(*query),
        "responses": {
            "200": {"description": "an attachment", "content": {kind: {"schema": schema}}},
            **_failures(_ERRORS),
        },
    }


def _messages() -> Schema:
    return {
        "summary": "All after a number: at once when there is something, else after `wait` seconds, 25 at most.",
        "security": [{"visitor": []}],
        "parameters": _query("after", "wait", "language"),
        "responses": {"200": _answer("Messages"), **_failures(_ERRORS)},
    }


def _socket() -> Schema:
    return {
        "summary": "The WebSocket: JSON text frames, `hello` with the token first (docs/api.md).",
        "responses": {"101": {"description": "a WebSocket"}, **_failures(_OPEN_ERRORS)},
    }


def _query(*names: str) -> list[Schema]:
    numbers = {"after": _SEQ, "wait": {"type": "integer", "minimum": 0}}
    return [{"name": name, "in": "query", "required": False, "schema": numbers.get(name, _TEXT)} for name in names]


def _answer(schema: str) -> Schema:
    return {"description": "done", "content": _json(schema)}


def _failures(errors: dict[str, str]) -> dict[str, Schema]:
    wait = {"headers": {"Retry-After": {"schema": {"type": "integer"}}}}
    return {
        status: {"description": text, "content": _json("Error"), **(wait if status in ("429", "503") else {})}
        for status, text in sorted(errors.items())
    }


def _json(name: str) -> Schema:
    return {"application/json": {"schema": _ref(name)}}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(properties: dict[str, Schema], optional: str = "") -> Schema:
    required = [name for name in properties if name not in optional.split()]
    return {"type": "object", "properties": properties, "required": required}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _list(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


def _one_of(*words: str) -> Schema:
    return {"type": "string", "enum": list(words)}


def _at_most(characters: int) -> Schema:
    return {"type": "string", "maxLength": characters}


def widget_schemas(settings: Settings, message: Schema) -> dict[str, Schema]:
    """`message` is the schema of one message of a reply, which the widget's messages go beyond."""
    return {
        **_requests(settings),
        **_session_schemas(),
        **_config_schemas(),
        **_message_schemas(message),
        **_own_schemas(),
    }


def _requests(settings: Settings) -> dict[str, Schema]:
    return {
        "SessionRequest": _object(
            {
                "site": _at_most(SITE_LIMIT),
                "page": _TEXT,
                "language": _LANGUAGE,
                "locale": _TEXT,
                "token": _TEXT,
                "proof": _TEXT,
            },
            "site page language locale token proof",
        ),
        "RedeemRequest": _object({"code": _at_most(CODE_LIMIT), "proof": _TEXT}, "proof"),
        "SendRequest": {
            **_object(
                {
                    "key": {"type": "string", "minLength": 1, "maxLength": 64},
                    "text": {"type": "string", "minLength": 1, "maxLength": settings.text_limit_characters},
                    "button": _TEXT,
                    "language": _LANGUAGE,
                    "locale": _TEXT,
                    "proof": _TEXT,
                },
                "text button language locale proof",
            ),
            "oneOf": [{"required": ["text"]}, {"required": ["button"]}],
        },
        "LanguageRequest": _object({"language": _LANGUAGE}),
        "AckRequest": _object({"seq": _SEQ}),
        "FeedbackRequest": _object(
            {"seq": _SEQ, "value": _or_null(_one_of(*Thumb)), "reason": _one_of(*Reason)}, "reason"
        ),
        "RatingRequest": _object(
            {
                "who": _one_of(*Who),
                "stars": {"type": "integer", "minimum": 1, "maximum": 5},
                "comment": _at_most(COMMENT_LIMIT),
            },
            "comment",
        ),
        "CallBackRequest": _object(
            {"contact": _one_of(*Contact), "value": _TEXT, "words": _at_most(WORDS_LIMIT), "language": _LANGUAGE},
            "words language",
        ),
        "NoticeRequest": _object({"version": _TEXT}),
        "EraseRequest": _object({"confirm": _TEXT}, "confirm"),
    }


def _session_schemas() -> dict[str, Schema]:
    return {
        "Owner": _object({"owner": _one_of(*Owner)}),
        "Queue": _object({"position": _NUMBER, "minutes": _or_null(_NUMBER), "text": _TEXT}),
        "Session": _object(
            {
                "token": _TEXT,
                "expires_in": _NUMBER,
                "owner": _one_of(*Owner),
                "language": _or_null(_LANGUAGE),
                "last_seq": _SEQ,
                "seen_seq": _SEQ,
                "queue": _or_null(_ref("Queue")),
                "notice_version": _or_null(_TEXT),
            }
        ),
        "Challenge": _object({"challenge": _TEXT, "bits": _NUMBER, "expires_in": _NUMBER}),
    }


def _config_schemas() -> dict[str, Schema]:
    banners = _list(_ref("Banner"))
    return {
        "Banner": _object({"id": _TEXT, "severity": _one_of(*Severity), "text": _TEXT, "until": _or_null(_TEXT)}),
        "Notices": _object({"widget": _YES_NO, "text": _or_null(_TEXT), "notices": banners}),
        "Config": _object(
            {
                "language": _one_of(*INTERFACE),
                "languages": _list(_object({"code": _one_of(*INTERFACE), "name": _TEXT})),
                "notice": _object({"version": _TEXT, "ai": _TEXT, "privacy": _TEXT, "url": _or_null(_TEXT)}),
                "topics": _list(_object({"title": _TEXT, "text": _TEXT})),
                "notices": banners,
                "switches": _object({"widget": _YES_NO, "bot": _YES_NO, "text": _or_null(_TEXT)}),
                "desk": _object({"open": _YES_NO, "text": _TEXT}),
                "limits": _object({"text": _NUMBER}),
            }
        ),
    }


def _message_schemas(message: Schema) -> dict[str, Schema]:
    shown = _object(
        {
            **message["properties"],
            # Empty for what a resident wrote.
            "lang": _TEXT,
            "seq": _SEQ,
            "direction": _one_of("in", "out"),
            "author": _one_of(*Author),
            "name": _or_null(_TEXT),
            "key": _or_null(_TEXT),
            "at": _TEXT,
            "reply_to": _or_null(_SEQ),
            "outcome": _or_null(_TEXT),
            "feedback": _or_null(_object({"value": _one_of(*Thumb), "reason": _or_null(_one_of(*Reason))})),
            "withdrawn": _YES_NO,
        }
    )
    return {
        "ShownMessage": shown,
        "Messages": _object(
            {
                "messages": _list(_ref("ShownMessage")),
                "last_seq": _SEQ,
                "owner": _one_of(*Owner),
                "queue": _or_null(_ref("Queue")),
                "operator": _or_null(_TEXT),
                "typing": _object({"bot": _YES_NO, "person": _YES_NO}),
            }
        ),
        "Sent": _object({"key": _TEXT, "seq": _SEQ}),
    }


def _own_schemas() -> dict[str, Schema]:
    return {
        "CallBack": _object({"reference": _TEXT, "promised": _TEXT, "text": _TEXT}),
        "IssuedCode": _object({"code": _TEXT, "expires_at": _TEXT}),
        "EraseAnswer": {
            "type": "object",
            "anyOf": [
                _object({"confirm": _TEXT, "expires_in": _NUMBER}),
                _object({"receipt": _TEXT, "erased_at": _TEXT}),
            ],
        },
    }
