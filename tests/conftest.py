"""What the open room's tests share: one loaded encoder, one PostgreSQL, and a fresh app for each test that asks."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

# Before numpy is imported by anything: see bot/encoder.py.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Said by the continuous integration: PostgreSQL must be there, and its tests may not be skipped.
REQUIRE_POSTGRES = os.environ.get("TEST_REQUIRE_POSTGRES", "") == "1"
# The tests set what they need; a developer's own settings must not change what they see.
for _name in [name for name in os.environ if name.startswith("LINLI_") or name == "DATABASE_URL"]:
    del os.environ[_name]

import asyncpg  # noqa: E402
import pytest  # noqa: E402
from hypothesis import HealthCheck, settings  # noqa: E402

from tests.fakes import postgres  # noqa: E402
from tests.fakes.site import Brain, Site, make_brain, running_site  # noqa: E402

settings.register_profile(
    "linli", deadline=None, max_examples=150, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("linli")

SiteMaker = Callable[..., AbstractAsyncContextManager[Site]]


@pytest.fixture(scope="session")
def brain(tmp_path_factory: pytest.TempPathFactory) -> Brain:
    return asyncio.run(make_brain(tmp_path_factory.mktemp("brain")))


@pytest.fixture
def make_site(brain: Brain, tmp_path: Path) -> SiteMaker:
    """A running app with settings of the test's own: `async with make_site(rate_burst=2) as site`."""
    return lambda **given: running_site(brain, tmp_path / "var", **given)


@pytest.fixture
async def site(make_site: SiteMaker) -> AsyncIterator[Site]:
    """A running app with a fake engine that is well."""
    async with make_site() as running:
        yield running


@pytest.fixture
async def lone_site(make_site: SiteMaker) -> AsyncIterator[Site]:
    """A running app without an engine."""
    async with make_site(with_engine=False) as running:
        yield running


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    programs = postgres.binaries()
    if programs is None:
        why = "no PostgreSQL server programs under /usr/lib/postgresql (Debian, Ubuntu: apt install postgresql)"
        if REQUIRE_POSTGRES:
            pytest.fail(why)
        pytest.skip(why)
    with postgres.cluster(programs) as url:
        yield url


_numbers = itertools.count(1)


@pytest.fixture
def postgres_url(postgres_server: str) -> str:
    """An empty database."""
    name = f"linli_{next(_numbers)}"

    async def create() -> None:
        connection = await asyncpg.connect(f"{postgres_server}/postgres")
        await connection.execute(f"CREATE DATABASE {name}")
        await connection.close()

    asyncio.run(create())
    return f"{postgres_server}/{name}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/test.db"
    url: str = request.getfixturevalue("postgres_url")
    return url
