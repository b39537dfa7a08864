"""Tables as the database itself describes them: a dump needs no model, so it works at every revision of the schema."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Connection,
    Date,
    Float,
    LargeBinary,
    MetaData,
    Table,
    Text,
    Uuid,
    inspect,
)
from sqlalchemy import types as sql
from sqlalchemy.types import TypeEngine

from bot.db.models import UtcDateTime
from bot.keeping.errors import KeepingError

REVISIONS = "alembic_version"
TRACKERS = "engine_trackers"
EMBEDDINGS = "embeddings"
# Who is alive now, which jobs are held: nothing of it is true elsewhere.
LEASES = "leases"
# The same of what WeChat sent in the last minutes, and of the token that lets one speak to it.
PASSING = frozenset({LEASES, "wechat_pushes", "wechat_nonces", "wechat_tokens"})


class Kind(StrEnum):
    UUID = "uuid"
    INSTANT = "instant"
    DATE = "date"
    JSON = "json"
    BYTES = "bytes"
    BOOLEAN = "boolean"
    INTEGER = "integer"
    FLOAT = "float"
    TEXT = "text"


@dataclass(frozen=True)
class Field:
    name: str
    kind: Kind
    nullable: bool


@dataclass(frozen=True)
class Shape:
    """A table's name and fields."""

    name: str
    fields: tuple[Field, ...]

    def table(self) -> Table:
        """For reading and writing the rows on either kind of database."""
        return Table(self.name, MetaData(), *(Column(field.name, _sql_type(field)) for field in self.fields))

    def encoded(self, row: tuple[Any, ...]) -> dict[str, Any]:
        """One row as JSON can hold it."""
        return {
            field.name: _ENCODED.get(field.kind, _same)(value) if value is not None else None
            for field, value in zip(self.fields, row, strict=True)
        }

    def decoded(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """One row as the database takes it. KeepingError when it has other fields or values of another kind."""
        try:
            return {
                field.name: _DECODED.get(field.kind, _same)(row[field.name]) if row[field.name] is not None else None
                for field in self.fields
            }
        except (KeyError, ValueError, TypeError) as error:
            raise KeepingError(f"a row of {self.name} in the archive is not as its table is") from error


def shapes(connection: Connection, left_out: Collection[str]) -> list[Shape]:
    """The tables that hold something worth keeping, each after those that it points to."""
    inspector = inspect(connection)
    names = [name for name, _ in inspector.get_sorted_table_and_fkc_names() if name is not None]
    skipped = {REVISIONS, TRACKERS, *PASSING, *left_out}
    return [_shape(name, inspector.get_columns(name)) for name in names if name not in skipped]


def _shape(name: str, columns: Collection[Any]) -> Shape:
    return Shape(name, tuple(Field(c["name"], _kind(name, c["type"]), bool(c["nullable"])) for c in columns))


# In this order: SQLite keeps a UUID as CHAR(32), which is a String too.
_KINDS: tuple[tuple[type[TypeEngine[Any]], Kind], ...] = (
    (sql.Uuid, Kind.UUID),
    (sql.CHAR, Kind.UUID),
    (sql.DateTime, Kind.INSTANT),
    (sql.Date, Kind.DATE),
    (sql.JSON, Kind.JSON),
    (sql.LargeBinary, Kind.BYTES),
    (sql.Boolean, Kind.BOOLEAN),
    (sql.Integer, Kind.INTEGER),
    (sql.Float, Kind.FLOAT),
    (sql.String, Kind.TEXT),
)


def _kind(table: str, found: TypeEngine[Any]) -> Kind:
    kind = next((kind for known, kind in _KINDS if isinstance(found, known)), None)
    if kind is None:
        raise KeepingError(f"table {table} has a column of a kind that no backup knows: {type(found).__name__}")
    return kind


def _sql_type(field: Field) -> TypeEngine[Any]:
    made: dict[Kind, Callable[[], TypeEngine[Any]]] = {
        Kind.UUID: Uuid,
        Kind.INSTANT: UtcDateTime,
        Kind.DATE: Date,
        # A column that may be empty is empty when there is nothing; one that may not holds JSON's null.
        Kind.JSON: lambda: JSON(none_as_null=field.nullable),
        Kind.BYTES: LargeBinary,
        Kind.BOOLEAN: Boolean,
        Kind.INTEGER: BigInteger,
        Kind.FLOAT: Float,
        Kind.TEXT: Text,
    }
    return made[field.kind]()


def _same(value: Any) -> Any:
    return value


_ENCODED: dict[Kind, Callable[[Any], Any]] = {
    Kind.UUID: lambda value: value.hex,
    Kind.INSTANT: lambda value: value.isoformat(),
    Kind.DATE: lambda value: value.isoformat(),
    Kind.BYTES: lambda value: base64.b64encode(value).decode("ascii"),
}
_DECODED: dict[Kind, Callable[[Any], Any]] = {
    Kind.UUID: uuid.UUID,
    Kind.INSTANT: datetime.fromisoformat,
    Kind.DATE: date.fromisoformat,
    Kind.BYTES: base64.b64decode,
}
