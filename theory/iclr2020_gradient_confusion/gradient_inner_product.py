r"""(7), corrected: <grad f_i, grad f_j> = zeta_i zeta_j sum_p <H_{p-1}(x_i), H_{p-1}(x_j)> <g_p(x_i), g_p(x_j)>.

Assumptions
-----------
g_p = dg/dz_p: g_beta = sigma'(z_beta), g_p = sigma'(z_p) o W_{p+1}^T g_{p+1}, with sigma' at the pre-activation
z_p = W_p H_{p-1}; H_{-1}(x) = x; sigma differentiable at every z_p.

Source
------
Corrects "Gradient Confusion" (2020), (7) and the recursion before it (proof of Theorem 4.1).

Idea of the proof
-----------------
The chain rule gives grad_{W_p} g = g_p H_{p-1}^T, and <u a^T, v b^T> = <u, v><a, b>. Checked whole, with sigma and
sigma' as symbols, for beta = 0, 1, 2.

Deviations from the paper
-------------------------
Four slips matter: sigma' at H_p in place of z_p (`backward_recursion_printed`), H_{p-1}(x_i) twice
(`gradient_inner_product_printed`), W in place of W^T, and zeta missing in grad f.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import sympy as sp
from hypothesis import strategies as st

from odeflow.panels import against_claim
from odeflow.symbolic.derivations import Derivation, Step, assume, equate, infer, show_equal
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion._layered_nets import SIGMOID, SMOOTH_AT_ZERO, passed
from theory.iclr2020_gradient_confusion.notation import PAPER

H = sp.Symbol("<grad f_i, grad f_j>", real=True)
FIRST, SECOND = sp.symbols("zeta_i zeta_j", real=True)
DEPTH = sp.Symbol("beta", nonnegative=True, integer=True)
LAYER = sp.Symbol("p", integer=True)
INPUTS, OWN, BACK = sp.IndexedBase("A"), sp.IndexedBase("O"), sp.IndexedBase("B")


def product_is(term: sp.Expr) -> Claim:
    """Return the claim <grad f_i, grad f_j> = zeta_i zeta_j sum_p term."""
    return Claim(
        "The inner product of two samples' gradients is a sum over layers of products of two inner products.",
        equate(H, FIRST * SECOND * sp.Sum(term, (LAYER, 0, DEPTH))),
        ("sigma differentiable at every pre-activation",),
        {
            H: "inner product of the gradients by all weights",
            INPUTS: "A_p = <H_{p-1}(x_i), H_{p-1}(x_j)>",
            OWN: "O_p = |H_{p-1}(x_i)|^2",
            BACK: "B_p = <g_p(x_i), g_p(x_j)>",
            FIRST: "df_i/dg",
            SECOND: "df_j/dg",
            DEPTH: "depth",
        },
    )


CLAIM = product_is(INPUTS[LAYER] * BACK[LAYER])


class Smooth(sp.Function):  # type: ignore[misc]
    """sigma, of which only the derivative's name is known."""

    def fdiff(self, argindex: int = 1) -> sp.Expr:
        """Return sigma'."""
        return sp.Function("sigma'")(self.args[0])


def whole(claim: Claim, depth: int) -> Step:
    """Compare the direct derivatives of a net of the given depth, hidden width 2, with the claimed sum."""
    sizes = [1] + [2] * depth + [1]
    weights = [sp.Matrix(b, a, sp.symbols(f"w{p}_:{a * b}", real=True)) for p, (a, b) in enumerate(_pairs(sizes))]
    slope, samples = sp.Function("sigma'"), sp.symbols("x_i x_j", real=True)
    outputs, inputs, back = [], [], []
    for x in samples:
        layers, pre = [sp.Matrix([x])], []
        for W in weights:
            pre.append(W * layers[-1])
            layers.append(pre[-1].applyfunc(Smooth))
        g = [pre[-1].applyfunc(slope)]
        for W, z in zip(reversed(weights[1:]), reversed(pre[:-1]), strict=True):
            g.append((W.T * g[-1]).multiply_elementwise(z.applyfunc(slope)))
        outputs.append(layers[-1][0, 0])
        inputs.append(layers[:-1])
        back.append(g[::-1])
    entries = [w for W in weights for w in W]
    direct = sum(sp.diff(outputs[0], w) * sp.diff(outputs[1], w) for w in entries)
    values = {}
    for p in range(depth + 1):
        values[INPUTS[p]] = (inputs[0][p].T * inputs[1][p])[0, 0]
        values[OWN[p]] = (inputs[0][p].T * inputs[0][p])[0, 0]
        values[BACK[p]] = (back[0][p].T * back[1][p])[0, 0]
    claimed = claim.formula.rhs.subs(DEPTH, depth).doit().xreplace(values)
    return show_equal(
        f"beta = {depth}, hidden width 2, any sigma: all derivatives",
        FIRST * SECOND * direct,
        claimed,
        name="product of the gradients",
    )


