"""A QR code as a picture that needs nothing else: black on white, with its quiet zone, in any size."""

from __future__ import annotations

import io

import segno

# What a code must have around it to be read (ISO/IEC 18004).
_QUIET_ZONE = 4


def picture(text: str) -> str:
    """An SVG document."""
    written = io.BytesIO()
    segno.make(text, error="m", micro=False).save(
        written, kind="svg", border=_QUIET_ZONE, omitsize=True, dark="#000", light="#fff", xmldecl=False, nl=False
    )
    return written.getvalue().decode("utf-8")
