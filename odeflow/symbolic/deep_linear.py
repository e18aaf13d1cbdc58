r"""How does the product of a deep linear network move? Exact, in symbolic dimensions, for every number of layers N.

    W_j' = -eta lambda W_j - eta G_j,   G_j = (W_N ... W_{j+1})^T G (W_{j-1} ... W_1)^T,   W_e = W_N ... W_1

with G = dL/dW at W_e. The layers above and below layer j enter only through their products, so one computation with two
letters for them covers every N and every j. What is left to induction is the product of a balanced chain; each step
takes one layer off. `deep_linear_written_out` writes a network out for a given N, as a second route.
"""

from __future__ import annotations

import sympy as sp

from odeflow.symbolic.decisions import Decision, Status
from odeflow.symbolic.deep_linear_words import (
    METHOD,
    Letter,
    Rule,
    differentiate,
    dot,
    normal_form,
    show_matrices,
    show_traces,
    transpose,
)
from odeflow.symbolic.derivations import Kind, Step, assume, define, equate, infer, show_with

__all__ = [
    "ABOVE",
    "BELOW",
    "DECAY",
    "DEPTH",
    "END",
    "FIRST",
    "FIRST_GRAM",
    "GRADIENT",
    "IMBALANCE",
    "INDEX",
    "LAST",
    "LAST_GRAM",
    "LAYER",
    "NEXT",
    "NEXT_GRADIENT",
    "STEP",
    "balance_hypothesis",
    "conservation_steps",
    "dynamics_steps",
    "end_to_end_rule",
    "flow_of",
    "gradient_steps",
    "layer_gradient",
    "product_steps",
    "root_steps",
    "show_end_to_end",
    "summand_step",
    "without_roots",
]

DEPTH, INDEX = sp.symbols("N j", positive=True, integer=True)
STEP = sp.Symbol("eta", positive=True)
DECAY = sp.Symbol("lambda", nonnegative=True)

END, GRADIENT = Letter("W_e", "k", "d"), Letter("G", "k", "d")
LAYER = Letter("W_j", "n_j", "n_{j-1}")
NEXT = Letter("W_{j+1}", "n_{j+1}", "n_j")
ABOVE_NEXT = Letter("U_{j+1}", "k", "n_{j+1}")
ABOVE = Letter("U_j", "k", "n_j")
BELOW = Letter("V_j", "n_{j-1}", "d")
LAYER_GRADIENT = Letter("G_j", "n_j", "n_{j-1}")
NEXT_GRADIENT = Letter("G_{j+1}", "n_{j+1}", "n_j")
IMBALANCE = Letter("D_j", "n_j", "n_j", symmetric=True)
LAST, FIRST = Letter("W_N", "k", "n_{N-1}"), Letter("W_1", "n_1", "d")
LAST_GRAM = Letter("A", "k", "k", symmetric=True)
FIRST_GRAM = Letter("B", "d", "d", symmetric=True)


def layer_gradient(above: sp.Expr, below: sp.Expr) -> sp.Expr:
    """Return dL/dW_j for W_e = above W_j below, equation (16): above^T G below^T.

    Examples
    --------
    >>> layer_gradient(ABOVE, BELOW)
    U_j^T*G*V_j^T
    """
    return transpose(above) * GRADIENT * transpose(below)


def flow_of(layer: sp.Expr, gradient: sp.Expr) -> sp.Expr:
    """Return the right-hand side of gradient flow with weight decay, equation (6)."""
    return -STEP * DECAY * layer - STEP * gradient


def end_to_end_rule(drift: sp.Expr, body: sp.Expr) -> sp.Expr:
    """Return -eta drift W_e - eta sum_{j=1}^N body: the shape of equation (8)."""
    return -STEP * drift * END - STEP * sp.Sum(body, (INDEX, 1, DEPTH))


