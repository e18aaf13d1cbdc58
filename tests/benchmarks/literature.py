"""Published rates of optimiser ODEs, found again: known, found, energy, seconds.

Run `python tests/benchmarks/literature.py > tests/benchmarks/literature.md`.

A rate is the exponent of f - f*: of e^{-rate t} or of t^{-rate}. Sources are cited for the rate under the hypotheses of
the row; parameters are chosen so that the coefficients are rational (mu = 1, or another unit of time).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from odeflow.flow_text import parse_flow
from odeflow.function_classes import ClassName, FunctionClass
from odeflow.search import RateOutcome, best_rate
from odeflow.symbolic.rate_certificates import ModalCertificate, RateCertificate

__all__ = ["ENTRIES", "LEFT_OUT", "Entry", "find_again", "markdown_table"]

ATTAINED = Fraction(1, 10**4)
"""A supremum that no V of this form attains counts as reproduced when the found rate misses it by less than this."""


@dataclass(frozen=True)
class Entry:
    """A published rate.

    Attributes
    ----------
    flow : text of the ODE
    function_class : hypothesis under which we search
    known : published exponent of f - f*
    source : author, year and result; what the source assumes beyond `function_class` is said there
    """

    flow: str
    function_class: FunctionClass
    known: Fraction
    source: str


def _strongly_convex(mu: int = 1) -> FunctionClass:
    return FunctionClass(ClassName.STRONGLY_CONVEX, Fraction(mu))


_CONVEX = FunctionClass(ClassName.CONVEX)

ENTRIES = (
    Entry("x' + grad(x)", _CONVEX, Fraction(1), "folklore; Su, Boyd, Candes 2014, section 1"),
    Entry("x' + grad(x)", _strongly_convex(), Fraction(2), "folklore"),
    Entry("x' + grad(x)", FunctionClass(ClassName.PL, Fraction(1)), Fraction(2), "Polyak 1963"),
    Entry(
        "x'' + 3/t*x' + grad(x)", _CONVEX, Fraction(2),
        "Su, Boyd, Candes 2014, theorem 3; by a conservation law in dilated coordinates, Suh, Roh, Ryu 2022",
    ),
    Entry("x'' + 5/t*x' + grad(x)", _CONVEX, Fraction(2), "Su, Boyd, Candes 2014, r >= 3"),
    Entry("x'' + 2/t*x' + grad(x)", _CONVEX, Fraction(4, 3), "Attouch, Chbani, Riahi 2019, 2r/3 for r <= 3"),
    Entry("x'' + 1/t*x' + grad(x)", _CONVEX, Fraction(2, 3), "Attouch, Chbani, Riahi 2019, 2r/3 for r <= 3"),
    Entry("x'' + 9/t*x' + grad(x)", _strongly_convex(), Fraction(6), "Su, Boyd, Candes 2014, 2r/3, r >= 9/2, L-smooth"),
    Entry(
        "x'' + 4/t*x' + grad(x)", _strongly_convex(), Fraction(8, 3),
        "Aujol, Dossal, Rondepierre 2019: 2r/3, r > 3, convex with quadratic growth and one minimiser",
    ),
    Entry("x'' + 4/t*x' + 9*t*grad(x)", _CONVEX, Fraction(3), "Wibisono, Wilson, Jordan 2016, t^-p with p = 3"),
    Entry("x'' + 5/t*x' + 16*t^2*grad(x)", _CONVEX, Fraction(4), "Wibisono, Wilson, Jordan 2016, t^-p with p = 4"),
    Entry("x' + t^2*grad(x)", _CONVEX, Fraction(3), "folklore: gradient flow in the time t^3/3"),
    Entry(
        "x'' + 5/t*x' + t*grad(x)", _CONVEX, Fraction(3),
        "Attouch, Chbani, Riahi 2019, time scaling b = t^p: 1/(t^2 b) for p <= r - 3",
    ),
    Entry("x'' + 5/t*x' + t^2*grad(x)", _CONVEX, Fraction(4), "the same at its limit p = r - 3"),
    Entry(
        "x''' + 7/t*x'' + 8/t^2*x' + grad(x + t*x')", _CONVEX, Fraction(3),
        "Attouch, Chbani, Riahi 2020, third order: t^-3 of f(x + t x') - f*",
    ),
    Entry(
        "x'' + 2*x' + grad(x)", _strongly_convex(), Fraction(1),
        "Wilson, Recht, Jordan 2016; Siegel 2019; Sanz-Serna, Zygalakis 2021, theorem 4.3: sqrt(mu)",
    ),
    Entry(
        "x'' + 2*x' + grad(x)", _strongly_convex(), Fraction(4, 3),
        "Moucer, Taylor, Bach 2022, corollary 2.5: 4 sqrt(mu)/3, found by a semidefinite program",
    ),
    Entry("x'' + x' + grad(x)", _strongly_convex(), Fraction(2, 3), "Aujol, Dossal, Rondepierre 2022, 2b/3"),
    Entry(
        "x'' + 3*x' + grad(x)", _strongly_convex(2), Fraction(2),
        "Aujol, Dossal, Rondepierre 2022: sqrt(2 mu), b = 3 sqrt(mu/2)",
    ),
    Entry(
        "x'' + 2*x' + 1/2*hess*x' + 3/2*grad(x)", _strongly_convex(), Fraction(1, 4),
        "Shi, Du, Jordan, Su 2018, high-resolution NAG-SC: sqrt(mu)/4, L-smooth, s = 1/4",
    ),
    Entry(
        "x'' + 2*x' + 3/2*grad(x)", _strongly_convex(), Fraction(1, 4),
        "Shi, Du, Jordan, Su 2018, high-resolution heavy ball: sqrt(mu)/4, L-smooth, s = 1/4",
    ),
    Entry(
        "x'' + 2*x' + 1/2*hess*x' + grad(x)", _strongly_convex(), Fraction(1, 2),
        "Attouch, Chbani, Fadili, Riahi 2020: sqrt(mu)/2, beta <= 1/(2 sqrt(mu))",
    ),
    Entry(
        "x'' + 2*x' + grad(x)", FunctionClass(ClassName.QUADRATIC, Fraction(1)), Fraction(2),
        "Polyak 1964: the double root's factor (1 + t)^2 makes 2 a supremum",
    ),
)  # fmt: skip


LEFT_OUT = (
    ("Kim, Yang 2023, unified flow", "its damping is a hyperbolic cotangent of t: autonomous neither in t nor in ln t"),
    ("Attouch, Peypouquet, Redont 2016 and successors, r/t damping with a constant Hessian coefficient",
     "autonomous neither in t nor in ln t; Hessian damping that grows like t is"),
    ("Suh, Roh, Ryu 2022, flow of OGM-G; Kim, Ozdaglar, Park, Ryu 2023, H-duality",
     "they bound the gradient at a final time T, not a rate of f - f* for t -> oo"),
    ("Tabei, Tanaka 2025", "we cannot state its new rates with certainty; it reproduces many of the rates above"),
    ("Dobson, Sanz-Serna, Zygalakis 2023; Apidopoulos, Ginatta, Villa 2022",
     "we cannot state the constants of their L-smooth and PL rates with certainty"),
    ("stochastic flows", "not implemented"),
)  # fmt: skip
"""Published work that is not in the table, and why."""


def find_again(entry: Entry) -> RateOutcome:
    """Search the best provable rate of an entry.

    Examples
    --------
    >>> str(find_again(ENTRIES[3]).rate)
    '2'
    """
    return best_rate(parse_flow(entry.flow).at(), entry.function_class)


def comparison(entry: Entry, outcome: RateOutcome) -> str:
    """Return how a found rate compares with the published one."""
    if outcome.rate is None:
        return "not found"
    if outcome.rate == entry.known:
        return "reproduced"
    ratio = outcome.rate / entry.known
    if ratio > 1:
        return f"better, x {float(ratio):.4g}"
    return "approached" if ratio > 1 - ATTAINED else f"worse, x {float(ratio):.4g}"


def markdown_table(entries: Sequence[Entry] = ENTRIES) -> str:
    """Search every entry and return the table, one row an entry."""
    lines = [
        "# Rates of optimiser ODEs: published and found again",
        "",
        "Generated by `python tests/benchmarks/literature.py`; the rate is the exponent of f - f*, "
        "e^(-rate t) or t^(-rate).",
        "Every found rate has a certificate that two exact checkers accepted; `odeflow rate FLOW -o FILE` writes it.",
        "Hypotheses are those of the column `class` (plus a solution that exists); sources may assume more, and",
        "are cited from memory of their main theorems.",
        "`approached`: the published rate is a supremum that no energy of this form attains.",
        "",
        "| ODE | class | kind | published | found | | valid from | V | s | source |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for entry in entries:
        outcome = find_again(entry)
        certificate = outcome.certificate
        found = "-" if outcome.rate is None else str(outcome.rate)
        since = "-" if certificate is None else f"t >= {certificate.valid_from}" if certificate.valid_from else "any t0"
        cells = [
            f"`{entry.flow}`", entry.function_class.statement(), outcome.kind.value, str(entry.known), found,
            comparison(entry, outcome), since, _energy(certificate), f"{outcome.seconds:.2f}", entry.source,
        ]  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "Left out, and why:", ""]
    lines += [f"- {what}: {why}." for what, why in LEFT_OUT]
    return "\n".join(lines) + "\n"


def _energy(certificate: RateCertificate | ModalCertificate | None) -> str:
    """Return the energy's coefficients: of F, then of the upper triangle of its matrix."""
    if certificate is None:
        return "-"
    if isinstance(certificate, ModalCertificate):
        return "one for each eigenvalue"
    size = certificate.flow.order + 1
    upper = [str(certificate.energy_matrix[i][j]) for i in range(size) for j in range(i, size)]
    return f"{certificate.energy_f}; {', '.join(upper)}"


if __name__ == "__main__":
    sys.stdout.write(markdown_table())
