r"""Section 5.1: "a second momentum has been shown to further accelerate the convergence". Refuted when tuned.

Assumptions
-----------
Quadratic loss whose spectrum fills [mu, kappa mu]; gradient descent with one or two constant momenta, learning rate
and momenta tuned for the worst mode.

Source
------
Bu, Xu and Chen (2021), section 5.1, quoting Pearlmutter (1992): "a second momentum has been shown to further
accelerate the convergence than the first momentum [46], when the loss is a positive quadratic form".

Idea of the refutation
----------------------
The k-th iterate is p_k(lambda) x_0 with p_k(0) = 1 for any number of momenta, so Chebyshev's polynomials bound the
factor per step from below by (sqrt(kappa) - 1)/(sqrt(kappa) + 1). Tuned heavy ball attains it, and beta_2 = 0 is
allowed: the best factors are equal.

Deviations from the paper
-------------------------
At a fixed small learning rate and a narrow spectrum the second momentum does help (`second_momentum_small_step`);
this is what the paper's Figure 4 shows. The claim refuted is the one about the best parameters.
"""

from __future__ import annotations

import numpy as np
import sympy as sp
from scipy.optimize import minimize

from odeflow.panels import by_case
from odeflow.symbolic.derivations import Derivation, assume, cite, infer, show_equal, show_violated
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.bu2021_dynamical_view.notation import PAPER

BEST_ONE, BEST_TWO = sp.symbols("rho_1 rho_2", positive=True)


def compares(formula: sp.Basic) -> Claim:
    """Return the claim about the best factors per step with one and with two momenta."""
    return Claim(
        "With tuned parameters a second momentum converges faster than the first alone.",
        formula,
        ("quadratic loss, spectrum [mu, kappa mu]", "constant learning rate and momenta, tuned"),
        {
            BEST_ONE: "least possible factor per step of the error, over the spectrum, with one momentum",
            BEST_TWO: "the same with two momenta",
        },
    )


CLAIM = compares(sp.Lt(BEST_TWO, BEST_ONE, evaluate=False))
CORRECTED = compares(sp.Le(BEST_TWO, BEST_ONE, evaluate=False))
KAPPA = 100


def counterexample(claim: Claim) -> Derivation:
    """kappa = 100: both best factors are 9/11."""
    lam = sp.Symbol("lambda")
    root = sp.Rational(9, 11)
    learning_rate = 4 / (sp.sqrt(KAPPA) + 1) ** 2
    centre = sp.Rational(KAPPA + 1, KAPPA - 1)
    band = sp.Symbol("u", positive=True)  # eta lambda
    steps = [
        assume("spectrum [1, 100]"),
        show_equal(
            "tuned heavy ball, momentum (9/11)^2: eta mu = (1 - 9/11)^2", learning_rate, (1 - root) ** 2, name="eta mu"
        ),
        show_equal("and eta L = (1 + 9/11)^2", learning_rate * KAPPA, (1 + root) ** 2, name="eta L"),
        show_equal(
            "the discriminant of z^2 - (1 + rho^2 - u) z + rho^2",
            (1 + root**2 - band) ** 2 - 4 * root**2,
            (band - (1 - root) ** 2) * (band - (1 + root) ** 2),
        ),
        infer("it is <= 0 on the whole band, so every root has modulus rho = 9/11: rho_1 <= 9/11"),
        show_equal(
            "two momenta make p_k a polynomial of degree k with p_k(0) = 1 (here k = 4)",
            sp.expand(_fourth_iterate(lam)).subs(lam, 0),
            sp.Integer(1),
            name="p_4(0)",
        ),
        cite("Chebyshev: max over [mu, L] of |p| >= 1/T_k((kappa+1)/(kappa-1)) for deg p <= k, p(0) = 1"),
        show_equal(
            "T_k(y)^{1/k} -> y + sqrt(y^2 - 1), so no factor is below its inverse",
            1 / (centre + sp.sqrt(centre**2 - 1)),
            root,
            name="1/(y + sqrt(y^2 - 1))",
        ),
        infer("so rho_1 >= 9/11 and rho_2 >= 9/11; and rho_2 <= rho_1, since beta_2 = 0 is allowed"),
        show_violated("both are 9/11", claim.formula, {BEST_ONE: root, BEST_TWO: root}),
    ]
    return Derivation(tuple(steps))


def _fourth_iterate(eigenvalue: sp.Symbol) -> sp.Expr:
    """Return p_4 for symbolic learning rate and two momenta, from p_0 = p_{-1} = p_{-2} = 1."""
    eta, first, second = sp.symbols("eta beta_1 beta_2", real=True)
    path = [sp.Integer(1)] * 3
    for _ in range(4):
        now, before, earlier = path[-1], path[-2], path[-3]
        path.append(sp.expand(now - eta * eigenvalue * now + first * (now - before) + second * (before - earlier)))
    return path[-1]


def factor(parameters: np.ndarray, spectrum: np.ndarray) -> float:
    """Return the largest root modulus over a spectrum for (eta, beta_1, beta_2)."""
    eta, first, second = parameters
    companions = np.zeros((spectrum.size, 3, 3))
    # z^3 - (1 + beta_1 - eta lambda) z^2 + (beta_1 - beta_2) z + beta_2
    companions[:, 0, 0] = 1.0 + first - eta * spectrum
    companions[:, 0, 1] = second - first
    companions[:, 0, 2] = -second
    companions[:, 1, 0] = companions[:, 2, 1] = 1.0
    return float(np.abs(np.linalg.eigvals(companions)).max())


def simulate(claim: Claim, seed: int) -> Evidence:
    """Minimise the factor over (eta, beta_1, beta_2) from 8 starts on 40 eigenvalues in [1, 100]."""
    rng = np.random.default_rng(seed)
    spectrum = 50.5 - 49.5 * np.cos(np.linspace(0.0, np.pi, 40))
    tuned = np.array([4.0 / 121.0, 81.0 / 121.0, 0.0])
    one, found_factors = factor(tuned, spectrum), list[float]()
    for scale in (0.0, 0.01, 0.03, 0.1, 0.3, 1.0, 1.0, 1.0):  # the first search starts at tuned heavy ball itself
        start = tuned * (1.0 + 0.3 * scale * rng.standard_normal(3)) + [0.0, 0.0, 0.2 * scale * rng.standard_normal()]
        found = minimize(factor, start, args=(spectrum,), method="Nelder-Mead", options={"maxfev": 500})
        found_factors.append(float(found.fun))
    best = min(found_factors)
    gain = one - best
    strict = isinstance(claim.formula, sp.StrictLessThan)
    return Evidence.measured(
        claim,
        f"tuned heavy ball {one:.6f}; best found with two momenta {best:.6f}",
        contradicted=strict and gain < 1e-3,
        error_bar="1e-3 (a local search in floats; double roots cost 1e-8)",
        cases=8,
        seed=seed,
        detail=f"best found with two momenta {best:.6f}, with one {one:.6f}: no gain",
        picture=by_case(
            found_factors,
            one,
            title="A search finds no second momentum that is faster",
            ylabel="largest root modulus found by a search",
            limit_label="heavy ball, tuned",
        ),
    )


FALSE_TWINS = (
    FalseTwin(
        "faster by a hundredth",
        {"claim": compares(sp.Le(BEST_TWO, BEST_ONE - sp.Rational(1, 100), evaluate=False))},
    ),
)

THEOREM = Theorem(
    name="second_momentum_acceleration",
    source=Source(PAPER, "Section 5.1, J = 2", "as printed, read as a statement about tuned parameters"),
    world=World.K,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("second_momentum_small_step", "momentum_order_printed"),
)
