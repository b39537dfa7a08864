"""Which hospitals have a system of their own that we book in: data/booking/providers.yml, checked field by field."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from bot.appointments.catalogue import Catalogue, Hospital
from bot.appointments.contents import fields, flag, one_of, read_yaml, text
from bot.appointments.provider import Provider
from bot.appointments.remote import RemoteProvider
from bot.appointments.remote_shapes import Place
from bot.appointments.remote_wire import Limits, Wire
from bot.errors import ContentError

PROVIDERS_FILE = "providers.yml"
ENVIRONMENT_PREFIX = "LINLI_HOSPITAL_"
# Not a name of one of our own secrets, which must not sign what goes out.
_SECRET_FILE = re.compile(r"hospital_[a-z0-9_-]+\.secret")
_SECRET = re.compile(r"[!-~]{32,512}")
_OTHERS_MAY = 0o077


class ProviderKind(StrEnum):
    HTTP = "http"


@dataclass(frozen=True)
class Entry:
    """`secret` is the name of a file in var/. `demo`: a system to try things out, and no real times."""

    hospital: str
    kind: ProviderKind
    url: str
    secret: str
    demo: bool

    @property
    def variable(self) -> str:
        """The environment's name for the secret: hospital-ahmu-1 is LINLI_HOSPITAL_AHMU_1."""
        return ENVIRONMENT_PREFIX + self.hospital.removeprefix("hospital-").replace("-", "_").upper()


def read(folder: Path, catalogue: Catalogue) -> tuple[Entry, ...]:
    """The file's entries, without their secrets. ContentError naming file, hospital and field."""
    raw = fields(PROVIDERS_FILE, read_yaml(folder / PROVIDERS_FILE), ("providers",))["providers"]
    if not isinstance(raw, dict):
        raise ContentError(f"{PROVIDERS_FILE}: providers: must be a mapping, {{}} when there are none")
    if unknown := [str(key) for key in raw if key not in catalogue.hospitals]:
        raise ContentError(f"{PROVIDERS_FILE}: no hospital {', '.join(unknown)}")
    return tuple(_entry(hospital, entry) for hospital, entry in raw.items())


def load(
    folder: Path,
    var_folder: Path,
    catalogue: Catalogue,
    session: aiohttp.ClientSession,
    clock: Callable[[], datetime],
    environment: Mapping[str, str] | None = None,
    limits: Limits | None = None,
) -> Mapping[str, Provider]:
    """By hospital; those without an entry are not in it. ContentError, also for a secret that is missing."""
    environment = os.environ if environment is None else environment
    return {
        entry.hospital: _provider(
            catalogue,
            entry,
            Wire(
                session, entry.hospital, entry.url, _secret(entry, var_folder, environment), clock, limits or Limits()
            ),
        )
        for entry in read(folder, catalogue)
    }


def _entry(hospital: str, raw: Any) -> Entry:
    place = f"{PROVIDERS_FILE}: {hospital}"
    raw = fields(place, raw, ("kind", "url", "secret"), ("demo",))
    return Entry(
        hospital=hospital,
        kind=one_of(f"{place}: kind", ProviderKind, raw["kind"]),
        url=_url(f"{place}: url", raw["url"]),
        secret=_file_name(f"{place}: secret", raw["secret"]),
        demo=flag(f"{place}: demo", raw.get("demo", False)),
    )


def _provider(catalogue: Catalogue, entry: Entry, wire: Wire) -> Provider:
    hospital = catalogue.hospitals[entry.hospital]
    signs = {key: department.sign_zh for key, department in catalogue.departments.items() if not department.walk_in}
    return RemoteProvider(wire, _place(hospital, frozenset(signs), demo=entry.demo), signs)


def _place(hospital: Hospital, departments: frozenset[str], *, demo: bool) -> Place:
    return Place(hospital.key, frozenset(campus.key for campus in hospital.campuses), departments, demo)


def _url(place: str, raw: Any) -> str:
    """Patients' names and numbers go there: without TLS only within this machine."""
    written = text(place, raw)
    try:
        parts = urlsplit(written)
        host, _port = parts.hostname, parts.port
    except ValueError:
        raise ContentError(f"{place}: must be an address like https://booking.example.org/linli") from None
    if not host or not written.isascii() or not written.isprintable() or " " in written:
        raise ContentError(f"{place}: must be an address like https://booking.example.org/linli")
    if parts.username is not None or parts.query or parts.fragment or written[-1] in "/?#":
        raise ContentError(f"{place}: must have no user, no question mark, no # and no slash at its end")
    if parts.scheme != "https" and not (parts.scheme == "http" and _loopback(host)):
        raise ContentError(f"{place}: must begin with https://")
    return written


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _file_name(place: str, raw: Any) -> str:
    if not isinstance(raw, str) or not _SECRET_FILE.fullmatch(raw):
        raise ContentError(
            f"{place}: must be the name of a file in var/, like hospital_ahmu_1.secret, and never the secret itself"
        )
    return raw


def _secret(entry: Entry, var_folder: Path, environment: Mapping[str, str]) -> bytes:
    """ContentError, which never shows it."""
    place = f"{PROVIDERS_FILE}: {entry.hospital}: secret"
    found = environment.get(entry.variable, "") or _from_file(place, var_folder / entry.secret)
    if not found:
        raise ContentError(f"{place}: is missing: put it into var/{entry.secret} or {entry.variable}")
    if not _SECRET.fullmatch(found):
        raise ContentError(f"{place}: must be 32 to 512 characters without blanks")
    return found.encode("ascii")


def _from_file(place: str, path: Path) -> str:
    try:
        if path.stat().st_mode & _OTHERS_MAY:
            raise ContentError(f"{place}: others may read var/{path.name}: chmod 600")
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise ContentError(f"{place}: var/{path.name} cannot be read ({type(error).__name__})") from None
