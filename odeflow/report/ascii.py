"""Letters for a stream that cannot write Unicode: an approximation is better than a traceback or a question mark."""

from __future__ import annotations

import codecs
import unicodedata
from typing import Any

from sympy.printing.pretty.pretty_symbology import greek_unicode

__all__ = ["approximate_letters", "spell"]

_HANDLER = "odeflow.spell"
_SIGNS = {
    "≤": "<=",
    "≥": ">=",
    "≠": "!=",
    "±": "+-",
    "·": "*",
    "⋅": "*",
    "√": "sqrt ",
    "∞": "oo",
    "→": "->",
    "⇒": "=>",
    "⟨": "<",
    "⟩": ">",
    "‖": "||",
    "│": "|",
    "′": "'",
    "ℯ": "e",
    "⋆": "*",
    "\u0302": "^",
    "Σ": "Sum",
    "Π": "Product",
    "∫": "Integral",
}
_GREEK = {letter: name for name, letter in greek_unicode.items()}


def approximate_letters(stream: Any) -> None:
    """Let a text stream spell what its encoding lacks; a stream that cannot be told so is left alone."""
    codecs.register_error(_HANDLER, _replace)
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors=_HANDLER)


def spell(letter: str) -> str:
    """Return ASCII for one letter.

    Examples
    --------
    >>> [spell(c) for c in "λ₀≤²─é"]
    ['lambda', '_0', '<=', '^2', '-', 'e']
    """
    if letter in _SIGNS:
        return _SIGNS[letter]
    if letter in _GREEK:
        return str(_GREEK[letter])
    name = unicodedata.name(letter, "")
    plain = unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode()
    if name.startswith("SUPERSCRIPT"):
        return f"^{plain or '-'}"
    if "SUBSCRIPT" in name:
        return f"_{plain}"
    if name.startswith("BOX DRAWINGS"):
        return "-"
    return plain or "?"


def _replace(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(spell, error.object[error.start : error.end])), error.end
