"""The encoder and its guard: no text of a stranger ends the process, and the same text has the same vector."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import unicodedata

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.encoder import DIMENSIONS, E5_DIMENSIONS, MAX_BYTES, USE_LANGUAGES, guarded, pack, unpack
from tests.fakes.engine import ROOT
from tests.fakes.site import Brain

HOSTILE = st.text(st.characters(exclude_categories=()), max_size=2000)

# What must not end a process is tried in one of its own.
CHILD = """
import sys
from hypothesis import HealthCheck, given, settings, strategies as st
from bot.encoder import DIMENSIONS, Encoder
encoder = Encoder()
FIXED = [
    "\\ufdfa" * 200, "\\ufdfa" * 69, "\\ufdfa" * 100_000, "\\ud800" * 50, "x" * 100_000, "\\x00", "", " ",
    "签" * 100_000, "\\U0001f468\\u200d" * 5000, "\\u0300" * 100_000, "".join(map(chr, range(0x300))),
    "\\ufdfb\\u3300\\u33ff" * 3000, "\\u202e" * 3000, "a\\u0328" * 5000, "\\U000e0041" * 3000, "/restart",
    "\\ufffe\\uffff",
]
for text in FIXED:
    assert encoder.encode(text, "en").shape == (DIMENSIONS,)
    print("survived", len(text), flush=True)

any_text = st.text(st.characters(exclude_categories=()), max_size=60)

@settings(max_examples=40, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(any_text, st.integers(1, 12), st.sampled_from(["en", "bn", "zh", "?"]))
def fuzz(text, times, language):
    assert encoder.encode(text * times, language).shape == (DIMENSIONS,)

fuzz()
print("done", flush=True)
"""


def test_no_text_ends_the_process() -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    found = subprocess.run(
        [sys.executable, "-c", CHILD], capture_output=True, text=True, timeout=150, env=environment, cwd=ROOT
    )
    assert found.returncode == 0, (found.returncode, found.stdout[-300:], found.stderr[-2000:])
    assert found.stdout.endswith("done\n")


@given(HOSTILE)
@example("\ufdfa" * 2000)
@example("\ud800")
@example("")
def test_what_passes_the_guard_is_short_normal_and_valid(text: str) -> None:
    safe = guarded(text)
    assert 1 <= len(safe.encode()) <= MAX_BYTES
    safe.encode("utf-8")
    assert "\x00" not in safe
    assert unicodedata.normalize("NFKC", safe) == safe
    assert guarded(safe) == safe


def test_the_same_text_has_the_same_vector_alone_and_in_a_batch(brain: Brain) -> None:
    encoder = brain.encoder
    texts = ["How do I register?", "怎样办理住宿登记?", "How do I register?", "আমি কিভাবে নিবন্ধন করব?"]
    languages = ["en", "zh", "en", "bn"]
    batch = encoder.encode_many(texts, languages)
    again = encoder.encode_many(texts, languages)
    np.testing.assert_array_equal(batch, again)
    np.testing.assert_array_equal(batch[0], batch[2])
    for row, (text, language) in enumerate(zip(texts, languages, strict=True)):
        np.testing.assert_allclose(encoder.encode_many([text], [language])[0], batch[row], atol=1e-5)


def test_the_quick_vector_completed_is_the_whole_one(brain: Brain) -> None:
    for text, language in (("How do I register?", "en"), ("怎样办理住宿登记?", "zh"), ("x" * 5000, "fr")):
        quick = brain.encoder.quick(text, language)
        assert not quick[:E5_DIMENSIONS].any()
        np.testing.assert_array_equal(
            brain.encoder.completed(quick, text, language), brain.encoder.encode_many([text], [language])[0]
        )
    assert brain.encoder.quick("আমি কিভাবে নিবন্ধন করব?", "bn") is None


def test_a_vector_has_two_halves_of_length_one(brain: Brain) -> None:
    for language in ("en", "zh", "bn"):
        vector = brain.encoder.encode("register", language)
        assert (vector.shape, vector.dtype) == ((DIMENSIONS,), np.float32)
        assert np.linalg.norm(vector[:E5_DIMENSIONS]) == pytest.approx(1.0, abs=1e-4)
        use = np.linalg.norm(vector[E5_DIMENSIONS:])
        assert use == pytest.approx(1.0 if language in USE_LANGUAGES else 0.0, abs=1e-3)


def test_writing_the_same_in_another_form_is_the_same_text(brain: Brain) -> None:
    same = [("ｖｉｓａ", "visa"), ("cafe\u0301", "café"), ("  visa \n renewal ", "visa renewal")]
    for one, other in same:
        np.testing.assert_array_equal(brain.encoder.encode(one, "en"), brain.encoder.encode(other, "en"))


@given(st.integers(0, 2**31))
def test_a_vector_survives_the_way_between_the_rooms(seed: int) -> None:
    vector = np.random.default_rng(seed).normal(size=DIMENSIONS).astype(np.float32)
    vector /= np.linalg.norm(vector)
    np.testing.assert_allclose(unpack(pack(vector)), vector, atol=1e-3)
    assert len(pack(vector)) == 2392


@pytest.mark.parametrize(
    "packed",
    [
        "",
        "!!!",
        "AAAA",
        "é",
        base64.b64encode(bytes(DIMENSIONS * 2 + 2)).decode(),
        base64.b64encode(np.full(DIMENSIONS, np.nan, "<f2").tobytes()).decode(),
    ],
)
def test_what_is_no_vector_is_refused(packed: str) -> None:
    with pytest.raises(ValueError):
        unpack(packed)