def _pairs(sizes: list[int]) -> list[tuple[int, int]]:
    return list(zip(sizes[:-1], sizes[1:], strict=True))  # noqa: RUF007


def derive(claim: Claim) -> Derivation:
    """Check three whole nets, and the product of outer products on which every layer rests."""
    u, v, a, b = (sp.Matrix(sp.symbols(f"{name}1:4", real=True)) for name in "uvab")
    nets = []
    for depth in range(3):
        nets.append(whole(claim, depth))
        if not nets[-1].decision.holds:  # larger nets would only take longer to say so
            return Derivation(tuple(nets))
    outer = show_equal(
        "<u a^T, v b^T> = <u, v><a, b> (3 by 3; in any size the double sum is a product of two)",
        ((u * a.T).T * (v * b.T)).trace(),
        u.dot(v) * a.dot(b),
    )
    layer = infer("chain rule through z_p = W_p H_{p-1}: grad_{W_p} f = zeta g_p H_{p-1}^T in every layer")
    last = infer("sum over the layers", claim.formula, from_=[*nets, outer, layer])
    return Derivation((assume("sigma differentiable at every pre-activation"), *nets, outer, layer, last))


def sides(claim: Claim, case: tuple[int, int, int]) -> tuple[float, float]:
    """Return <grad g, grad g'> as claimed and by finite differences, over its scale."""
    seed, depth, kind = case
    rng = np.random.default_rng(seed)
    sizes = [int(rng.integers(1, 4)), *(int(rng.integers(1, 4)) for _ in range(depth)), 1]
    weights = [rng.standard_normal((rows, columns)) for columns, rows in _pairs(sizes)]
    activation = (*SMOOTH_AT_ZERO, SIGMOID)[kind]
    x = rng.standard_normal((2, sizes[0]))
    run = passed(weights, x, activation)
    step, direct = 1e-5, 0.0
    for W in weights:
        for k in np.ndindex(W.shape):
            held = W[k]
            W[k] = held + step
            up = passed(weights, x, activation).outputs
            W[k] = held - step
            down = passed(weights, x, activation).outputs
            W[k] = held
            direct += float(np.prod((up - down) / (2 * step)))
    term = sp.lambdify((INPUTS, OWN, BACK, LAYER), claim.formula.rhs.args[-1].function)
    between = np.array([h[0] @ h[1] for h in run.inputs])
    own = np.array([h[0] @ h[0] for h in run.inputs])
    back = np.array([g[0] @ g[1] for g in run.backward])
    claimed = sum(float(term(between, own, back, p)) for p in range(depth + 1))
    scale = float(np.abs(between * back).sum() + np.abs(own * back).sum())
    return (claimed / scale, direct / scale) if scale > 1e-6 else (0.0, 0.0)


def simulate(claim: Claim, seed: int) -> Evidence:
    """Compare with finite differences on 40 random networks, four activations."""
    pairs = [sides(claim, (100 * seed + k, k % 4, k % 4)) for k in range(40)]
    found = max(abs(claimed - direct) for claimed, direct in pairs)
    return Evidence.measured(
        claim,
        f"largest difference from finite differences {found:.2g}, relative",
        contradicted=found > 1e-6,
        error_bar="1e-6 (central differences)",
        cases=40,
        seed=seed,
        picture=against_claim(
            *zip(*pairs, strict=True),
            what="product, relative",
            title="Products of gradients are the sums over layers",
        ),
    )


def domain() -> st.SearchStrategy[Any]:
    """Seed, depth, activation."""
    return st.tuples(st.integers(0, 2**31), st.integers(0, 3), st.integers(0, 3))


def holds(claim: Claim, case: tuple[int, int, int]) -> bool:
    """Compare with finite differences on one network."""
    claimed, direct = sides(claim, case)
    return abs(claimed - direct) < 1e-6


FALSE_TWINS = (
    FalseTwin("with |H_{p-1}(x_i)|^2, as printed", {"claim": product_is(OWN[LAYER] * BACK[LAYER])}),
    FalseTwin("without the layers' inputs", {"claim": product_is(BACK[LAYER])}),
)

THEOREM = Theorem(
    name="gradient_inner_product",
    source=Source(PAPER, "(7)", "corrected"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.PROVED,
    derive=derive,
    simulate=simulate,
    domain=domain,
    holds=holds,
    twins=FALSE_TWINS,
    related=("gradient_inner_product_printed", "backward_recursion_printed"),
)
