"""Sections 3.1 and 4: what the search finds for the paper's flows, told the ODE and the class but no energy.

Exact data: `odeflow rate "x'' + 2*x' + grad(x)" --class strongly-convex --mu 1` and its siblings print them again, and
the tests do. Nothing is searched here; every step that shows one decides it anew by the exact check and by the
stand-alone checker. Time is in units of 1/r and the kernel in units of r^2, so that heavy ball with b = 2r and
H >= r^2 I is x'' + 2x' + grad f with mu = 1.
"""

from __future__ import annotations

from fractions import Fraction

import sympy as sp

from odeflow.checker import Rejected, Unreadable, verify_text
from odeflow.flow_text import parse_flow
from odeflow.flows import ConcreteFlow, Kind
from odeflow.function_classes import ClassName, FunctionClass
from odeflow.symbolic import derivations
from odeflow.symbolic.decisions import Decision, Status
from odeflow.symbolic.derivations import Step
from odeflow.symbolic.rate_certificates import ModalCertificate, RateCertificate
from odeflow.symbolic.rate_families import RateFamily

__all__ = [
    "HEAVY_BALL",
    "HEAVY_BALL_MODES",
    "NESTEROV_CONVEX",
    "NESTEROV_STRONGLY_CONVEX",
    "NESTEROV_STRONGLY_CONVEX_FAMILY",
    "show_certificate",
    "show_family",
]

STRONGLY_CONVEX = FunctionClass(ClassName.STRONGLY_CONVEX, Fraction(1))


def _position_and_velocity(xx: str, xv: str, vv: str) -> tuple[tuple[Fraction, ...], ...]:
    """Return the matrix of xx |x|^2 + 2 xv <x, x'> + vv |x'|^2."""
    a, b, c, zero = Fraction(xx), Fraction(xv), Fraction(vv), Fraction(0)
    return ((a, b, zero), (b, c, zero), (zero, zero, zero))


def _certificate(
    flow: ConcreteFlow,
    function_class: FunctionClass,
    kind: Kind,
    *,
    rate: str,
    energy: tuple[tuple[Fraction, ...], ...],
    floor: str,
    start: int = 0,
) -> RateCertificate:
    """Return V = F + energy, with rate times "tangent" against V' and 1 - floor times "value" for V >= floor F."""
    return RateCertificate(
        flow, function_class, kind, Fraction(rate), Fraction(start), Fraction(1), energy, Fraction(floor),
        {"tangent": Fraction(rate)}, {"value": 1 - Fraction(floor)},
    )  # fmt: skip


HEAVY_BALL = _certificate(
    parse_flow("x'' + 2*x' + grad(x)").at(),
    STRONGLY_CONVEX,
    Kind.EXPONENTIAL,
    rate="4/3",
    energy=_position_and_velocity("4/9", "2/3", "1/2"),
    floor="1/60",
)
"""V = f - f* + |4x/3 + x'|^2/2 - 4|x|^2/9; the paper's V, f - f* + |x + x'|^2/2, has the rate 1."""

HEAVY_BALL_MODES = ModalCertificate(
    HEAVY_BALL.flow,
    FunctionClass(ClassName.QUADRATIC, Fraction(1)),
    Fraction(99999, 50000),
    (
        ((Fraction(-99999), Fraction(5000000000)), (Fraction(4999950000),)),
        ((Fraction(4999950000),), (Fraction(5000000000),)),
    ),
)
"""An energy for each eigenvalue: for quadratics the supremum 2 is missed by 1e-5 of it."""

NESTEROV_CONVEX = _certificate(
    parse_flow("x'' + 3/t*x' + grad(x)").at(),
    FunctionClass(ClassName.CONVEX),
    Kind.POWER,
    rate="2",
    energy=_position_and_velocity("2", "1", "1/2"),
    floor="1/2",
)
"""V = t^2 (f - f*) + |2x + t x'|^2/2, which is the paper's V_2 at gamma = 3."""

NESTEROV_STRONGLY_CONVEX = _certificate(
    parse_flow("x'' + 7/t*x' + grad(x)").at(),
    STRONGLY_CONVEX,
    Kind.POWER,
    rate="14/3",
    energy=_position_and_velocity("70/9", "7/3", "1/2"),
    floor="1/4",
    start=4,
)
"""V = t^2 (f - f*) + |14x/3 + t x'|^2/2 - 28|x|^2/9, at gamma = 7 the paper's largest power 2 gamma/3."""

NESTEROV_STRONGLY_CONVEX_FAMILY = RateFamily(
    parse_flow("x'' + r/t*x' + grad(x)"), STRONGLY_CONVEX, Kind.POWER, "r", Fraction(3), Fraction(12),
    rate=(Fraction(0), Fraction(2, 3)),
    energy_matrix=(
        ((Fraction(0), Fraction(1, 3), Fraction(1, 9)), (Fraction(0), Fraction(1, 3)), ()),
        ((Fraction(0), Fraction(1, 3)), (Fraction(1, 2),), ()),
        ((), (), ()),
    ),
    floor=(Fraction(1, 2),),
    decay={"tangent": (Fraction(0), Fraction(2, 3))},
    positivity={"value": (Fraction(1, 2),)},
    valid_from=Fraction(8),
)  # fmt: skip
"""The same for every gamma in [3, 12] at once: the power 2 gamma/3, V with - gamma (gamma - 3)/9 |x|^2 at its end."""


def show_certificate(title: str, certificate: RateCertificate | ModalCertificate) -> Step:
    """Decide a certificate: it holds only if the exact check and the stand-alone checker both accept it."""
    decision = certificate.check()
    try:
        said = verify_text(certificate.to_json())
    except (Rejected, Unreadable) as error:
        decision = Decision(Status.UNDECIDED, "stand-alone checker", str(error))
    else:
        if decision.holds:
            decision = Decision(Status.HOLDS, f"{decision.method} and the stand-alone checker", said)
    formula = _decay(sp.Rational(str(certificate.rate)), certificate.kind)
    return Step(title, formula, derivations.Kind.COMPUTED, decision)


def show_family(title: str, family: RateFamily) -> Step:
    """Decide a family of certificates for its whole interval."""
    x = sp.Symbol(family.parameter, positive=True)
    rate = sum((sp.Rational(str(c)) * x**i for i, c in enumerate(family.rate)), sp.Integer(0))
    return Step(title, _decay(rate, family.kind), derivations.Kind.COMPUTED, family.check())


def _decay(rate: sp.Expr, kind: Kind) -> sp.Basic:
    """Return the inequality that is decided, in ln t for power laws, where V carries t^2."""
    slope, energy = sp.Symbol("V'" if kind is Kind.EXPONENTIAL else "dV/d(ln t)"), sp.Symbol("V")
    shift = rate if kind is Kind.EXPONENTIAL else rate - 2
    return sp.Le(slope + shift * energy, 0, evaluate=False)
