"""One eigenmode of the error dynamics: its closed form, its stability, its true asymptotic rate.

With a constant symmetric kernel every error is a sum of modes x(t) u, H u = lambda u, and x solves
`x^(k) + sum_j c_j x^(j) + lambda x = 0`, x(0) = 1, other derivatives 0. The closed forms here are checked by putting
them into the ODE and into the initial conditions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import sympy as sp

from odeflow.errors import InvalidArgumentError
from odeflow.symbolic.derivations import Derivation, equate, infer, show_equal
from odeflow.symbolic.flows import TIME, Flow, gradient_flow, heavy_ball, nesterov

__all__ = [
    "FREQUENCY",
    "Mode",
    "gradient_flow_mode",
    "heavy_ball_modes",
    "hurwitz_determinants",
    "nesterov_even_mode",
    "nesterov_series_coefficients",
]

FREQUENCY = sp.Symbol("omega", positive=True)


@dataclass(frozen=True)
class Mode:
    """A closed form of one mode.

    Attributes
    ----------
    flow : the ODE
    eigenvalue : lambda, in the parameters of the closed form
    response : x(t), an expression in `TIME`
    regime : where it holds, in words
    """

    flow: Flow
    eigenvalue: sp.Expr
    response: sp.Expr
    regime: str = ""
    parameters: Mapping[sp.Symbol, str] = field(default_factory=dict)

    def verify(self) -> Derivation:
        """Put the closed form into the ODE and into the initial conditions, exactly."""
        name = f"{self.flow.name}{f' ({self.regime})' if self.regime else ''}"
        steps = [
            show_equal(
                f"{name}: the closed form solves the ODE",
                self.flow.mode_residual(self.response, self.eigenvalue),
                sp.Integer(0),
                name="residual of the ODE",
            ),
            show_equal(f"{name}: x(0) = 1", sp.limit(self.response, TIME, 0), sp.Integer(1), name="x(0)"),
        ]
        steps += [
            show_equal(
                f"{name}: derivative {j} vanishes at 0",
                sp.limit(sp.diff(self.response, (TIME, j)), TIME, 0),
                sp.Integer(0),
                name=f"derivative {j} of x at 0",
            )
            for j in range(1, self.flow.order)
        ]
        mode = equate(sp.Function("x")(TIME), self.response)
        return Derivation((*steps, infer(f"{name}: so this is the mode, the only solution", mode, from_=steps)))


def gradient_flow_mode(eigenvalue: sp.Symbol) -> Mode:
    """Return `exp(-lambda t)`."""
    return Mode(gradient_flow(), eigenvalue, sp.exp(-eigenvalue * TIME))


def heavy_ball_modes(half_damping: sp.Symbol) -> tuple[Mode, Mode, Mode]:
    """Return the under-, critically and over-damped modes of `x'' + 2 r x' + lambda x = 0`.

    Parameters
    ----------
    half_damping : r > 0, half of the damping; the eigenvalue is r^2 + omega^2, r^2, or r^2 - omega^2 (0 < omega < r)

    Examples
    --------
    >>> import sympy as sp
    >>> r = sp.Symbol("r", positive=True)
    >>> [mode.verify().broken for mode in heavy_ball_modes(r)]
    [None, None, None]
    """
    r, w, t = half_damping, FREQUENCY, TIME
    flow = heavy_ball(2 * r)
    return (
        Mode(flow, r**2 + w**2, sp.exp(-r * t) * (sp.cos(w * t) + r / w * sp.sin(w * t)), "under-damped"),
        Mode(flow, r**2, sp.exp(-r * t) * (1 + r * t), "critically damped"),
        Mode(flow, r**2 - w**2, sp.exp(-r * t) * (sp.cosh(w * t) + r / w * sp.sinh(w * t)), "over-damped"),
    )


def nesterov_even_mode(gamma: int) -> Mode:
    """Return Nesterov's mode for even gamma, elementary in s = omega t with eigenvalue omega^2.

    The mode is Gamma(nu+1) (2/s)^nu J_nu(s) with nu = (gamma-1)/2; raising gamma by 2 is `x -> -(gamma+1) x'(s)/s`,
    starting from sin(s)/s at gamma = 2.

    Examples
    --------
    >>> nesterov_even_mode(4).verify().broken is None
    True
    """
    if gamma < 2 or gamma % 2:
        raise InvalidArgumentError(
            f"Expected an even gamma >= 2 but got gamma={gamma}. Odd gamma needs Bessel functions."
        )
    s = sp.Symbol("s", positive=True)
    response = sp.sin(s) / s
    for lower in range(2, gamma, 2):
        response = sp.together(-(lower + 1) * sp.diff(response, s) / s)
    return Mode(nesterov(sp.Integer(gamma)), FREQUENCY**2, response.subs(s, FREQUENCY * TIME), f"gamma = {gamma}")


def nesterov_series_coefficients(gamma: sp.Expr, eigenvalue: sp.Expr, count: int) -> list[sp.Expr]:
    """Return c_0, ..., c_count of Nesterov's mode `sum_k c_k t^(2k)` for any gamma > 0.

    The ODE gives 2k (2k - 1 + gamma) c_k = -lambda c_{k-1}.
    """
    coefficients: list[sp.Expr] = [sp.Integer(1)]
    for k in range(1, count + 1):
        coefficients.append(-eigenvalue * coefficients[-1] / (2 * k * (2 * k - 1 + gamma)))
    return coefficients


def hurwitz_determinants(coefficients: Sequence[sp.Expr]) -> list[sp.Expr]:
    """Return the Hurwitz determinants of `s^k + a_1 s^(k-1) + ... + a_k`, given (a_1, ..., a_k).

    All roots have negative real part iff every determinant is positive (Routh-Hurwitz).

    Examples
    --------
    >>> import sympy as sp
    >>> b1, b2, lam = sp.symbols("b1 b2 lambda", positive=True)
    >>> [sp.factor(d) for d in hurwitz_determinants([b2, b1, lam])]
    [b2, b1*b2 - lambda, lambda*(b1*b2 - lambda)]
    """
    k = len(coefficients)
    padded = dict(enumerate((sp.Integer(1), *coefficients)))
    matrix = sp.Matrix(k, k, lambda i, j: padded.get(2 * (j + 1) - (i + 1), sp.Integer(0)))
    return [sp.expand(matrix[:j, :j].det()) for j in range(1, k + 1)]
