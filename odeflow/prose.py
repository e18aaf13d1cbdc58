"""The mathematics that a sentence spells in ASCII, written in Unicode: for terminals, pages and notebooks alike."""

from __future__ import annotations

import re

from sympy.printing.pretty.pretty_symbology import greek_unicode

__all__ = ["prose"]

_SUPERSCRIPT = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
_SUBSCRIPT = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_GREEK = re.compile(rf"(?<![A-Za-z0-9_])({'|'.join(greek_unicode)})(?:_?([0-9]+)|(_[A-Za-z]{{1,3}}))?(?![A-Za-z0-9_])")
_POWER_OF_TEN = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)e([+-])0([0-9])(?![\w.]*\d)")
_SPELLINGS = (
    (re.compile(r"<(?! )([^<>=]+, [^<>=]+)(?<! )>"), r"⟨\1⟩"),
    (re.compile(r"<=>"), "⇔"),
    (re.compile(r"<="), "≤"),
    (re.compile(r">="), "≥"),
    (re.compile(r"!="), "≠"),
    (re.compile(r"(?<= )->(?= )"), "→"),
    (re.compile(r"(?<= )=>(?= )"), "⇒"),
    (re.compile(r"\boo\b"), "∞"),
    (re.compile(r"\bsqrt\((\w+)\)"), r"√\1"),
    (re.compile(r"\bsqrt\("), "√("),
    (re.compile(r"\b([A-Z])hat\b"), "\\1\u0302"),
    (re.compile(r"\b([A-Z])_inf\b"), r"\1_∞"),
    (re.compile(r"(?<= )\+-(?= )"), "±"),
    (re.compile(r"\^\{([^{}]*)\}"), r"^(\1)"),
    (re.compile(r"(?<=[\w)])\*(?=[\w(√])"), " "),
)


def prose(words: str) -> str:
    """Write the mathematics that a sentence spells in ASCII the way formulas are written on one line.

    Examples
    --------
    >>> prose("H >= lambda_0/2 gives (1 + r*t)**2 e^{-2rt}, see heavy_ball_rate")
    'H ≥ λ₀/2 gives (1 + r t)² e^(-2rt), see heavy_ball_rate'
    >>> prose("theta_ij in [0, oo)")
    'θ_ij in [0, ∞)'
    >>> prose("2.5e+02 of 1.0e+00, 7e-06 left")
    '250 of 1, 7e-6 left'
    """
    text = _POWER_OF_TEN.sub(_number, words)
    text = re.sub(r"(?:\^|\*\*)(-?[0-9]+)(?!\w|\.[0-9])", lambda m: m[1].translate(_SUPERSCRIPT), text)
    text = re.sub(r"\b([A-Za-z])_([0-9])\b", lambda m: m[1] + m[2].translate(_SUBSCRIPT), text)
    text = _GREEK.sub(lambda m: greek_unicode[m[1]] + (m[2] or "").translate(_SUBSCRIPT) + (m[3] or ""), text)
    for spelling, written in _SPELLINGS:
        text = spelling.sub(written, text)
    return text


def _number(found: re.Match[str]) -> str:
    """Write out a number up to some ten thousands; drop the zero before another exponent of one digit."""
    digits, sign, power = found[1], found[2], int(found[3])
    if sign == "+" and power <= 5:
        return f"{float(found[0]):.0f}" if power or float(digits).is_integer() else digits
    return f"{digits}e{'-' if sign == '-' else ''}{power}"
