"""What a certified rate promises of one run: a bound with its constant, held against every recorded loss.

A rate r is proved by an energy V. With an exponential rate V' + r V <= 0 on every eigenmode, so that

    L(t) <= C e^{-rt} L(0),        C = the largest P_00(lam) (P(lam)^{-1})_00 of the eigenvalues, V = z' P(lam) z,

for a start at rest. With damping r/t, V >= c t^w (f - f*) and t^{r-w} V does not grow, so that

    L(t) <= C t^{-r},              C = t0^{r-w} V(t0) / c.

The slope of log L on a window may lie below r while the bound holds: an exponent is what is left as t -> oo.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from jaxtyping import Float

from odeflow.flows import Kind
from odeflow.symbolic.rate_certificates import ModalCertificate, RateCertificate

__all__ = ["Bound", "Promise", "held_against", "promise"]

ROUNDING = 1e-9
"""A loss of the closed form may exceed a bound that is attained by this share: twenty roundings of e^-44."""

LEAST = 1e-290
"""Where loss and bound are both smaller, neither has all its digits."""


@dataclass(frozen=True)
class Promise:
    """L(t) <= constant e^{-rate t}, or constant t^{-rate}, from the time `since` on.

    Attributes
    ----------
    kind, rate, since : the law, its exponent, the first time at which it is promised
    constant : in units of the loss (times t^rate for a power)
    factor : C of the exponential law, constant / L(0); None for a power
    """

    kind: Kind
    rate: float
    since: float
    constant: float
    factor: float | None

    def at(self, times: Float[np.ndarray, " t"]) -> Float[np.ndarray, " t"]:
        """Return the bound at times > 0.

        Examples
        --------
        >>> Promise(Kind.POWER, 2.0, 0.0, 8.0, None).at(np.array([1.0, 2.0]))
        array([8., 2.])
        """
        log = np.log(times) if self.kind is Kind.POWER else times
        bound: Float[np.ndarray, " t"] = self.constant * np.exp(-self.rate * log)
        return bound


@dataclass(frozen=True)
class Bound:
    """A promise held against the recorded losses.

    Attributes
    ----------
    promise : what was promised
    largest, time : the largest loss / bound and where it is
    holds : whether no recorded loss exceeds its bound, up to rounding
    """

    promise: Promise
    largest: float
    time: float
    holds: bool


def held_against(promised: Promise, times: Float[np.ndarray, " t"], losses: Float[np.ndarray, " t"]) -> Bound | None:
    """Hold a promise against losses; None if no time is late enough for it, or loss and bound have underflowed.

    Examples
    --------
    >>> t = np.array([1.0, 2.0, 4.0])
    >>> found = held_against(Promise(Kind.EXPONENTIAL, 1.0, 0.0, 3.0, 1.5), t, 2.0 * np.exp(-t))
    >>> found.holds, round(found.largest, 6), found.time
    (True, 0.666667, 1.0)
    """
    late = times >= promised.since
    if not late.any():
        return None
    with np.errstate(over="ignore", under="ignore"):  # a bound of infinity is met, one of 0 is not told
        bounds = promised.at(times[late])
    told = np.maximum(losses[late], bounds) >= LEAST
    if not told.any():
        return None
    # what lies above LEAST breaks a bound below it, by more than this ratio says
    ratios = losses[late][told] / np.maximum(bounds[told], LEAST)
    where = int(np.argmax(ratios))
    largest = float(ratios[where])
    return Bound(promised, largest, float(times[late][told][where]), largest <= 1.0 + ROUNDING)


def promise(
    certificate: RateCertificate | ModalCertificate,
    eigenvalues: Float[np.ndarray, " k"],
    modes: Float[np.ndarray, "order k"],
    *,
    since: float = 0.0,
) -> Promise | None:
    """Return the bound that a certificate gives for error modes Delta_i, L = sum Delta_i^2 / 2.

    Parameters
    ----------
    certificate : of a flow whose gradient is taken at x itself, or modal
    eigenvalues : of the frozen kernel, > 0
    modes : Delta_i and its derivatives at the time `since`, row by derivative
    since : start of the run; 0 for an exponential rate, which needs a start at rest

    Returns
    -------
    None if the certificate gives no constant for such a start: it holds only later, or its energy has no value at 0.

    Examples
    --------
    >>> from fractions import Fraction
    >>> from odeflow.flow_text import parse_flow
    >>> from odeflow.function_classes import ClassName, FunctionClass
    >>> from odeflow.search import best_rate
    >>> known = FunctionClass(ClassName.QUADRATIC, Fraction(1), Fraction(4))
    >>> proof = best_rate(parse_flow("x' + grad(x)").at({}), known).certificate
    >>> promise(proof, np.array([1.0, 4.0]), np.ones((1, 2)))
    Promise(kind=<Kind.EXPONENTIAL: 'exponential'>, rate=2.0, since=0.0, constant=1.0, factor=1.0)
    """
    start = 0.5 * float(modes[0] @ modes[0])
    rate = float(certificate.rate)
    if isinstance(certificate, ModalCertificate):
        if since > 0.0 or np.any(modes[1:]):
            return None
        factor = max(_growth(certificate, float(value)) for value in eigenvalues)
        return Promise(Kind.EXPONENTIAL, rate, 0.0, factor * start, factor)
    weight = certificate.flow.log_time_weight()
    if certificate.kind is not Kind.POWER or weight is None or len(certificate.flow.point) > 1:
        return None
    if certificate.valid_from > since or (since == 0.0 and weight != certificate.rate):
        return None
    scale = since ** float(weight)
    roots = np.sqrt(eigenvalues)
    vectors = [since**j * row / roots for j, row in enumerate(modes)] + [scale * roots * modes[0]]
    matrix = [[float(x) for x in row] for row in certificate.energy_matrix]
    energy = float(certificate.energy_f) * scale * start
    energy += sum(x * float(vectors[i] @ vectors[j]) for i, row in enumerate(matrix) for j, x in enumerate(row))
    constant = (since ** (rate - float(weight)) if since else 1.0) * energy / float(certificate.floor)
    return Promise(Kind.POWER, rate, since, float(constant), None) if 0.0 < constant < math.inf else None


def _growth(certificate: ModalCertificate, eigenvalue: float) -> float:
    """Return P_00 (P^{-1})_00: how much of V(0) = P_00 x(0)^2 one coordinate can hold later on.

    Exactly, for entries of P may leave double precision, and P is nearly singular where the rate is nearly lost.
    """
    lam = Fraction(eigenvalue)
    P = [[sum((c * lam**i for i, c in enumerate(entry)), Fraction(0)) for entry in row] for row in certificate.modes]
    return float(P[0][0] * _determinant([row[1:] for row in P[1:]]) / _determinant(P))


def _determinant(rows: list[list[Fraction]]) -> Fraction:
    if not rows:
        return Fraction(1)
    terms = ((-1) ** j * rows[0][j] * _determinant([r[:j] + r[j + 1 :] for r in rows[1:]]) for j in range(len(rows)))
    return sum(terms, Fraction(0))
