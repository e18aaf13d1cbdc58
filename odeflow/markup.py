"""Small pieces of HTML by which results show themselves in a notebook: formulas, tables, a sketch of a curve."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from html import escape

from latex2mathml.converter import convert

__all__ = ["mathml", "sketch", "table"]

# a dot above a letter touches it or vanishes without a mathematical font, a prime does not
_DOTTED = re.compile(r"\\(d{1,3})ot\{((?:[^{}]|\{[^{}]*\})*)\}")
_TEXT = re.compile(r"\\text\{(?:[^{}\\]|\\.)*\}")
_HARMLESS = {"<": "\ue000", ">": "\ue001", "&": "\ue002"}
"""What stands for the letters of markup while LaTeX is converted: the converter copies a text's letters as they are."""
_WIDTH, _HEIGHT, _MARGIN = 360.0, 120.0, 8.0
_POINTS = 240


def mathml(latex: str, *, block: bool = False, text: str = "") -> str:
    """Return LaTeX as MathML, derivatives with primes; `text` is its reading for those who cannot see it.

    Examples
    --------
    >>> mathml("x", text="x").startswith('<math alttext="x" ')
    True
    >>> "a_b &lt;i&gt; &amp;" in mathml(r"\\text{a\\_b <i> \\&}").replace("&#x000A0;", " ")
    True
    """
    primed = _DOTTED.sub(lambda m: f"{{{m[2]}}}{chr(39) * len(m[1])}", latex)
    drawn: str = convert(_TEXT.sub(_plain, primed), display="block" if block else "inline")
    for letter, stand_in in _HARMLESS.items():
        drawn = drawn.replace(stand_in, escape(letter))
    return drawn.replace("<math ", f'<math alttext="{escape(text, quote=True)}" ', 1) if text else drawn


def _plain(found: re.Match[str]) -> str:
    """Return a text whose letters are no markup, and without the backslashes that the converter would show."""
    words = re.sub(r"\\([_%#&$])", r"\1", found[0])
    for letter, stand_in in _HARMLESS.items():
        words = words.replace(letter, stand_in)
    return words


def table(rows: Iterable[Sequence[str]], *, heads: Sequence[str] = ()) -> str:
    """Return a table; cells are text and are escaped, the first of each row is its heading.

    Examples
    --------
    >>> table([("loss", "< 1")])
    '<table><tbody><tr><th scope="row">loss</th><td>&lt; 1</td></tr></tbody></table>'
    """
    head = "".join(f'<th scope="col">{escape(word)}</th>' for word in heads)
    body = "".join(
        f'<tr><th scope="row">{escape(first)}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in rest)}</tr>'
        for first, *rest in rows
    )
    return f"<table>{f'<thead><tr>{head}</tr></thead>' if heads else ''}<tbody>{body}</tbody></table>"


def sketch(x: Sequence[float], y: Sequence[float], *, label: str) -> str:
    """Return a curve as a small SVG, its vertical axis logarithmic; points that are not positive are left out.

    Examples
    --------
    >>> sketch([0.0, 1.0], [1.0, 0.1], label="loss").count("<polyline")
    1
    """
    points = [(float(a), math.log(b)) for a, b in zip(x, y, strict=True) if 0.0 < b < math.inf]
    points = points[:: max(1, len(points) // _POINTS)]
    if len(points) < 2:
        return ""
    (left, right), (low, high) = (_span(values) for values in zip(*points, strict=True))

    def place(a: float, b: float) -> str:
        across = _MARGIN + (_WIDTH - 2 * _MARGIN) * (a - left) / (right - left)
        down = _MARGIN + (_HEIGHT - 2 * _MARGIN) * (high - b) / (high - low)
        return f"{across:.1f},{down:.1f}"

    drawn = " ".join(place(a, b) for a, b in points)
    said = escape(f"{label}: {math.exp(points[0][1]):.3g} to {math.exp(points[-1][1]):.3g}", quote=True)
    return (
        f'<svg role="img" aria-label="{said}" width="{_WIDTH:g}" height="{_HEIGHT:g}" viewBox="0 0 {_WIDTH:g} '
        f'{_HEIGHT:g}"><polyline fill="none" stroke="#0072b2" stroke-width="1.5" points="{drawn}"/></svg>'
    )


def _span(values: Iterable[float]) -> tuple[float, float]:
    listed = list(values)
    low, high = min(listed), max(listed)
    return (low, high) if high > low else (low - 0.5, high + 0.5)