def gradient_steps() -> list[Step]:
    """Differentiate L(U W_j V) in the direction E: <G, U E V> = <U^T G V^T, E>, whatever U and V are."""
    direction = Letter("E", LAYER.rows, LAYER.columns)
    found = layer_gradient(ABOVE, BELOW)
    return [
        define(
            "U_j = W_N ... W_{j+1}, V_j = W_{j-1} ... W_1, empty products are I", equate(END, ABOVE * LAYER * BELOW)
        ),
        infer("by the chain rule the derivative of the loss in the direction E of layer j is <G, U_j E V_j>"),
        show_traces(
            "which is <U_j^T G V_j^T, E>: a trace may be turned around",
            GRADIENT.T * ABOVE * direction * BELOW,
            transpose(found) * direction,
        ),
        define("so the gradient of layer j is, (16)", equate(LAYER_GRADIENT, found)),
    ]


def neighbours() -> dict[Letter, sp.Expr]:
    """Return G_j and G_{j+1} in terms of what two neighbours share: U_j = U_{j+1} W_{j+1} and V_{j+1} = W_j V_j."""
    return {
        LAYER_GRADIENT: layer_gradient(ABOVE_NEXT * NEXT, BELOW),
        NEXT_GRADIENT: layer_gradient(ABOVE_NEXT, LAYER * BELOW),
    }


def imbalance() -> sp.Expr:
    """Return D_j = W_{j+1}^T W_{j+1} - W_j W_j^T.

    Examples
    --------
    >>> imbalance()
    -W_j*W_j^T + W_{j+1}^T*W_{j+1}
    """
    return NEXT.T * NEXT - LAYER * LAYER.T


def conservation_steps(flow: tuple[sp.Expr, sp.Expr] | None = None) -> list[Step]:
    """Derive (17), W_{j+1}^T G_{j+1} = G_j W_j^T, and D_j' = -2 eta lambda D_j for every N and every j.

    Parameters
    ----------
    flow : derivatives of W_j and W_{j+1}, in terms of G_j and G_{j+1}; gradient flow with weight decay by default
    """
    both = neighbours()
    own, next_ = flow or (flow_of(LAYER, LAYER_GRADIENT), flow_of(NEXT, NEXT_GRADIENT))
    rates = {LAYER: own.xreplace(both), NEXT: next_.xreplace(both)}
    moved = differentiate(imbalance(), rates)
    return [
        show_matrices(
            "(17): neighbouring gradients share the products around them",
            equate(NEXT.T * NEXT_GRADIENT, LAYER_GRADIENT * LAYER.T),
            both,
        ),
        define("the imbalance of layers j and j+1", equate(IMBALANCE, imbalance())),
        show_matrices(
            "along the flow of the layers it obeys an equation of its own",
            equate(dot(IMBALANCE), -2 * STEP * DECAY * IMBALANCE),
            {dot(IMBALANCE): moved, IMBALANCE: imbalance()},
        ),
    ]


