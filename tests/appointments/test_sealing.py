"""What is sealed is opened by the right key, about the right row, and by nothing else."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.appointments.keys import NAME, PREVIOUS, vault_keys
from bot.appointments.sealing import Vault, VaultError
from bot.errors import StartError

KEY, OTHER = b"k" * 32, b"o" * 32
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(JSON, st.text(st.characters(exclude_categories=["Cs"])))
def test_what_is_sealed_comes_back(data: Any, about: str) -> None:
    assert Vault((KEY,)).open(Vault((KEY,)).seal(data, about), about) == data


def test_nothing_of_it_can_be_read_and_no_two_are_alike() -> None:
    vault = Vault((KEY,))
    one, two = (vault.seal({"name": "Jane Example"}, "a") for _ in range(2))
    assert b"Jane" not in one
    assert one != two


def test_another_row_another_key_and_a_changed_byte_are_refused() -> None:
    vault = Vault((KEY,))
    sealed = vault.seal({"name": "Jane Example"}, "appointment:1:patient")
    with pytest.raises(VaultError):
        vault.open(sealed, "appointment:2:patient")
    with pytest.raises(VaultError):
        Vault((OTHER,)).open(sealed, "appointment:1:patient")
    for place in range(len(sealed)):
        changed = sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]
        with pytest.raises(VaultError):
            vault.open(changed, "appointment:1:patient")
    for cut in (b"", sealed[:1], sealed[:12], sealed[:20], sealed[:-1]):
        with pytest.raises(VaultError):
            vault.open(cut, "appointment:1:patient")


def test_the_first_key_seals_and_all_of_them_open() -> None:
    before = Vault((OTHER,)).seal("old", "x")
    both = Vault((KEY, OTHER))
    assert both.open(before, "x") == "old"
    assert Vault((KEY,)).open(both.seal("new", "x"), "x") == "new"


def test_a_vault_needs_whole_keys_and_shows_none() -> None:
    for keys in ((), (b"short",)):
        with pytest.raises(VaultError):
            Vault(keys)
    assert "kkkk" not in repr(Vault((KEY,)))


def test_the_secret_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    keys = vault_keys(tmp_path)
    assert vault_keys(tmp_path) == keys
    assert [len(key) for key in keys] == [32]
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600
    assert keys[0] != (tmp_path / NAME).read_bytes()[:32], "the file's letters are not the key itself"


def test_the_previous_secret_still_opens(tmp_path: Path) -> None:
    sealed = Vault(vault_keys(tmp_path)).seal("x", "y")
    os.rename(tmp_path / NAME, tmp_path / PREVIOUS)
    changed = Vault(vault_keys(tmp_path))
    assert len(changed.keys) == 2
    assert changed.open(sealed, "y") == "x"
    (tmp_path / PREVIOUS).unlink()
    with pytest.raises(VaultError):
        Vault(vault_keys(tmp_path)).open(sealed, "y")


@pytest.mark.parametrize("contents", [b"", b"short", b"\xff" * 40])
def test_a_damaged_secret_is_not_replaced(tmp_path: Path, contents: bytes) -> None:
    (tmp_path / NAME).write_bytes(contents)
    with pytest.raises(StartError, match="backup"):
        vault_keys(tmp_path)
    assert (tmp_path / NAME).read_bytes() == contents


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(StartError) as caught:
        vault_keys(tmp_path / "none")
    assert "\n" not in str(caught.value)
