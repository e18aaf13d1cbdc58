r"""What a scalar on top does to the smallest eigenvalue: mu^2 lambda_1 <= lambda_min(H(g)) <= mu^2 lambda_2.

Assumptions
-----------
H(g) = mu^2 H(f) + u u^T, H(f) symmetric with eigenvalues lambda_1 <= lambda_2 <= ...; at least two samples.

Source
------
Beside the path formula paper (ICLR 2020), Appendix F and section 4 ("xi is determined by lambda_min(H)").

Idea of the proof
-----------------
Below: <z, H(g) z> = mu^2 <z, H z> + <u, z>^2. Above: the span of the two lowest eigenvectors contains a unit vector z
with <u, z> = 0, and <z, H z> <= lambda_2 there.

Deviations from the paper
-------------------------
The paper has no bound. The upper one says that one scalar layer cannot speed up the slowest mode beyond the second one.
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from odeflow.panels import along
from odeflow.symbolic.derivations import Derivation, assume, by, infer, show_equal, show_less, show_value, show_with
from odeflow.symbolic.inner_products import Vector, inner
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula import appended_scalar_kernel
from theory.iclr2020_path_formula._students import random_semidefinite, satisfied
from theory.iclr2020_path_formula.appended_scalar_kernel import KERNEL, OUTPUT, SCALE, TEST
from theory.iclr2020_path_formula.appended_scalar_product import applied_to
from theory.iclr2020_path_formula.notation import PAPER

FIRST = sp.Symbol("lambda_1", nonnegative=True)
SECOND, GROWN = sp.symbols("lambda_2 lambda_g", nonnegative=True)
DRAWS = 300


def between(low: sp.Expr, high: sp.Expr) -> Claim:
    """Return the claim low <= lambda_min(H(g)) <= high."""
    return Claim(
        "With a scalar on top the smallest eigenvalue lies between mu^2 lambda_1 and mu^2 lambda_2.",
        sp.And(sp.Ge(GROWN, low, evaluate=False), sp.Le(GROWN, high, evaluate=False), evaluate=False),
        ("H(g) = mu^2 H(f) + u u^T", "H(f) >= 0", "two samples or more"),
        {
            GROWN: "lambda_min(H(g))",
            FIRST: "smallest eigenvalue of H(f)",
            SECOND: "second smallest",
            SCALE: "value of the scalar on top",
        },
    )


CLAIM = between(SCALE**2 * FIRST, SCALE**2 * SECOND)


def derive(claim: Claim) -> Derivation:
    """Take the best test vector for each side."""
    kernel = appended_scalar_kernel
    extra, square, a, b = sp.symbols("x y a_1 a_2", nonnegative=True)
    form, along = inner(TEST, KERNEL @ TEST), inner(OUTPUT, TEST)
    e1, e2 = Vector.base("e_1"), Vector.base("e_2")
    size = sp.Symbol("m_2", positive=True)  # mu^2
    slack, rest = sp.symbols("s c", nonnegative=True)
    share = 1 / (1 + rest)  # a_2/(a_1 + a_2), any number in [0, 1] but 0, where lambda_2 itself is the quotient
    steps = [
        by("appended_scalar_kernel", kernel.derive(kernel.CLAIM), kernel.CLAIM.formula),
        assume("H symmetric, so <z, H z> >= lambda_1 for unit z; e_1, e_2 its lowest eigenvectors"),
        show_value("<z, H(g) z>", inner(applied_to(TEST), TEST), SCALE**2 * form + along**2),
        infer("below: for the unit eigenvector z of H(g), <z, H z> = lambda_1 + x, x >= 0, and y = <u, z>^2 >= 0"),
        show_equal(
            "above: z = <u, e_2> e_1 - <u, e_1> e_2 is orthogonal to u",
            inner(OUTPUT, inner(OUTPUT, e2) * e1 - inner(OUTPUT, e1) * e2),
            sp.S.Zero,
            name="<z, u>",
        ),
        show_less(
            "<z, H z> = a_2 lambda_1 + a_1 lambda_2 <= lambda_2 |z|^2 with a_k = <u, e_k>^2",
            b * FIRST + a * (FIRST + extra),
            (a + b) * (FIRST + extra),
        ),
        infer(
            "lambda_min(H(g)) = mu^2 <z, H z>/|z|^2 - s, s >= 0 (if both <u, e_k> are 0, any z of the plane will do)"
        ),
    ]
    sides = [
        show_with(
            "put in",
            part.xreplace({SCALE: sp.sqrt(size)}),
            {GROWN: size * (FIRST + extra) + square}
            if isinstance(part, sp.GreaterThan)
            else {GROWN: size * (share * FIRST + (1 - share) * (FIRST + extra)) - slack, SECOND: FIRST + extra},
        )
        for part in claim.formula.args
    ]
    return Derivation((*steps, *sides, infer("both sides", claim.formula, from_=[*steps, *sides])))


def simulate(claim: Claim, seed: int) -> Evidence:
    """Compare with computed eigenvalues of random kernels."""
    rng = np.random.default_rng(seed)
    violations, places = 0, []
    for _ in range(DRAWS):
        size = int(rng.integers(2, 6))
        H, u, mu = random_semidefinite(rng, size), 3.0 * rng.standard_normal(size), float(np.exp(rng.uniform(-1, 1)))
        H /= np.linalg.norm(H)
        lowest = np.linalg.eigvalsh(H)
        grown = float(np.linalg.eigvalsh(mu**2 * H + np.outer(u, u))[0])
        values = {GROWN: grown, FIRST: float(lowest[0]), SECOND: float(lowest[1]), SCALE: mu}
        violations += not satisfied(claim.formula, values, slack=1e-10)
        low, high = (
            float(part.rhs.xreplace({k: sp.Float(v) for k, v in values.items()})) for part in claim.formula.args
        )
        places.append((grown - low) / (high - low) if high > low else np.nan)
    return Evidence.measured(
        claim,
        f"{violations} violations in {DRAWS} draws",
        contradicted=violations > 0,
        error_bar="1e-10 (eigenvalues of kernels of norm 1)",
        cases=DRAWS,
        seed=seed,
        picture=along(
            np.arange(1, DRAWS + 1),
            np.sort(places),
            {"lower bound": 0.0, "upper bound": 1.0},
            title="lambda_min(H(g)) stays between the two bounds",
            xlabel="cases, in increasing order",
            ylabel="place between the bounds",
        ),
    )


FALSE_TWINS = (
    FalseTwin("mu for mu^2", {"claim": between(SCALE * FIRST, SCALE * SECOND)}),
    FalseTwin("no growth at all", {"claim": between(SCALE**2 * FIRST, SCALE**2 * FIRST)}),
)

THEOREM = Theorem(
    name="appended_scalar_eigenvalues",
    source=Source(PAPER, "Appendix F, lambda_min(H(g))", "bounds that the paper does not give"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("appended_scalar_kernel", "appended_scalar_descent"),
)