def product_steps() -> tuple[list[Step], dict[str, Step]]:
    """Derive, layer by layer, the products of a balanced chain, for every N.

    With A = W_N W_N^T, B = W_1^T W_1 and W_{j+1}^T W_{j+1} = W_j W_j^T:

        U_j U_j^T = A^{N-j},   V_j^T V_j = B^{j-1},   W_e W_e^T = A^N,   W_e^T W_e = B^N.

    Returns
    -------
    The steps, and those that state the four products under the names above, below, left and right.
    """
    m = INDEX
    power = Letter("U_{j-1}", "k", LAYER.columns)
    past = Letter("V_{j+1}", LAYER.rows, "d")
    balanced_up, balanced_down = LAYER * LAYER.T, LAYER.T * LAYER
    take_left: list[Rule] = [(ABOVE * balanced_up, LAST_GRAM * ABOVE)]
    take_right: list[Rule] = [(balanced_down * BELOW, BELOW * FIRST_GRAM)]
    steps = [
        define("the Gram matrix of the last layer", equate(LAST_GRAM, LAST * LAST.T)),
        define("the Gram matrix of the first layer", equate(FIRST_GRAM, FIRST.T * FIRST)),
        show_matrices(
            "from the last layer down, start: U_{N-1} = W_N and W_{N-1} W_{N-1}^T = W_N^T W_N give",
            equate(LAST * (LAST.T * LAST), LAST_GRAM * LAST),
            {LAST_GRAM: LAST * LAST.T},
        ),
        show_matrices(
            "step: if U_j W_j W_j^T = A U_j then U_{j-1} = U_j W_j obeys it too, as W_{j-1} W_{j-1}^T = W_j^T W_j",
            equate(power * balanced_down, LAST_GRAM * power),
            {power: ABOVE * LAYER},
            rules=take_left,
        ),
        show_matrices(
            "and if U_j U_j^T = A^{N-j} then",
            equate(power * power.T, LAST_GRAM ** (DEPTH - m + 1)),
            {power: ABOVE * LAYER, power.T: transpose(ABOVE * LAYER)},
            rules=[*take_left, (ABOVE * ABOVE.T, LAST_GRAM ** (DEPTH - m))],
        ),
    ]
    of_above, of_below = LAST_GRAM ** (DEPTH - m), FIRST_GRAM ** (m - 1)
    above = infer("by induction from U_N = I", equate(ABOVE * ABOVE.T, of_above), from_=steps[2:])
    mirrored = [
        show_matrices(
            "from the first layer up, start: V_2 = W_1 and W_2^T W_2 = W_1 W_1^T give",
            equate((FIRST * FIRST.T) * FIRST, FIRST * FIRST_GRAM),
            {FIRST_GRAM: FIRST.T * FIRST},
        ),
        show_matrices(
            "step: if W_j^T W_j V_j = V_j B then V_{j+1} = W_j V_j obeys it too, as W_{j+1}^T W_{j+1} = W_j W_j^T",
            equate(balanced_up * past, past * FIRST_GRAM),
            {past: LAYER * BELOW},
            rules=take_right,
        ),
        show_matrices(
            "and if V_j^T V_j = B^{j-1} then",
            equate(past.T * past, FIRST_GRAM**m),
            {past: LAYER * BELOW, past.T: transpose(LAYER * BELOW)},
            rules=[*take_right, (BELOW.T * BELOW, FIRST_GRAM ** (m - 1))],
        ),
    ]
    below = infer("by induction from V_1 = I", equate(BELOW.T * BELOW, of_below), from_=mirrored)
    left = infer(
        "at j = 0, where U_0 = W_e",
        equate(END * END.T, of_above.xreplace({m: sp.Integer(0)})),
        from_=[above],
    )
    right = infer(
        "at j = N + 1, where V_{N+1} = W_e",
        equate(END.T * END, of_below.xreplace({m: DEPTH + 1})),
        from_=[below],
    )
    found = {"above": above, "below": below, "left": left, "right": right}
    return [*steps, above, *mirrored, below, left, right], found


def root_steps() -> list[Step]:
    """Derive that A is the N-th root of A^N, by the spectral theorem."""
    Q = Letter("Q", "k", "k")
    diagonal = Letter("Lambda", "k", "k", symmetric=True)
    power = sp.Symbol("m", positive=True, integer=True)
    steps = [
        define("[M]^s = Q diag(m_i^s) Q^T for M = Q diag(m_i) Q^T, m_i >= 0, Q orthogonal, with m^0 = 1: [M]^0 = I"),
        infer("it does not depend on Q: it is p(M) for any polynomial p with p(m_i) = m_i^s on the eigenvalues"),
        infer("A = W_N W_N^T is symmetric and x^T A x = |W_N^T x|^2 >= 0, so A = Q Lambda Q^T with Lambda >= 0"),
        show_matrices(
            "step of A^m = Q Lambda^m Q^T, as Q^T Q = I",
            equate((Q * diagonal**power * Q.T) * (Q * diagonal * Q.T), Q * diagonal ** (power + 1) * Q.T),
            rules=[(Q.T * Q, sp.Integer(1))],
        ),
    ]
    root = infer(
        "so A^N = Q Lambda^N Q^T, and as (a^N)^{1/N} = a for a >= 0 its N-th root is A; the same for B",
        equate((LAST_GRAM**DEPTH) ** (1 / DEPTH), LAST_GRAM),
        from_=steps[3:],
    )
    return [*steps, root]


def without_roots(expression: sp.Expr) -> sp.Expr:
    """Put A^N for W_e W_e^T and B^N for W_e^T W_e and take the roots: [A^N]^s = A^{N s}.

    Examples
    --------
    >>> without_roots((END * END.T) ** ((INDEX - 1) / DEPTH))
    A**(j - 1)
    """
    powers = expression.xreplace({END * END.T: LAST_GRAM**DEPTH, END.T * END: FIRST_GRAM**DEPTH})
    return powers.replace(
        lambda e: isinstance(e, sp.Pow) and isinstance(e.base, sp.Pow) and e.base.exp == DEPTH,
        lambda e: e.base.base ** sp.expand(sp.cancel(DEPTH * e.exp)),
    )


