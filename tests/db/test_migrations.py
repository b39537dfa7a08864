"""The schema: from nothing to the newest, the same as the models, and a newer one is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from sqlalchemy import Connection, inspect, select, text

from bot.db import models
from bot.db.engine import make_engine, session, transaction
from bot.db.migrate import config, migrate
from bot.errors import StartError, StorageError
from bot.ids import new_id
from bot.settings import load_settings
from tests.fakes.site import NOW


async def test_from_empty_to_the_models(database_url: str) -> None:
    engine = make_engine(load_settings({}, database_url=database_url).database_url)
    try:
        await migrate(engine)
        async with engine.connect() as connection:
            tables = await connection.run_sync(lambda sync: set(inspect(sync).get_table_names()))
            assert tables == {*models.Base.metadata.tables, "alembic_version"}
            # Raises when autogenerate would still have something to do.
            await connection.run_sync(lambda sync: command.check(config(sync)))
    finally:
        await engine.dispose()


async def test_a_second_time_changes_nothing(database_url: str) -> None:
    engine = make_engine(load_settings({}, database_url=database_url).database_url)
    try:
        await migrate(engine)
        async with transaction(engine) as connection:
            await connection.execute(text("INSERT INTO embeddings (key, vector) VALUES ('k', 'v')"))
        await migrate(engine)
        async with transaction(engine) as connection:
            assert (await connection.execute(text("SELECT count(*) FROM embeddings"))).scalar_one() == 1
    finally:
        await engine.dispose()


async def test_down_and_up_again(database_url: str) -> None:
    engine = make_engine(load_settings({}, database_url=database_url).database_url)

    def down(connection: Connection) -> None:
        command.downgrade(config(connection), "base")

    try:
        await migrate(engine)
        async with engine.begin() as connection:
            await connection.run_sync(down)
        async with engine.connect() as connection:
            assert await connection.run_sync(lambda sync: set(inspect(sync).get_table_names())) == {"alembic_version"}
        await migrate(engine)
    finally:
        await engine.dispose()


async def test_a_newer_database_is_refused_with_one_line(database_url: str) -> None:
    engine = make_engine(load_settings({}, database_url=database_url).database_url)
    try:
        await migrate(engine)
        async with transaction(engine) as connection:
            await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        with pytest.raises(StartError, match="newer than this code") as caught:
            await migrate(engine)
        assert "\n" not in str(caught.value)
        assert "9999" in str(caught.value)
    finally:
        await engine.dispose()


async def test_a_database_that_cannot_be_opened_is_one_line_without_its_password(tmp_path: Path) -> None:
    for url in (f"sqlite:///{tmp_path}/none/x.db", "postgresql://linli:hunter2@127.0.0.1:9/x"):
        engine = make_engine(load_settings({}, database_url=url).database_url)
        with pytest.raises(StartError) as caught:
            await migrate(engine)
        assert "hunter2" not in str(caught.value)
        assert "\n" not in str(caught.value)
        await engine.dispose()


async def test_a_file_that_is_no_database_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"this is no database at all" * 100)
    engine = make_engine(load_settings({}, database_url=f"sqlite:///{tmp_path}/x.db").database_url)
    with pytest.raises(StartError):
        await migrate(engine)
    await engine.dispose()


async def test_an_instant_comes_back_in_utc(database_url: str) -> None:
    engine = make_engine(load_settings({}, database_url=database_url).database_url)
    try:
        await migrate(engine)
        async with session(engine) as unit:
            unit.add(models.Article(slug="x", area="life", created_at=NOW))
        async with session(engine) as unit:
            (row,) = await unit.scalars(select(models.Article))
        assert row.created_at == NOW
        assert row.created_at.tzinfo is not None
        with pytest.raises(StorageError):
            async with session(engine) as unit:
                unit.add(models.Article(slug="y", area="life", created_at=datetime(2026, 1, 1)))
    finally:
        await engine.dispose()


async def test_storage_errors_name_a_type_and_no_value(database_url: str) -> None:
    engine = make_engine(load_settings({}, database_url=database_url).database_url)
    row = {"id": new_id(), "slug": "jane.doe@example.com", "area": "life", "created_at": datetime.now(UTC)}
    try:
        await migrate(engine)
        with pytest.raises(StorageError) as caught:
            async with transaction(engine) as connection:
                for _ in range(2):
                    await connection.execute(models.Article.__table__.insert().values(**{**row, "id": new_id()}))
        assert "jane" not in str(caught.value)
        async with transaction(engine) as connection:
            assert (await connection.execute(select(models.Article.slug))).all() == []
    finally:
        await engine.dispose()


async def test_sqlite_keeps_foreign_keys_and_survives_a_power_cut(tmp_path: Path) -> None:
    engine = make_engine(load_settings({}, database_url=f"sqlite:///{tmp_path}/x.db").database_url)
    async with engine.connect() as connection:
        found = [
            (await connection.exec_driver_sql(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    await engine.dispose()
    assert found == ["wal", 2, 1]
