"""A deep linear network with all its layers written out, for a given N: the second route to its end-to-end dynamics.

Balancedness is a set of rewriting rules, `W_{j+1}^T W_{j+1} -> W_j W_j^T` or back; no induction, no fractional power.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import sympy as sp

from odeflow.symbolic.decisions import Decision, Status
from odeflow.symbolic.deep_linear import (
    DECAY,
    END,
    FIRST_GRAM,
    GRADIENT,
    LAST_GRAM,
    STEP,
    flow_of,
    layer_gradient,
)
from odeflow.symbolic.deep_linear_words import (
    METHOD,
    Letter,
    Rule,
    differentiate,
    dot,
    normal_form,
    require_chained,
    transpose,
)
from odeflow.symbolic.derivations import Kind, Step, equate

__all__ = ["WRITTEN_OUT", "Network", "balance_rules", "network", "show_written_out"]

WRITTEN_OUT = (2, 3, 4, 5, 6)
"""Depths at which Theorem 1 is computed a second time, all layers written out."""


@dataclass(frozen=True)
class Network:
    """A network of N layers, written out: `layers` are W_1, ..., W_N; `gradients` G_1, ..., G_N."""

    layers: tuple[Letter, ...]
    gradients: tuple[sp.Expr, ...]

    @property
    def product(self) -> sp.Expr:
        """W_N ... W_1."""
        return sp.Mul(*reversed(self.layers))

    def rates(self) -> dict[Letter, sp.Expr]:
        """Return the flow (6) of every layer."""
        pairs = zip(self.layers, self.gradients, strict=True)
        return {layer: flow_of(layer, gradient) for layer, gradient in pairs}


def network(depth: int) -> Network:
    """Return a network of `depth` layers of symbolic dimensions.

    Examples
    --------
    >>> network(3).product
    W_3*W_2*W_1
    >>> network(3).gradients[1]
    W_3^T*G*W_1^T
    """
    widths = ["d", *(f"n_{j}" for j in range(1, depth)), "k"]
    layers = tuple(Letter(f"W_{j}", widths[j], widths[j - 1]) for j in range(1, depth + 1))
    gradients = tuple(
        layer_gradient(sp.Mul(*reversed(layers[j + 1 :])), sp.Mul(*reversed(layers[:j]))) for j in range(depth)
    )
    return Network(layers, gradients)


def balance_rules(layers: Sequence[Letter], *, upwards: bool) -> list[Rule]:
    """Return (7) as rules: W_j W_j^T -> W_{j+1}^T W_{j+1} upwards, the reverse downwards."""
    pairs = itertools.pairwise(layers)
    return [
        (low * low.T, high.T * high) if upwards else (high.T * high, low * low.T) for low, high in pairs
    ]  # fmt: skip


def show_written_out(depth: int) -> Step:
    """Compute W_e' once more with all layers written out, and W_e W_e^T and W_e^T W_e with it.

    Examples
    --------
    >>> show_written_out(3).decision.status
    <Status.HOLDS: 'holds'>
    """
    net = network(depth)
    first, last = net.layers[0], net.layers[-1]
    product = net.product
    require_chained(product)
    A, B = last * last.T, first.T * first
    up, down = balance_rules(net.layers, upwards=True), balance_rules(net.layers, upwards=False)
    moved = differentiate(product, net.rates())
    by_hand = -STEP * DECAY * depth * product
    by_hand -= STEP * sp.Add(*(A ** (j - 1) * GRADIENT * B ** (depth - j) for j in range(1, depth + 1)))
    # to the left of G the layers are moved to the last one, to its right to the first: A^{j-1} G B^{N-j}
    rest = [
        _split_form(moved - by_hand, up, down),
        normal_form(product * transpose(product) - A**depth, up),
        normal_form(transpose(product) * product - B**depth, down),
    ]
    status = Status.HOLDS if not any(rest) else Status.UNDECIDED
    rule = -STEP * DECAY * depth * END
    rule -= STEP * sp.Add(*(LAST_GRAM ** (j - 1) * GRADIENT * FIRST_GRAM ** (depth - j) for j in range(1, depth + 1)))
    return Step(
        f"the same once more with all layers written out, N = {depth}",
        equate(dot(END), rule),
        Kind.COMPUTED,
        Decision(status, METHOD, "every word cancels" if status is Status.HOLDS else f"left over: {rest}"),
    )


def _split_form(expression: sp.Expr, left: Sequence[Rule], right: Sequence[Rule]) -> sp.Expr:
    """Apply rules `left` to what stands before G in each word and `right` to what stands after it."""
    total = sp.Integer(0)
    for term in sp.Add.make_args(normal_form(expression)):
        scalar, factors = term.args_cnc()
        at = factors.index(GRADIENT) if GRADIENT in factors else len(factors)
        before, after = normal_form(sp.Mul(*factors[:at]), left), normal_form(sp.Mul(*factors[at + 1 :]), right)
        total += sp.Mul(*scalar) * before * (GRADIENT * after if GRADIENT in factors else 1)
    return normal_form(total)
