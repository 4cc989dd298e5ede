"""Text for a terminal or file whose encoding lacks our marks: every character gets a stand-in, and none becomes ``?``."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["encodable"]

_ESCAPES = r"(?:\x1b\[[\d;]*m)*"
_STAND_INS = {
    "✓": "ok", "✗": "X", "≈": "~", "◆": "*", "■": "#", "□": "o", "│": "|", "─": "-", "━": "-", "╳": "X", "→": "->",
    "·": "-", "–": "-", "—": "-", "−": "-", "×": "x", "…": "...", "⇒": "=>", "∧": "and", "∨": "or", "¬": "not ",
    "≠": "!=", "≥": ">=", "≤": "<=", "◇": "<>", "∉": "not in", "∈": "in", "◀": "<",
}

def encodable(text: str, encoding: str) -> str:
    """Return ``text`` with a stand-in for each character that ``encoding`` lacks; columns stay where they are."""
    if _fits(text, encoding):
        return text
    if not _fits("✓✗≈", encoding):
        # One blank gives way to the second letter of the mark.
        text = re.sub(f"✓({_ESCAPES})  ", r"ok\1 ", text)
    text = re.sub(r"□(?=[(¬◇])", "[]", text) if not _fits("□", encoding) else text
    return "".join(char if _fits(char, encoding) else _stand_in(char) for char in text)


def _stand_in(char: str) -> str:
    if char in _STAND_INS:
        return _STAND_INS[char]
    plain = unicodedata.normalize("NFKD", char).encode("ascii", "ignore").decode()
    return plain or char.encode("ascii", "backslashreplace").decode()


def _fits(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