def summand_step() -> Step:
    """Compute what layer j contributes to W_e': U_j W_j' V_j with (6) and (16) put in."""
    return show_matrices(
        "with (6) and (16) the j-th term is",
        equate(
            ABOVE * dot(LAYER) * BELOW,
            -STEP * DECAY * END - STEP * ABOVE * ABOVE.T * GRADIENT * BELOW.T * BELOW,
        ),
        {dot(LAYER): flow_of(LAYER, layer_gradient(ABOVE, BELOW)), END: ABOVE * LAYER * BELOW},
    )


def dynamics_steps() -> list[Step]:
    """Derive W_e' = -eta lambda N W_e - eta sum_j A^{j-1} G B^{N-j} from (6), (16) and the products."""
    past = Letter("V_{j+1}", LAYER.rows, "d")
    leibniz = show_matrices(
        "product rule, one layer at a time: V_{j+1} = W_j V_j",
        equate(dot(past), dot(LAYER) * BELOW + LAYER * dot(BELOW)),
        {dot(past): differentiate(LAYER * BELOW, {letter: dot(letter) for letter in (LAYER, BELOW)})},
    )
    term = summand_step()
    body = LAST_GRAM ** (DEPTH - INDEX) * GRADIENT * FIRST_GRAM ** (INDEX - 1)
    powers = show_matrices(
        "the products around G are powers",
        equate(ABOVE * ABOVE.T * GRADIENT * BELOW.T * BELOW, body),
        rules=[
            (ABOVE * ABOVE.T, LAST_GRAM ** (DEPTH - INDEX)),
            (BELOW.T * BELOW, FIRST_GRAM ** (INDEX - 1)),
        ],
    )
    ones = sp.Sum(sp.Integer(1), (INDEX, 1, DEPTH))
    drift = show_with("the decay enters N times", equate(ones, DEPTH), {ones: ones.doit()})
    added = infer(
        "so W_e' = sum_j U_j W_j' V_j is",
        equate(dot(END), end_to_end_rule(DECAY * DEPTH, body)),
        from_=[leibniz, term, powers, drift],
    )
    return [leibniz, term, powers, drift, added, show_turned(body, reversed_body())]


def show_turned(body: sp.Expr, turned: sp.Expr) -> Step:
    """Compute that two sums over j = 1, ..., N have the same terms, counted from opposite ends."""
    rest = normal_form(body.xreplace({INDEX: DEPTH + 1 - INDEX}) - turned)
    status = Status.HOLDS if rest == 0 else Status.UNDECIDED
    whole = (INDEX, 1, DEPTH)
    return Step(
        "counted from the other end, j -> N + 1 - j",
        equate(sp.Sum(body, whole), sp.Sum(turned, whole)),
        Kind.COMPUTED,
        Decision(status, METHOD, "term by term" if rest == 0 else f"left over: {rest}"),
    )


def reversed_body() -> sp.Expr:
    """Return the j-th term of the sum in the paper's order: A^{j-1} G B^{N-j}."""
    return LAST_GRAM ** (INDEX - 1) * GRADIENT * FIRST_GRAM ** (DEPTH - INDEX)


def show_end_to_end(title: str, formula: sp.Equality) -> Step:
    """Compute that `formula`, an equation for W_e', agrees with what `dynamics_steps` derived."""
    derived = end_to_end_rule(DECAY * DEPTH, reversed_body())
    rest = normal_form(without_roots(formula.rhs) - derived)
    holds = rest == 0 and formula.lhs == dot(END)
    status = Status.HOLDS if holds else Status.UNDECIDED
    return Step(title, formula, Kind.COMPUTED, Decision(status, METHOD, "" if holds else f"left over: {rest}"))


def balance_hypothesis() -> Step:
    """State (7)."""
    return assume("(7): at time t_0, for j = 1, ..., N-1", equate(NEXT.T * NEXT, LAYER * LAYER.T))
