r"""At initialisation the least pairwise gradient cosine rises with the width and falls with the depth. Measured.

Assumptions
-----------
Strategy 4.1 with kappa = 1, identity or tanh, N = 20 points of the unit sphere in R^50, labels +-1, square loss.

Source
------
"Gradient Confusion" (2020), section 4 (b) and Theorem 4.2, "layer width improves the trainability".

Idea of the check
-----------------
Means over 24 draws of the least cosine: width 5 against 200 at beta = 5, depth 1 against 40 at l = 50. A part counts as
seen only beyond three standard errors on its side; here they are five and more.

Deviations from the paper
-------------------------
Stated for cosines: the eta of Definition 2.1 itself grows with the width here (the kernel does, see
`initial_kernel_mean`), and part 2 of Theorem 4.2 is false (`initial_confusion_random_data_printed`).
"""

from __future__ import annotations

import numpy as np
import sympy as sp

from odeflow.panels import along
from odeflow.theorem import Claim, Evidence, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_gradient_confusion._layered_nets import IDENTITY, TANH, Activation, passed
from theory.iclr2020_gradient_confusion._spheres import uniform_points
from theory.iclr2020_gradient_confusion.notation import PAPER

NARROW, WIDE, SHALLOW, DEEP = sp.symbols("cos(l=5) cos(l=200) cos(beta=1) cos(beta=40)", real=True)
SHAPES = {NARROW: (5, 5), WIDE: (5, 200), SHALLOW: (1, 50), DEEP: (40, 50)}
DRAWS = 24


def ordered(*, width_helps: bool, depth_hurts: bool) -> Claim:
    """Return the claim about the two orders."""
    width = sp.Ge(WIDE, NARROW, evaluate=False) if width_helps else sp.Le(WIDE, NARROW, evaluate=False)
    depth = sp.Le(DEEP, SHALLOW, evaluate=False) if depth_hurts else sp.Ge(DEEP, SHALLOW, evaluate=False)
    return Claim(
        "At initialisation the least gradient cosine of 20 samples improves with width and worsens with depth.",
        sp.And(width, depth, evaluate=False),
        ("Strategy 4.1, kappa = 1, identity or tanh", "20 points of the unit sphere of R^50, labels +-1, square loss"),
        {
            NARROW: "mean least cosine, beta = 5, width 5",
            WIDE: "the same, width 200",
            SHALLOW: "mean least cosine, width 50, beta = 1",
            DEEP: "the same, beta = 40",
        },
    )


CLAIM = ordered(width_helps=True, depth_hurts=True)


def least(rng: np.random.Generator, depth: int, width: int, activation: Activation) -> tuple[float, float]:
    """Return the least pairwise cosine and the least inner product of one draw."""
    x = uniform_points(20, 50, rng)
    weights = [rng.standard_normal((width, 50)) / np.sqrt(50)]
    weights += [rng.standard_normal((width, width)) / np.sqrt(width) for _ in range(depth - 1)]
    run = passed([*weights, rng.standard_normal((1, width)) / np.sqrt(width)], x, activation)
    zeta = run.outputs - rng.choice([-1.0, 1.0], 20)
    gram = np.outer(zeta, zeta) * run.kernel()
    norms = np.sqrt(np.diag(gram))
    return float((gram / np.outer(norms, norms)).min()), float(gram.min())


def simulate(claim: Claim, seed: int) -> Evidence:
    """Compare means over the draws for both activations, in standard errors of their difference."""
    said, margins, means, ends = [], [], {}, {}
    for activation in (IDENTITY, TANH):
        found = {
            name: np.array(
                [least(np.random.default_rng([seed, k, depth, width]), depth, width, activation) for k in range(DRAWS)]
            )
            for name, (depth, width) in SHAPES.items()
        }
        for part in claim.formula.args:
            left, right = found[part.lhs][:, 0], found[part.rhs][:, 0]
            gap = float(left.mean() - right.mean()) * (1.0 if isinstance(part, sp.GreaterThan) else -1.0)
            error = float(np.hypot(left.std(ddof=1), right.std(ddof=1)) / np.sqrt(DRAWS))
            margins.append(gap / error)
        mean = means[activation.name] = np.array([f[:, 0].mean() for f in found.values()])
        bar = np.array([f[:, 0].std(ddof=1) for f in found.values()]) / np.sqrt(DRAWS)
        ends[activation.name] = np.stack([mean - bar, mean + bar])
        said.append(
            f"{activation.name}: "
            + ", ".join(
                f"{name} {f[:, 0].mean():.2f} +- {f[:, 0].std(ddof=1) / np.sqrt(DRAWS):.2f}"
                for name, f in found.items()
            )
            + f"; least product {found[NARROW][:, 1].mean():.1f} (l=5), {found[WIDE][:, 1].mean():.1f} (l=200)"
        )
    return Evidence.measured(
        claim,
        f"{'; '.join(said)}; the least margin is {min(margins):.1f} standard errors",
        contradicted=True if min(margins) < -3.0 else False if min(margins) > 3.0 else None,
        error_bar=f"standard errors of {DRAWS} draws; undecided within 3 of them",
        cases=2 * len(SHAPES) * DRAWS,
        seed=seed,
        picture=along(
            range(1, len(SHAPES) + 2),
            {name: np.insert(mean, 2, np.nan) for name, mean in means.items()},
            {name: [mean[0], mean[0], np.nan, mean[2], mean[2]] for name, mean in means.items()},
            title="The least cosine rises with width and falls with depth",
            xlabel="1, 2: width {1}, {3}; 4, 5: depth {4}, {6}".format(*np.ravel(list(SHAPES.values()))),
            ylabel=f"least cosine, mean of {DRAWS} draws",
            interval={name: np.insert(bars, 2, np.nan, axis=1) for name, bars in ends.items()},
        ),
    )


FALSE_TWINS = (
    FalseTwin("width makes it worse", {"claim": ordered(width_helps=False, depth_hurts=True)}),
    FalseTwin("depth makes it better", {"claim": ordered(width_helps=True, depth_hurts=False)}),
)

THEOREM = Theorem(
    name="initial_cosines",
    source=Source(PAPER, "Section 4 (b), width and depth at initialisation", "for cosines, measured"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.SUPPORTED,
    simulate=simulate,
    twins=FALSE_TWINS,
    related=("initial_confusion_random_data_printed", "initial_kernel_mean"),
)
