r"""E lambda_min(H_m) in closed form: 2 m - sqrt(pi) Gamma((m+1)/2)/Gamma(m/2) = 1, 4 - pi/2, 4, ...: not linear.

Assumptions
-----------
Linear two-layer network, two orthonormal inputs, all weights independent N(0, 1); any m >= 1.

Source
------
Beside the path formula paper (ICLR 2020), Proposition 6.1.

Idea of the proof
-----------------
H = sum_k w_k w_k^T + |v|^2 I with w_k in the plane. The smaller eigenvalue of the sum is (trace - gap)/2, and with
zeta_k = w_k1 + i w_k2 the gap is |sum_k zeta_k^2|. zeta_k^2 has an exponential modulus of mean 2 and a uniform angle,
so the sum has the characteristic function (1 + 4 t^2)^{-m/2}: it is sqrt(8 G) times a normal vector of the plane, with
G of the Gamma law of shape m/2. Hence E gap = E sqrt(8 G) sqrt(pi/2).

Deviations from the paper
-------------------------
The paper claims proportionality to m (`expected_smallest_eigenvalue_printed`). a_m/m tends to 2 = lambda_min(E Z).
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from hypothesis import strategies as st
from scipy.integrate import quad

from odeflow.panels import along
from odeflow.symbolic.derivations import Derivation, assume, by, equate, infer, show_equal, show_value, show_with
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula import two_layer_kernel
from theory.iclr2020_path_formula._kernel_means import WIDTH, identity, smallest_means
from theory.iclr2020_path_formula.expected_kernel import gaussian_mean
from theory.iclr2020_path_formula.notation import PAPER

__all__ = ["CLAIM", "LOWEST", "THEOREM", "closed_form", "derive"]

LOWEST = sp.Symbol("a_m", nonnegative=True)
WIDTHS = (1, 2, 3, 5, 8)
SIGMAS = 5.0


def closed_form(width: sp.Expr) -> sp.Expr:
    """Return E lambda_min(H_m).

    Examples
    --------
    >>> import sympy as sp
    >>> [sp.gammasimp(closed_form(sp.Integer(m))) for m in (1, 2, 3)]
    [1, 4 - pi/2, 4]
    """
    return 2 * width - sp.sqrt(sp.pi) * sp.gamma((width + 1) / 2) / sp.gamma(width / 2)


def lowest_is(value: sp.Expr) -> Claim:
    """Return the claim that E lambda_min(H_m) is `value`."""
    return Claim(
        "For two orthonormal inputs and a linear network E lambda_min(H_m) = 2 m - sqrt(pi) Gamma((m+1)/2)/Gamma(m/2).",
        equate(LOWEST, value),
        ("linear two-layer network of width m", "two orthonormal inputs", "all weights independent N(0, 1)"),
        {LOWEST: "E lambda_min(H_m) at initialisation", WIDTH: "hidden neurons"},
    )


CLAIM = lowest_is(closed_form(WIDTH))


def derive(claim: Claim) -> Derivation:
    """Find the law of the gap between the two eigenvalues."""
    kernel = two_layer_kernel
    x, y, g = sp.symbols("x y g", real=True)
    r, G = sp.symbols("r G", positive=True)
    t, radius = sp.symbols("t rho", nonnegative=True)
    a, b, c = sp.symbols("A B C", real=True)
    square = sp.expand((x + sp.I * y) ** 2)
    exponential = sp.integrate(sp.exp(-r / 2) / 2, (r, G, sp.oo))
    gamma_law = G ** (WIDTH / 2 - 1) * sp.exp(-G) / sp.gamma(WIDTH / 2)
    laplace = sp.integrate(G ** (WIDTH / 2 - 1) * sp.exp(-G * (1 + 4 * t**2)), (G, 0, sp.oo)) / sp.gamma(WIDTH / 2)
    root_mean = sp.integrate(sp.powsimp(sp.sqrt(G) * gamma_law), (G, 0, sp.oo))
    rayleigh = sp.integrate(radius * radius * sp.exp(-(radius**2) / 2), (radius, 0, sp.oo))
    order = sp.Symbol("n", nonnegative=True, integer=True)
    series = sp.integrate(sp.exp(-r / 2) / 2 * r ** (2 * order), (r, 0, sp.oo))
    trace = 2 * WIDTH * gaussian_mean(g**2, g, sp.S.One)
    gap = sp.sqrt(8) * root_mean * rayleigh
    lowest = WIDTH * gaussian_mean(g**2, g, sp.S.One) + (trace - gap) / 2
    return Derivation(
        (
            assume("x_1, x_2 orthonormal, sigma(z) = z, all weights N(0, 1), independent"),
            by("two_layer_kernel", kernel.derive(kernel.CLAIM), kernel.CLAIM.formula),
            infer("H = S + |v|^2 I with S = sum_k w_k w_k^T, w_k ~ N(0, I) in the plane"),
            show_equal(
                "the eigenvalues of S = [[A, C], [C, B]] differ by sqrt((A - B)^2 + 4 C^2)",
                (a + b) ** 2 - 4 * (a * b - c**2),
                (a - b) ** 2 + 4 * c**2,
            ),
            show_equal(
                "and A - B + 2 i C is the sum of zeta_k^2, zeta = x + i y",
                square,
                x**2 - y**2 + 2 * sp.I * x * y,
                name="zeta^2",
            ),
            show_equal(
                "|zeta^2| = x^2 + y^2 is exponential of mean 2: P(> G)",
                exponential,
                sp.exp(-G / 2),
                name="P(|zeta^2| > G)",
            ),
            infer(
                "the angle of zeta^2 is uniform and independent of its modulus r: characteristic function E J_0(t r)"
            ),
            show_equal("E r^{2n} = 4^n (2n)!", series, 4**order * sp.gamma(2 * order + 1)),
            infer(
                "J_0(t r) = sum (-1)^n (t r/2)^{2n}/n!^2, so E J_0 = sum c_n t^{2n}, c_n = (-1)^n (2n)!/n!^2, c_0 = 1"
            ),
            show_equal(
                "c_{n+1}/c_n is that of the binomial series of (1 + 4 t^2)^{-1/2}",
                -(2 * order + 2) * (2 * order + 1) / (order + 1) ** 2,
                4 * (-sp.Rational(1, 2) - order) / (order + 1),
            ),
            infer("|t| < 1/2; both sides are real-analytic in t, so E J_0(t r) = (1 + 4 t^2)^{-1/2} for all t"),
            show_equal(
                "sum of m: (1 + 4 t^2)^{-m/2} = E e^{-4 t^2 G}, G of shape m/2", laplace, (1 + 4 * t**2) ** (-WIDTH / 2)
            ),
            infer("e^{-4 t^2 G} is the characteristic function of sqrt(8 G) N(0, I): the two laws agree"),
            show_value("E sqrt(G)", root_mean, sp.gamma((WIDTH + 1) / 2) / sp.gamma(WIDTH / 2)),
            show_value("E |N(0, I)| in the plane", rayleigh, sp.sqrt(sp.pi / 2)),
            show_with("E |v|^2 + (E trace - E gap)/2", claim.formula, {LOWEST: lowest}),
        )
    )


def simulate(claim: Claim, seed: int) -> Evidence:
    """Average the smallest eigenvalue over random networks of widths 1, 2, 3, 5, 8."""
    means, errors = smallest_means(np.eye(2), identity, WIDTHS, 6000, seed)
    claimed = [evaluated(claim, m) for m in WIDTHS]
    off = np.abs(means - claimed) / errors
    return Evidence.measured(
        claim,
        f"measured {', '.join(f'{x:.3f}' for x in means)}: off by at most {float(off.max()):.2g} standard errors",
        contradicted=bool(off.max() > SIGMAS),
        error_bar=f"standard errors up to {float(errors.max()):.3f}",
        cases=6000 * len(WIDTHS),
        seed=seed,
        picture=along(
            WIDTHS,
            means,
            claimed,
            title="The mean smallest eigenvalue follows the closed form",
            xlabel="width m",
            ylabel="E lambda_min(H_m)",
            interval=(means - errors, means + errors),
        ),
    )


def evaluated(claim: Claim, width: int) -> float:
    """Return the claimed value in floats; Gamma functions are not compiled."""
    return float(claim.formula.rhs.xreplace({WIDTH: sp.Integer(width)}).evalf())


def domain() -> st.SearchStrategy[int]:
    """Widths from 3, where the density of the eigenvalues has no singularity."""
    return st.integers(3, 40)


def holds(claim: Claim, case: int) -> bool:
    """Compare with the joint density of the two Wishart eigenvalues: gap/trace has the density r (1-r^2)^{(m-3)/2}."""

    def moment(power: int) -> float:
        return float(quad(lambda r: r ** (1 + power) * (1.0 - r * r) ** ((case - 3) / 2), 0.0, 1.0)[0])

    lowest = case + (2.0 * case - 2.0 * case * moment(1) / moment(0)) / 2.0
    return bool(abs(evaluated(claim, case) - lowest) < 1e-8 * case)


FALSE_TWINS = (
    FalseTwin("m, as the proposition has it", {"claim": lowest_is(WIDTH)}),
    FalseTwin(
        "half of the correction",
        {"claim": lowest_is(2 * WIDTH - sp.sqrt(sp.pi) * sp.gamma((WIDTH + 1) / 2) / (2 * sp.gamma(WIDTH / 2)))},
    ),
)

THEOREM = Theorem(
    name="expected_smallest_eigenvalue",
    source=Source(PAPER, "Proposition 6.1, E lambda_min", "closed form in one case"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("expected_smallest_eigenvalue_printed", "smallest_eigenvalue_per_neuron", "expected_kernel"),
)
