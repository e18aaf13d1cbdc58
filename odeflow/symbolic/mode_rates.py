"""How fast do quadratics decay, exactly? Hurwitz minors over an interval of eigenvalues, witnesses and energies.

On the mode with eigenvalue lam the flow is `sum_j a_j(lam) x^(j) = 0`, and f(y) - f* = O(e^{-rate t}) iff no root of
the
shifted polynomial `a(s - rate/2)` lies right of the imaginary axis (and none on it is repeated).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import comb

import sympy as sp
from sympy.polys.matrices import DomainMatrix

from odeflow.flows import ConcreteFlow
from odeflow.function_classes import FunctionClass
from odeflow.symbolic.exact import points_between_roots
from odeflow.symbolic.rate_certificates import ModalCertificate, mode_polynomial

__all__ = ["ModeWitness", "decide_mode_rate", "find_modal_certificate", "rate_on_quadratics"]

FINEST = Fraction(1, 10**6)
"""Rates from here to 1 are enclosed to an absolute error, all others to a relative one."""
SMALLEST = -1000
"""Exponent of two below which no common rate is looked for."""

_LAM, _RATE = sp.symbols("lambda rate", real=True)


@dataclass(frozen=True)
class ModeWitness:
    """A quadratic f = lam/2 |x|^2 on which f - f* is not O(e^{-rate t}).

    Attributes
    ----------
    eigenvalue : lam
    rate : the claim that fails
    shifted : (a_0, ..., a_k), the mode's characteristic polynomial at s - rate/2 (without roots that y does not show),
        whose roots would all have to lie left of the imaginary axis
    minor, value : the sign that shows that one does not: Hurwitz minor `minor` is `value` < 0, or, if minor = 0, the
        coefficient `value` < 0, or, if value = 0, a double root at 0
    state : (x, x', ..., x^(k-1)) at t = 0; the impulse excites every root
    """

    eigenvalue: Fraction
    rate: Fraction
    shifted: tuple[Fraction, ...]
    minor: int
    value: Fraction
    state: tuple[Fraction, ...]

    def check(self, flow: ConcreteFlow) -> bool:
        """Decide anew, from the flow, that the witness refutes its rate."""
        expected = _observed(flow, self.eigenvalue, self.rate)
        return expected == list(self.shifted) and _failure(expected) == (self.minor, self.value)

    def sentence(self) -> str:
        """Return how to check it by hand."""
        powers = ["", " s", *(f" s^{j}" for j in range(2, len(self.shifted)))]
        terms = [f"{c if j == 0 or c != 1 else ''}{powers[j]}".strip() for j, c in enumerate(self.shifted) if c]
        polynomial = " + ".join(reversed(terms)).replace("+ -", "- ")
        if self.value == 0:
            sign = "has a double root at 0"
        elif self.minor == 0:
            sign = f"has the negative coefficient {self.value}"
        else:
            sign = f"has Hurwitz minor {self.minor} equal to {self.value} < 0"
        state = ", ".join(str(x) for x in self.state)
        return (
            f"f = {self.eigenvalue / 2} x^2 from the state ({state}): the characteristic polynomial shifted by rate/2, "
            f"{polynomial}, {sign}, so that f - f* is not O(e^(-{self.rate} t))"
        )


def decide_mode_rate(flow: ConcreteFlow, function_class: FunctionClass, rate: Fraction) -> bool | ModeWitness | None:
    """Decide whether every quadratic of the class decays at a rate.

    Returns
    -------
    True if all roots lie strictly left of -rate/2 for every eigenvalue, a witness if the rate fails, None on the
    boundary

    Examples
    --------
    >>> from odeflow.flow_text import parse_flow
    >>> from odeflow.function_classes import ClassName
    >>> flow = parse_flow("x'' + 2*x' + grad(x)").at()
    >>> quadratics = FunctionClass(ClassName.QUADRATIC, mu=Fraction(1))
    >>> decide_mode_rate(flow, quadratics, Fraction(19, 10))
    True
    >>> decide_mode_rate(flow, quadratics, Fraction(2)).eigenvalue
    Fraction(1, 1)
    """
    low, high = function_class.mu, function_class.smooth
    shifted = _shifted(flow, _LAM, _rational(rate))
    tests = [sp.Poly(shifted[-1], _LAM), *(sp.Poly(m, _LAM) for m in _minors(shifted))]
    first, last = _rational(low), None if high is None else _rational(high)
    if low > 0 and all(_is_positive(t, first, last) for t in tests):
        return True
    # the ends are cuts too: one point then lies between an end and the root next to it
    product = sp.Poly(_LAM - first, _LAM) * (1 if last is None else sp.Poly(_LAM - last, _LAM))
    for polynomial in [*tests, *(sp.Poly(c, _LAM) for c in shifted)]:
        if polynomial.degree() > 0:
            product *= polynomial
    points = [q for q in points_between_roots(product) if q > low and (high is None or q < high)]
    ends = [q for q in (low, high) if q is not None and q > 0]
    middle = [low + 1 if high is None else (low + high) / 2]
    for point in sorted({*(_simplified(q, low, high, flow, rate) for q in points), *ends, *middle}):
        if (witness := _witness(flow, point, rate)) is not None:
            return witness
    return None


def rate_on_quadratics(
    flow: ConcreteFlow, function_class: FunctionClass, *, width: Fraction = Fraction(1, 10**6)
) -> tuple[Fraction, Fraction] | None:
    """Enclose the supremum of the rates at which every quadratic of the class decays, exactly.

    Returns
    -------
    (low, high) : every rate < low holds and every rate > high fails; None if some quadratic does not decay at all, or
        if they all do but, L being infinite, at no common rate

    Examples
    --------
    >>> from odeflow.flow_text import parse_flow
    >>> from odeflow.function_classes import ClassName
    >>> flow = parse_flow("x' + 10^12*grad(x)").at()
    >>> low, high = rate_on_quadratics(flow, FunctionClass(ClassName.QUADRATIC, mu=Fraction(1)))
    >>> low <= 2 * 10**12 <= high, float(high / low - 1) < 1e-6
    (True, True)
    """
    bracket = _bracket(flow, function_class)
    if bracket is None:
        return None
    low, high = bracket
    while high - low > width * (low if low > 1 or 0 < low < FINEST else 1):
        middle = (low + high) / 2
        outcome = decide_mode_rate(flow, function_class, middle)
        if outcome is None:
            return middle, middle
        low, high = (middle, high) if outcome is True else (low, middle)
    # a simple rational that both neighbours single out is reported as the boundary
    guess = _simplest(low, high)
    for near in (guess * (1 - width / 100), guess * (1 + width / 100)):
        outcome = decide_mode_rate(flow, function_class, near)
        if outcome is True:
            low = max(low, near)
        elif isinstance(outcome, ModeWitness):
            high = min(high, near)
    at = decide_mode_rate(flow, function_class, guess)
    if guess * (1 - width / 100) <= low and high <= guess * (1 + width / 100) and (at is None or _is_double(at)):
        return guess, guess
    return low, high


def _bracket(flow: ConcreteFlow, function_class: FunctionClass) -> tuple[Fraction, Fraction] | None:
    """Return a rate that holds, or 0, and one that fails, near enough to each other for bisection."""

    def fails(exponent: int) -> bool:
        return isinstance(decide_mode_rate(flow, function_class, Fraction(2) ** exponent), ModeWitness)

    if not isinstance(decide_mode_rate(flow, function_class, FINEST), ModeWitness):
        if fails(0):
            return Fraction(0), Fraction(1)
        holding, failing = 0, 1
        # this ends: a mode has at least one root that y shows, and that root is a finite rate
        while not fails(failing):
            holding, failing = failing, failing + max(1, failing // 4)
    else:
        if decide_mode_rate(flow, function_class, Fraction(0)) is not True:
            return None
        holding, failing = -40, -19
        while fails(holding):
            if holding < SMALLEST:
                return None
            holding, failing = 2 * holding, holding
    while failing - holding > 1:
        middle = (holding + failing) // 2
        holding, failing = (holding, middle) if fails(middle) else (middle, failing)
    return Fraction(2) ** holding, Fraction(2) ** failing


def find_modal_certificate(
    flow: ConcreteFlow, function_class: FunctionClass, rate: Fraction
) -> ModalCertificate | None:
    """Return an energy V = z' P(lam) z that proves a rate on quadratics, or None.

    P is the Hermite matrix of the shifted polynomial a: its entries are the coefficients of
    (a(x) a(y) - a(-x) a(-y)) / (x + y). It is definite iff all roots of a lie left of the imaginary axis, and
    V' + rate V is minus a square. Factors common to all entries are removed with the rate as a symbol, so that P has a
    limit where that square vanishes.

    Examples
    --------
    >>> from odeflow.flow_text import parse_flow
    >>> from odeflow.function_classes import ClassName
    >>> flow = parse_flow("x'' + 2*x' + grad(x)").at()
    >>> quadratics = FunctionClass(ClassName.QUADRATIC, mu=Fraction(2), smooth=Fraction(9))
    >>> certificate = find_modal_certificate(flow, quadratics, Fraction(2))
    >>> [[[int(c) for c in entry] for entry in row] for row in certificate.modes]  # [[lam, 1], [1, 1]]
    [[[0, 1], [1]], [[1], [1]]]
    """
    k = flow.order
    a = _shifted(flow, _LAM, _RATE)
    polys = [sp.Poly(c, _LAM, _RATE) for c in a]
    zero = sp.Poly(0, _LAM, _RATE)
    # numerator[i][j]: coefficient of x^i y^j in a(x) a(y) - a(-x) a(-y)
    numerator = [[2 * polys[i] * polys[j] if (i + j) % 2 else zero for j in range(k + 1)] for i in range(k + 1)]
    hermite = [[zero] * k for _ in range(k)]
    for i in range(k):  # divide by x + y, column by column
        for j in range(k):
            previous = hermite[i - 1][j + 1] if i and j + 1 < k else zero
            hermite[i][j] = numerator[i][j + 1] - previous
    common = zero
    for row in hermite:
        for entry in row:
            common = sp.gcd(common, entry)
    if common.is_zero:
        return None
    at = _rational(rate)
    half = at / 2
    H = sp.Matrix(k, k, lambda i, j: sp.quo(hermite[i][j], common).as_expr().subs(_RATE, at))
    # the states of the shifted mode e^{rate t/2} x are (D + rate/2)^j x
    T = sp.Matrix(k, k, lambda i, j: comb(i, j) * half ** (i - j) if j <= i else 0)
    P = (T.T * H * T).applyfunc(sp.expand)
    entries = [[sp.Poly(P[i, j], _LAM) for j in range(k)] for i in range(k)]
    content = zero.as_expr()
    for row in entries:
        for entry in row:
            for c in entry.coeffs():
                content = sp.gcd(content, c)
    if content == 0:
        return None
    middle = function_class.mu + 1 if function_class.smooth is None else (function_class.mu + function_class.smooth) / 2
    sign = -1 if P.trace().subs(_LAM, _rational(middle)) < 0 else 1
    modes = tuple(
        tuple(tuple(_fraction(sign * c / content) for c in reversed(e.all_coeffs())) for e in row) for row in entries
    )
    certificate = ModalCertificate(flow, function_class, rate, modes)
    return certificate if certificate.check().holds else None


def _shifted(flow: ConcreteFlow, eigenvalue: sp.Expr, rate: sp.Expr) -> list[sp.Expr]:
    """Return the coefficients of a(s - rate/2), from s^0 to s^k."""
    a = mode_polynomial(flow, eigenvalue)
    k = flow.order
    return [sp.expand(sum(a[i] * comb(i, j) * (-rate / 2) ** (i - j) for i in range(j, k + 1))) for j in range(k + 1)]


def _minors(a: Sequence[sp.Expr]) -> list[sp.Expr]:
    """Return the Hurwitz minors of sum a_j s^j."""
    k = len(a) - 1
    H = sp.Matrix(k, k, lambda i, j: a[k - (2 * (j + 1) - (i + 1))] if 0 <= 2 * (j + 1) - (i + 1) <= k else 0)
    exact = DomainMatrix.from_Matrix(H)  # over the rationals, or their polynomials in the eigenvalue
    # det(x I - M) at x = 0 is (-1)^n det M, and needs no division
    minors = (exact[:n, :n].charpoly()[-1] * (-1) ** n for n in range(1, k + 1))
    return [exact.domain.to_sympy(minor) for minor in minors]


def _is_positive(p: sp.Poly, low: sp.Rational, high: sp.Rational | None) -> bool:
    if p.eval(low) <= 0 or (high is not None and p.eval(high) <= 0):
        return False
    return bool(p.degree() == 0 or p.count_roots(low, high) == 0)


def _failure(shifted: Sequence[Fraction]) -> tuple[int, Fraction] | None:
    """Return why a polynomial has a root right of the imaginary axis, or a double one at 0; None if unseen."""
    if shifted[-1] <= 0:
        return None
    for c in shifted:
        if c < 0:
            return 0, c
    for n, minor in enumerate(_minors([_rational(c) for c in shifted]), start=1):
        if minor < 0:
            return n, _fraction(minor)
    if len(shifted) > 2 and shifted[0] == shifted[1] == 0:
        return 0, Fraction(0)
    return None


def _observed(flow: ConcreteFlow, eigenvalue: Fraction, rate: Fraction) -> list[Fraction]:
    """Return the shifted characteristic polynomial without the roots that y = sum p_j x^(j) does not show."""
    s, lam = sp.Symbol("s"), _rational(eigenvalue)
    mode = sp.Poly(sum(c * s**j for j, c in enumerate(mode_polynomial(flow, lam))), s)
    if len(flow.point) > 1:
        p = sp.Poly(sum(_rational(sum((c for _, c in q), Fraction(0))) * s**j for j, q in enumerate(flow.point)), s)
        mode = sp.quo(mode, sp.gcd(p, mode))
    moved = mode.compose(sp.Poly(s - _rational(rate) / 2, s))
    return [_fraction(c) for c in reversed(moved.all_coeffs())]


def _witness(flow: ConcreteFlow, eigenvalue: Fraction, rate: Fraction) -> ModeWitness | None:
    if eigenvalue <= 0:
        return None
    shifted = tuple(_observed(flow, eigenvalue, rate))
    failure = _failure(shifted)
    if failure is None:
        return None
    state = tuple(Fraction(int(i == flow.order - 1)) for i in range(flow.order))
    return ModeWitness(eigenvalue, rate, shifted, *failure, state)


def _is_double(outcome: bool | ModeWitness | None) -> bool:
    return isinstance(outcome, ModeWitness) and outcome.value == 0


def _simplified(point: Fraction, low: Fraction, high: Fraction | None, flow: ConcreteFlow, rate: Fraction) -> Fraction:
    """Return a simpler eigenvalue near a witness that is one too."""
    if _witness(flow, point, rate) is None:
        return point
    for denominator in (1, 2, 5, 10, 100, 1000, 10**6):
        near = point.limit_denominator(denominator)
        if near > 0 and near >= low and (high is None or near <= high) and _witness(flow, near, rate) is not None:
            return near
    return point


def _simplest(low: Fraction, high: Fraction) -> Fraction:
    """Return the fraction with the least denominator in [low, high] (Stern and Brocot)."""
    whole = -(-low.numerator // low.denominator)
    if whole <= high:
        return Fraction(whole)
    below = low.numerator // low.denominator
    return below + 1 / _simplest(1 / (high - below), 1 / (low - below))


def _rational(value: Fraction) -> sp.Rational:
    return sp.Rational(value.numerator, value.denominator)


def _fraction(value: sp.Rational) -> Fraction:
    return Fraction(int(value.p), int(value.q))
