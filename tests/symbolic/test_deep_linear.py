"""The end-to-end dynamics of a deep linear network: induction, written-out networks and rational numbers agree."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from odeflow.errors import InvalidArgumentError
from odeflow.symbolic.decisions import Status
from odeflow.symbolic.deep_linear import (
    ABOVE,
    BELOW,
    DECAY,
    DEPTH,
    END,
    GRADIENT,
    INDEX,
    LAYER,
    LAYER_GRADIENT,
    NEXT,
    NEXT_GRADIENT,
    STEP,
    conservation_steps,
    dynamics_steps,
    end_to_end_rule,
    flow_of,
    gradient_steps,
    imbalance,
    product_steps,
    root_steps,
    show_end_to_end,
    without_roots,
)
from odeflow.symbolic.deep_linear_instances import (
    BalancedNetwork,
    end_to_end_gap,
    layer_rates,
    layered_rate,
    rational_rotation,
)
from odeflow.symbolic.deep_linear_words import (
    Letter,
    differentiate,
    dot,
    evaluate,
    normal_form,
    require_chained,
    show_matrices,
    show_traces,
    trace_form,
    transpose,
    write_out,
)
from odeflow.symbolic.deep_linear_written_out import WRITTEN_OUT, balance_rules, network, show_written_out
from odeflow.symbolic.derivations import equate

A, B = Letter("A", "k", "n"), Letter("B", "n", "d")
BODY = (END * END.T) ** ((INDEX - 1) / DEPTH) * GRADIENT * (END.T * END) ** ((DEPTH - INDEX) / DEPTH)
RULE = end_to_end_rule(DECAY * DEPTH, BODY)


def frame(size: int, *parameters: str) -> sp.ImmutableMatrix:
    return sp.ImmutableMatrix(rational_rotation([sp.Rational(p) for p in parameters], size))


ONE, TWO, THREE = frame(1), frame(2, "1/2"), frame(3, "1/2", "-1/3", "2")
INSTANCES = {
    "N = 1, k != d": BalancedNetwork((THREE, TWO), (sp.Rational(3, 2), sp.Rational(1, 3))),
    "N = 1, rank 0": BalancedNetwork((TWO, TWO), (sp.Integer(0), sp.Integer(0))),
    "N = 2, k = 1": BalancedNetwork((THREE, TWO, ONE), (sp.Integer(2),)),
    "N = 3, bottleneck of width 1": BalancedNetwork((THREE, ONE, TWO, THREE), (sp.Rational(2, 3),)),
    "N = 3, repeated": BalancedNetwork((TWO, THREE, TWO, TWO), (sp.Integer(2), sp.Integer(2))),
    "N = 4, rank deficient": BalancedNetwork((THREE, THREE, TWO, THREE, TWO), (sp.Rational(1, 2), sp.Integer(0))),
    "N = 5, unequal widths": BalancedNetwork((TWO, THREE, TWO, THREE, TWO, THREE), (sp.Integer(2), sp.Rational(1, 2))),
}


def gradient_for(net: BalancedNetwork) -> sp.Matrix:
    return sp.Matrix(net.widths[-1], net.widths[0], lambda i, j: sp.Rational(1 + 2 * i - 3 * j, 2 + i + j))


# words


def test_transposing_reverses_products_and_keeps_scalars() -> None:
    assert transpose(3 * A * B + A * B) == 4 * B.T * A.T
    assert transpose(transpose(A * B)) == A * B
    symmetric = Letter("S", "n", "n", symmetric=True)
    assert symmetric.T is symmetric
    assert transpose(sp.Sum(A * symmetric**INDEX, (INDEX, 1, DEPTH))) == sp.Sum(
        symmetric**INDEX * A.T, (INDEX, 1, DEPTH)
    )


def test_shapes_must_chain() -> None:
    assert require_chained(A * B) == (
        sp.Symbol("k", positive=True, integer=True),
        sp.Symbol("d", positive=True, integer=True),
    )
    with pytest.raises(InvalidArgumentError, match="shapes chain"):
        require_chained(B * A)
    with pytest.raises(InvalidArgumentError, match="one shape"):
        require_chained(A * B + A)
    with pytest.raises(InvalidArgumentError, match="square"):
        Letter("S", "n", "m", symmetric=True)


def test_powers_merge_and_the_zeroth_power_is_the_identity() -> None:
    S = Letter("S", "n", "n", symmetric=True)
    assert normal_form(S**INDEX * S * S ** (2 - INDEX) - S**3) == 0
    assert normal_form(A * S**INDEX * S**-INDEX * B - A * B) == 0
    assert write_out(sp.Sum(S ** (INDEX - 1), (INDEX, 1, DEPTH)), {DEPTH: sp.Integer(2)}) == 1 + S


def test_the_product_rule_agrees_with_sympys_matrices() -> None:
    t, n = sp.Symbol("t"), 2
    W, V = (sp.Matrix(n, n, lambda i, j, k=k: t**k * (i + 2 * j + 1) + t * (i - j)) for k in (2, 3))
    one, other = Letter("W", "n", "n"), Letter("V", "n", "n")
    moved = differentiate(one * other.T * one, {one: dot(one), other: dot(other)})
    values = {one: W, other: V, dot(one): W.diff(t), dot(other): V.diff(t)}
    assert (evaluate(moved, values, sp.eye) - (W * V.T * W).diff(t)).expand() == sp.zeros(n, n)


def test_a_derivative_that_is_not_known_is_an_error() -> None:
    with pytest.raises(InvalidArgumentError, match="time derivative"):
        differentiate(A * B, {A: dot(A)})
    with pytest.raises(InvalidArgumentError, match="product of letters"):
        differentiate((A * A.T) ** INDEX, {A: dot(A)})


def test_rules_that_never_end_are_given_up() -> None:
    S, R = Letter("S", "n", "n"), Letter("R", "n", "n")
    with pytest.raises(InvalidArgumentError, match="keeps changing"):
        normal_form(S * R, [(S * R, R * S), (R * S, S * R)])


def test_an_equation_that_is_false_comes_with_matrices_that_say_so() -> None:
    step = show_matrices("no", equate(A * A.T, 2 * A * A.T))
    assert step.decision.status is Status.FAILS
    assert step.decision.witness
    with_rules = show_matrices("no", equate(A * A.T, 2 * A * A.T), rules=[(A.T * A, sp.Integer(1))])
    assert with_rules.decision.status is Status.UNDECIDED


def test_a_conjunction_is_as_good_as_its_worst_part() -> None:
    both = sp.And(equate(A * B, A * B + A * B - A * B), equate(A, 2 * A))
    assert show_matrices("both", both).decision.status is Status.FAILS


def test_traces_may_be_turned_around_and_transposed_but_not_shuffled() -> None:
    C = Letter("C", "d", "k")
    assert show_traces("turned", A * B * C, B * C * A).decision.holds
    assert show_traces("mirrored", A * B * C, transpose(A * B * C)).decision.holds
    square = [Letter(name, "n", "n") for name in "PQR"]
    P, Q, R = square
    assert trace_form(P * Q * R) != trace_form(Q * P * R)
    assert not show_traces("shuffled", P * Q * R, Q * P * R).decision.holds


def test_a_trace_knows_powers_from_letters_and_squares_from_rectangles() -> None:
    S = Letter("S", "n", "n", symmetric=True)
    assert not show_traces("squared", S**2, S).decision.holds
    with pytest.raises(InvalidArgumentError, match="products of letters"):
        show_traces("a power of S has another trace", S**INDEX, S)
    with pytest.raises(InvalidArgumentError, match="square matrix"):
        trace_form(A * B)
    with pytest.raises(InvalidArgumentError, match="shapes chain"):
        show_traces("no product", A * A, A * A)


@pytest.mark.parametrize(
    ("formula", "definitions", "rules"),
    [
        (equate(A * B, Letter("M", "k", "k")), {A * B: Letter("M", "k", "k")}, ()),
        (equate(A * B, Letter("M", "k", "k")), {}, ((A * B, Letter("M", "k", "k")),)),
        (equate(A, sp.Integer(1)), {}, ((A, sp.Integer(1)),)),
        (equate(A + 1, A + 1), {}, ()),
    ],
)
def test_no_definition_or_rule_changes_a_shape(formula: Any, definitions: Any, rules: Any) -> None:
    with pytest.raises(InvalidArgumentError, match=r"one shape|multiple of I"):
        show_matrices("no", formula, definitions, rules=rules)


def test_a_letter_that_is_its_own_transpose_is_defined_by_a_symmetric_matrix() -> None:
    S, M = Letter("S", "k", "k", symmetric=True), Letter("M", "k", "k")
    assert show_matrices("a Gram matrix is", equate(S * S.T, A * A.T * A * A.T), {S: A * A.T}).decision.holds
    with pytest.raises(InvalidArgumentError, match="symmetric matrix for S"):
        show_matrices("M M^T is not M^2", equate(S * S.T, M * M), {S: M})


# Theorem 1


def test_every_step_of_theorem_1_holds() -> None:
    steps = [*gradient_steps(), *conservation_steps(), *product_steps()[0], *root_steps(), *dynamics_steps()]
    assert all(step.decision.holds for step in steps)
    assert show_end_to_end("(8)", equate(dot(END), RULE)).decision.holds


@pytest.mark.parametrize("depth", WRITTEN_OUT)
def test_networks_written_out_agree_with_the_induction(depth: int) -> None:
    assert show_written_out(depth).decision.holds


def test_without_balance_nothing_is_derived() -> None:
    net = network(3)
    first = net.layers[0]
    assert normal_form(transpose(net.product) * net.product - (first.T * first) ** 3) != 0
    assert (
        normal_form(
            transpose(net.product) * net.product - (first.T * first) ** 3, balance_rules(net.layers, upwards=False)
        )
        == 0
    )


RIGHT = (DEPTH - INDEX) / DEPTH


@pytest.mark.parametrize(
    "right",
    [
        end_to_end_rule(DECAY, BODY),
        end_to_end_rule(DECAY * DEPTH, 2 * BODY),
        end_to_end_rule(DECAY * DEPTH, (END * END.T) ** RIGHT * GRADIENT * (END.T * END) ** RIGHT),
        end_to_end_rule(DECAY * DEPTH, (END * END.T) ** (INDEX / DEPTH) * GRADIENT * (END.T * END) ** RIGHT),
    ],
    ids=["decay once", "twice", "one side turned", "one power more"],
)  # fmt: skip
def test_near_misses_of_theorem_1_are_not_concluded_and_fail_in_rational_numbers(right: sp.Expr) -> None:
    assert not show_end_to_end("no", equate(dot(END), right)).decision.holds
    net = INSTANCES["N = 3, repeated"]
    net = BalancedNetwork(net.frames, (sp.Integer(2), sp.Rational(1, 3)))
    gap = end_to_end_gap(right, net, gradient_for(net), sp.Rational(1, 3), sp.Rational(1, 2))
    assert any(entry != 0 for entry in gap)


def test_a_flow_with_the_wrong_gradient_conserves_nothing() -> None:
    wrong = (flow_of(LAYER, 2 * LAYER_GRADIENT), flow_of(NEXT, NEXT_GRADIENT))
    assert not conservation_steps(wrong)[-1].decision.holds


def test_roots_are_taken_of_nth_powers_only() -> None:
    assert without_roots((END * END.T) ** (1 / DEPTH)) == Letter("A", "k", "k", symmetric=True)
    assert without_roots(END * END.T) == Letter("A", "k", "k", symmetric=True) ** DEPTH
    assert without_roots(ABOVE * BELOW) == ABOVE * BELOW


@pytest.mark.parametrize("name", INSTANCES)
def test_theorem_1_holds_in_rational_numbers(name: str) -> None:
    net = INSTANCES[name]
    gap = end_to_end_gap(RULE, net, gradient_for(net), sp.Rational(1, 3), sp.Rational(2, 5))
    assert gap == sp.zeros(*gap.shape)


@pytest.mark.parametrize("name", INSTANCES)
def test_rational_instances_are_balanced_and_their_frames_orthogonal(name: str) -> None:
    net = INSTANCES[name]
    assert all(sp.eye(U.rows) == U.T * U for U in net.frames)
    for low, high in itertools.pairwise(net.layers):
        assert high.T * high == low * low.T


def test_the_projector_in_place_of_the_identity_breaks_theorem_1() -> None:
    # k = 1, N = 2, W = (1, 0), G = (0, 1): the layers give (0, -1), the projector (0, 0)
    net = BalancedNetwork((sp.ImmutableMatrix(sp.eye(2)), ONE, ONE), (sp.Integer(1),))
    gradient = sp.Matrix([[0, 1]])
    true = layered_rate(net.layers, gradient, sp.Integer(1), sp.Integer(0))
    assert true == sp.Matrix([[0, -1]])
    projector = net.product.T * net.product
    assert -(gradient * projector + gradient * projector) == sp.zeros(1, 2)


def test_a_power_of_another_matrix_or_exponent_is_an_error() -> None:
    net = INSTANCES["N = 2, k = 1"]
    with pytest.raises(InvalidArgumentError, match="another matrix"):
        net.power(sp.eye(5), sp.Rational(1, 2))
    with pytest.raises(InvalidArgumentError, match="exponent"):
        net.power(net.product * net.product.T, sp.Rational(1, 3))
    with pytest.raises(InvalidArgumentError, match="singular values"):
        BalancedNetwork((ONE, TWO), (sp.Integer(1), sp.Integer(1)))
    with pytest.raises(InvalidArgumentError, match="parameters"):
        rational_rotation([sp.Integer(1)], 3)


entries = st.builds(sp.Rational, st.integers(-3, 3), st.integers(1, 2))


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[sp.Matrix], sp.Matrix, sp.Rational, sp.Rational]:
    widths = draw(st.lists(st.integers(1, 3), min_size=3, max_size=4))
    layers = [
        sp.Matrix(b, a, draw(st.lists(entries, min_size=a * b, max_size=a * b))) for a, b in itertools.pairwise(widths)
    ]
    k, d = widths[-1], widths[0]
    gradient = sp.Matrix(k, d, draw(st.lists(entries, min_size=k * d, max_size=k * d)))
    return layers, gradient, abs(draw(entries)), abs(draw(entries))


@settings(max_examples=25, deadline=None)
@given(cases())
def test_the_imbalance_of_any_rational_layers_decays_at_twice_the_weight_decay(
    case: tuple[list[sp.Matrix], sp.Matrix, sp.Rational, sp.Rational],
) -> None:
    layers, gradient, step, decay = case
    rates = layer_rates(layers, gradient, step, decay)
    for (low, high), (slow, fast) in zip(itertools.pairwise(layers), itertools.pairwise(rates), strict=True):
        moved = fast.T * high + high.T * fast - slow * low.T - low * slow.T
        assert moved == -2 * step * decay * (high.T * high - low * low.T)


@settings(max_examples=25, deadline=None)
@given(cases())
def test_the_words_of_the_imbalance_evaluate_to_it(
    case: tuple[list[sp.Matrix], sp.Matrix, sp.Rational, sp.Rational],
) -> None:
    layers, *_ = case
    low, high = layers[0], layers[1]
    assert evaluate(imbalance(), {LAYER: low, NEXT: high}, sp.eye) == high.T * high - low * low.T


def test_sympys_matrix_expressions_give_the_same_conservation_law() -> None:
    # a second algebra: SymPy's own, N = 3
    n = sp.symbols("n:4", positive=True, integer=True)
    W = [sp.MatrixSymbol(f"W{j}", n[j], n[j - 1]) for j in (1, 2, 3)]
    G = sp.MatrixSymbol("G", n[3], n[0])
    gradients = [W[1].T * W[2].T * G, W[2].T * G * W[0].T, G * W[0].T * W[1].T]
    rates = [-STEP * DECAY * layer - STEP * slope for layer, slope in zip(W, gradients, strict=True)]
    for j in (0, 1):
        high, low = W[j + 1], W[j]
        moved = rates[j + 1].T * high + high.T * rates[j + 1] - rates[j] * low.T - low * rates[j].T
        law = moved + 2 * STEP * DECAY * (high.T * high - low * low.T)
        assert sp.expand(law.doit(), deep=True).doit() == sp.ZeroMatrix(n[j + 1], n[j + 1])
