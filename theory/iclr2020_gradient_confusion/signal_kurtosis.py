r"""Section 6: in a random He-ReLU network E|h|^4/(E|h|^2)^2 is the product of 1 + 5/n over hidden widths.

Assumptions
-----------
h_p = relu(W_p h_{p-1}) (or without relu), independent normal weights, variance 2/n_{p-1} (He) or 1/n_{p-1} (linear).

Source
------
"Gradient Confusion" (2020), section 6, quotes Hanin (2018) and Hanin and Rolnick (2018): the sum of the reciprocals of
the hidden layer widths determines the variance of the sizes of the activations.

Idea of the proof
-----------------
Given h, the entries of W h are independent N(0, v |h|^2): |relu(W h)|^2 is |h|^2 times an independent factor, the mean
of n copies of 2 max(z, 0)^2 with moments 1 and 1 + 5/n. The factors of the layers multiply.

Deviations from the paper
-------------------------
The paper quotes "exponential in the sum of the reciprocals"; this is the exact law of one layer, the network's is the
product. Stated for both kinds of layer.
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from odeflow.panels import against_claim
from odeflow.symbolic.derivations import Derivation, assume, define, equate, infer, show_value, show_with
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion._random_layers import normal_moment
from theory.iclr2020_gradient_confusion.notation import PAPER

WIDTH = sp.Symbol("n", positive=True, integer=True)
RELU_FACTOR, LINEAR_FACTOR = sp.symbols("k_relu k_linear", positive=True)
DRAWS = 20_000
SIGMAS = 5.0


def factors_are(relu: sp.Expr, linear: sp.Expr) -> Claim:
    """Return the claim about the factor of one layer in E|h|^4/(E|h|^2)^2."""
    return Claim(
        "Each hidden layer of width n multiplies E|h|^4/(E|h|^2)^2 by 1 + 5/n with ReLU, by 1 + 2/n without.",
        sp.And(equate(RELU_FACTOR, relu), equate(LINEAR_FACTOR, linear), evaluate=False),
        ("independent normal weights", "variance 2/n_in with ReLU, 1/n_in without"),
        {
            RELU_FACTOR: "factor of a ReLU layer",
            LINEAR_FACTOR: "factor of a linear layer",
            WIDTH: "outputs of the layer",
        },
    )


CLAIM = factors_are(1 + 5 / WIDTH, 1 + 2 / WIDTH)


def kurtosis(scale: sp.Expr, second: sp.Expr, fourth: sp.Expr) -> sp.Expr:
    """Return E S^2 for S the mean of n independent copies of scale s, with E s = second and E s^2 = fourth."""
    return scale**2 * (WIDTH * fourth + WIDTH * (WIDTH - 1) * second**2) / WIDTH**2


def derive(claim: Claim) -> Derivation:
    """Compute four moments and expand the square of a mean."""
    half = [normal_moment(k, half=True) for k in (2, 4)]
    full = [normal_moment(k) for k in (2, 4)]
    return Derivation(
        (
            assume("given h, W h has independent entries N(0, v |h|^2)"),
            infer("|phi(W h)|^2/|h|^2 = v sum_k phi(z_k)^2 with independent normal z_k, independent of h"),
            show_value("E max(z, 0)^2", half[0], sp.Rational(1, 2)),
            show_value("E max(z, 0)^4", half[1], sp.Rational(3, 2)),
            show_value("E z^4", full[1], sp.Integer(3)),
            define("n outputs; as many inputs, because another number rescales |h|^2 and cancels in the ratio"),
            infer("E of the factor is 1, E of its square: n fourth moments and n(n-1) products"),
            show_with(
                "both", claim.formula,
                {RELU_FACTOR: kurtosis(sp.Integer(2), *half), LINEAR_FACTOR: kurtosis(sp.Integer(1), *full)},
            ),
        )
    )  # fmt: skip


def simulate(claim: Claim, seed: int) -> Evidence:
    """Send a vector through 4 layers of width 10, 20000 times: products of four factors."""
    rng = np.random.default_rng(seed)
    claimed = {part.lhs: float(part.rhs.subs(WIDTH, 10)) for part in claim.formula.args}
    off, words, found = 0.0, [], []
    for symbol, variance, rectified in ((RELU_FACTOR, 0.2, True), (LINEAR_FACTOR, 0.1, False)):
        squares = np.ones(DRAWS)
        for _ in range(4):  # given |h|^2 the pre-activations are normal with variance v |h|^2
            z = np.sqrt(variance * squares)[:, None] * rng.standard_normal((DRAWS, 10))
            squares = np.square(np.maximum(z, 0.0) if rectified else z).sum(axis=1)
        logs = np.array([(part**2).mean() / part.mean() ** 2 for part in squares.reshape(20, -1)])
        value, error = float(logs.mean()), float(logs.std(ddof=1)) / np.sqrt(20)
        expected = claimed[symbol] ** 4
        found.append((expected, value, error))
        off = max(off, abs(value - expected) / (error + 0.05 * expected))
        words.append(f"{symbol}^4: {value:.2f} +- {error:.2f} against {expected:.2f}")
    expectations, values, errors = np.array(found).T
    return Evidence.measured(
        claim,
        "; ".join(words),
        contradicted=off > SIGMAS,
        error_bar="standard error over 20 groups, plus 5 % for the bias of a ratio of heavy-tailed means",
        cases=2 * DRAWS,
        seed=seed,
        picture=against_claim(
            expectations,
            values,
            what="factor of four layers",
            title="Kurtosis grows layer by layer as claimed",
            interval=(values - errors, values + errors),
        ),
    )


FALSE_TWINS = (
    FalseTwin("1 + 5/n without ReLU as well", {"claim": factors_are(1 + 5 / WIDTH, 1 + 5 / WIDTH)}),
    FalseTwin("no dependence on the width", {"claim": factors_are(6 + 0 / WIDTH, sp.Integer(3))}),
)

THEOREM = Theorem(
    name="signal_kurtosis",
    source=Source(PAPER, "Section 6, sum of reciprocal widths", "the exact factor of a layer"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("operator_norm", "glorot_and_lecun"),
)
