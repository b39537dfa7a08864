"""The interface as OpenAPI 3.1, built from the same vocabularies that the code uses."""

from __future__ import annotations

from typing import Any

from bot.channels.staff.openapi import paths as staff_paths
from bot.channels.web.openapi_appointment import appointment_paths, appointment_schemas
from bot.channels.web.openapi_widget import widget_paths, widget_schemas
from bot.errors import Code
from bot.languages import CODES
from bot.messages import Kind, Outcome
from bot.settings import Settings

Schema = dict[str, Any]


def openapi(settings: Settings) -> Schema:
    """The document that GET /api/openapi.json serves."""
    schemas = _schemas(settings)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Linli chat API",
            "version": "1",
            "description": "A resident's question in, the official answer in the resident's language out.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {
            "/api/chat": {"post": _chat_operation()},
            "/healthz": {"get": _simple("The process lives.", {"200": "alive"})},
            "/readyz": {"get": _simple("Questions can be answered.", {"200": "ready", "503": "not ready"})},
            "/api/openapi.json": {"get": _simple("This document.", {"200": "the document"})},
            **widget_paths(),
            **appointment_paths(),
            **staff_paths(),
        },
        "components": {
            "schemas": {**schemas, **widget_schemas(settings, schemas["Message"]), **appointment_schemas()},
            "securitySchemes": {name: {"type": "http", "scheme": "bearer"} for name in ("visitor", "appointment")},
        },
    }


def _chat_operation() -> Schema:
    errors = {
        "400": "bad JSON, a bad field, empty or too long text",
        "404": "unknown conversation or button",
        "413": "body too large",
        "415": "not JSON",
        "429": "too many messages; see Retry-After",
        "500": "a fault of ours",
        "503": "the database is not available",
    }
    return {
        "summary": "Say one thing, get the reply.",
        "requestBody": {"required": True, "content": _json(_ref("Request"))},
        "responses": {
            "200": {"description": "the reply", "content": _json(_ref("Reply"))},
            **{
                status: {
                    "description": text,
                    "content": _json(_ref("Error")),
                    **(
                        {"headers": {"Retry-After": {"schema": {"type": "integer"}}}}
                        if status in ("429", "503")
                        else {}
                    ),
                }
                for status, text in errors.items()
            },
        },
    }


def _simple(summary: str, responses: dict[str, str]) -> Schema:
    return {
        "summary": summary,
        "responses": {
            status: {"description": text, "content": _json({"type": "object"})} for status, text in responses.items()
        },
    }


def _json(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(properties: dict[str, Schema], required: list[str] | None = None) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties) if required is None else required,
    }


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _schemas(settings: Settings) -> Schema:
    text, strings = {"type": "string"}, {"type": "array", "items": {"type": "string"}}
    language = {"type": "string", "enum": list(CODES)}
    nullable_text = {"type": ["string", "null"]}
    return {
        "Request": {
            **_object(
                {
                    "text": {"type": "string", "minLength": 1, "maxLength": settings.text_limit_characters},
                    "button": text,
                    "conversation": text,
                    "language": language,
                    "locale": text,
                },
                [],
            ),
            "oneOf": [{"required": ["text"]}, {"required": ["button"]}],
        },
        "Reply": _object(
            {
                "conversation": text,
                "language": language,
                "intent": nullable_text,
                "confidence": {"type": "number", "minimum": 0, "maximum": 1},
                "outcome": {"type": "string", "enum": [outcome.value for outcome in Outcome]},
                "messages": {"type": "array", "items": _ref("Message")},
                "trace": {"type": "object"},
            }
        ),
        "Message": _object(
            {
                "kind": {"type": "string", "enum": [kind.value for kind in Kind]},
                "lang": language,
                "text": text,
                "steps": strings,
                "documents": strings,
                "buttons": {"type": "array", "items": _object({"title": text, "payload": text})},
                "office": _or_null(
                    _object({"name": text, "name_zh": text, "address_zh": nullable_text, "phone": nullable_text})
                ),
                "source": _or_null(_object({"title": text, "url": nullable_text})),
                "checked_on": {"type": ["string", "null"], "format": "date"},
                "article": nullable_text,
                "version": {"type": ["integer", "null"]},
            }
        ),
        "Error": _object(
            {"error": _object({"code": {"type": "string", "enum": [code.value for code in Code]}, "message": text})}
        ),
    }
