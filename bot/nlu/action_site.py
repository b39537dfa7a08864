"""The app's action site over one kept connection; Rasa's own endpoint opens a new one for each call."""

from __future__ import annotations

from typing import Any

import aiohttp
from rasa.utils.endpoints import ClientResponseError, EndpointConfig

from bot.nlu.rasa_changes import ACTION_TIMEOUT


class ActionSite(EndpointConfig):
    """Answers `request` as Rasa's endpoint does, for what `RemoteAction` asks of it: a POST of JSON."""

    _session: aiohttp.ClientSession | None = None

    @classmethod
    def like(cls, endpoint: EndpointConfig) -> ActionSite:
        """The same address, parameters and token."""
        return cls(endpoint.url, endpoint.params, endpoint.headers, token=endpoint.token)

    async def request(self, *_: Any, json: Any = None, **__: Any) -> Any:
        """The answer's JSON; raises Rasa's `ClientResponseError`, or aiohttp's."""
        async with self._opened().post(
            self.url, json=json, headers=self.headers, params=self.combine_parameters()
        ) as response:
            if response.status >= 400:
                raise ClientResponseError(response.status, str(response.reason), await response.text())
            return await response.json()

    def _opened(self) -> aiohttp.ClientSession:
        """Made by the first call, for it belongs to the loop that serves."""
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ACTION_TIMEOUT))
        return self._session

    async def close(self) -> None:
        """Let the connection go; a later call opens another."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()
