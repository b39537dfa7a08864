"""Bring the database to this code's schema; refuse one that is newer than the code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.errors import StartError

if TYPE_CHECKING:
    # Alembic takes most of a second to import, and the engine is started before it is needed.
    from alembic.config import Config

_FOLDER = Path(__file__).with_name("migrations")


def config(connection: Connection | None = None) -> Config:
    from alembic.config import Config

    settings = Config()
    settings.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    settings.attributes["connection"] = connection
    return settings


async def migrate(engine: AsyncEngine) -> None:
    """Upgrade to the newest revision. Raises StartError with one line when that cannot be done."""
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_upgrade)
    except (SQLAlchemyError, OSError) as error:
        raise StartError(f"the database cannot be opened ({type(error).__name__}): {_place(engine)}") from error


def _upgrade(connection: Connection) -> None:
    from alembic import command

    _refuse_newer(connection)
    command.upgrade(config(connection), "head")


def _refuse_newer(connection: Connection) -> None:
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    scripts = ScriptDirectory.from_config(config())
    current = MigrationContext.configure(connection).get_current_revision()
    if current is None:
        return
    try:
        scripts.get_revision(current)
    except CommandError:
        raise StartError(
            f"the database is newer than this code (revision {current}); update the code or use another database"
        ) from None


def _place(engine: AsyncEngine) -> str:
    return engine.url.render_as_string(hide_password=True)
