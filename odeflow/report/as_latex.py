"""A theorem's page as LaTeX, to be pasted into a paper that loads amsmath and amsthm."""

from __future__ import annotations

from collections.abc import Iterator

import sympy as sp

from odeflow.report.pages import Page
from odeflow.symbolic.derivations import Derivation

__all__ = ["page_latex"]

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"$<$",
    ">": r"$>$",
    "|": r"$|$",
}


def page_latex(page: Page) -> str:
    """Return the claim as a theorem environment, its derivation as a proof, its counterexample as a remark."""
    return "\n".join(_lines(page))


def _lines(page: Page) -> Iterator[str]:
    theorem, claim = page.theorem, page.theorem.claim
    yield f"% {theorem.id}, recorded as {theorem.recorded.value}; check it with: {page.command}"
    yield rf"\begin{{theorem}}[{_words(theorem.source.item)}]"
    yield _words(claim.statement)
    if claim.assumptions:
        yield f"Assume {_words('; '.join(claim.assumptions))}. Then"
    yield from _display(claim.formula)
    if claim.where:
        meanings = "; ".join(f"${sp.latex(symbol)}$ is {_words(meaning)}" for symbol, meaning in claim.where.items())
        yield f"where {meanings}."
    yield r"\end{theorem}"
    if page.derivation is not None:
        yield from _steps("proof", page.derivation)
    if page.counterexample is not None:
        yield from _steps("counterexample", page.counterexample)
    yield f"% {theorem.source.paper.citation()}"


def _steps(heading: str, derivation: Derivation) -> Iterator[str]:
    yield r"\begin{proof}" if heading == "proof" else r"\begin{proof}[Counterexample]"
    for step in derivation.steps:
        outcome = "" if step.decision.holds else f": {step.decision.status.value}"
        yield _words(f"{step.title} ({step.kind.value}{outcome})") + ("." if step.formula is None else "")
        if step.formula is not None:
            yield from _display(step.formula)
    yield r"\end{proof}"


def _display(formula: sp.Basic) -> Iterator[str]:
    yield r"\["
    yield f"  {sp.latex(formula)}"
    yield r"\]"


def _words(words: str) -> str:
    return "".join(_SPECIAL.get(letter, letter) for letter in words)
