r"""Remark 6.11 as printed: a parameter in a new layer adds more paths than one in an existing layer. Refuted by mu.

Assumptions
-----------
Those of section 6: the new layer with one parameter is the paper's own, g = mu f (section 6.2).

Source
------
Remark 6.11: "Adding a new parameter at a new layer can increase the number of paths more effectively than adding it at
an existing layer."

Idea of the refutation
----------------------
Widths (50, 100) have 5100 parameters and paths. The layer mu adds one parameter and one path, 5101. One more neuron
adds 51 parameters and 51 paths, 5151: one path for each new parameter in both. With two hidden layers, (2, 2, 2), the
new neuron adds 3 parameters and 7 paths, mu again one. It is never
otherwise: each new weight ends a path at least, and mu adds one.

Deviations from the paper
-------------------------
"More effectively" is read as more paths for each new parameter. The remark says "can": the scalar layer of section 6.2
never does, for any widths. For full layers it is true: `depth_adds_paths`.
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.derivations import (
    Derivation,
    Step,
    define,
    equate,
    show_less,
    show_value,
    show_violated,
)
from odeflow.symbolic.path_counts import layered_path_counts
from odeflow.theorem import Claim, FalseTwin, Source, Theorem, Verdict, World
from theory.iclr2020_path_formula.notation import PAPER

NEW_LAYER, OLD_LAYER = sp.symbols("g_new g_old", positive=True)


def gain(formula: sp.Basic) -> Claim:
    """Return a claim about paths gained for each new parameter."""
    return Claim(
        "A new parameter in a new layer adds more paths than one in an existing layer.",
        formula,
        ("fully connected, one output", "the new layer is the scalar layer mu of section 6.2"),
        {NEW_LAYER: "paths gained by the layer mu", OLD_LAYER: "paths gained by a neuron, for each new parameter"},
    )


CLAIM = gain(sp.Gt(NEW_LAYER, OLD_LAYER, evaluate=False))
CORRECTED = gain(equate(NEW_LAYER, sp.Integer(1)))


def gains(widths: tuple[int, ...]) -> tuple[sp.Expr, sp.Expr]:
    """Return the paths gained by each new parameter: by the scalar layer, and by a neuron in the last hidden layer."""
    before = layered_path_counts(widths)
    found = []
    for after in (layered_path_counts([*widths, 1]), layered_path_counts([*widths[:-1], widths[-1] + 1])):
        found.append(sp.Rational(after.paths - before.paths, after.parameters - before.parameters))
    return found[0], found[1]


def counterexample(claim: Claim) -> Derivation:
    """Count on widths (2, 2, 2) and on the paper's (50, 100)."""
    d, a = sp.symbols("d a", positive=True, integer=True)
    steps: list[Step] = [
        define("paths are counted by the products of the widths above a weight"),
        show_less(
            "widths (d, a, b), all d, a, b: mu's one path is no more than a neuron's d a + a + 1 for a + 1 weights",
            sp.Integer(1),
            (d * a + a + 1) / (a + 1),
        ),
    ]
    for widths, expected in (((2, 2, 2), 14), ((50, 100), 5100)):
        new, old = gains(widths)
        steps += [
            show_value(
                f"paths of widths {widths}", sp.Integer(layered_path_counts(widths).paths), sp.Integer(expected)
            ),
            show_violated(f"widths {widths}", claim.formula, {NEW_LAYER: new, OLD_LAYER: old}),
        ]
    return Derivation(tuple(steps))


FALSE_TWINS = (FalseTwin("twice as many", {"claim": gain(sp.Ge(NEW_LAYER, 2 * OLD_LAYER, evaluate=False))}),)

THEOREM = Theorem(
    name="depth_against_width_printed",
    source=Source(PAPER, "Remark 6.11", "as printed; corrected in depth_adds_paths"),
    world=World.A,
    claim=CLAIM,
    recorded=Verdict.REFUTED,
    counterexample=counterexample,
    control=CORRECTED,
    twins=FALSE_TWINS,
    related=("depth_adds_paths",),
)
