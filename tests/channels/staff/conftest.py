"""A running app at an hour at which the desk is open."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.channels.staff.people import OPEN
from tests.conftest import SiteMaker
from tests.fakes.site import Site


@pytest.fixture
async def desk(lone_site: Site) -> Site:
    lone_site.clock.now = OPEN
    return lone_site


@pytest.fixture
async def any_desk(make_site: SiteMaker, database_url: str) -> AsyncIterator[Site]:
    """The same on each kind of database."""
    async with make_site(with_engine=False, database_url=database_url) as site:
        site.clock.now = OPEN
        yield site
