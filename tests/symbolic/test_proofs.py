"""Derivations prove their own conclusion and nothing else; certificates beyond the truth are refused."""

from __future__ import annotations

import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from odeflow.errors import InvalidArgumentError
from odeflow.symbolic.certificates import DecayCertificate
from odeflow.symbolic.decisions import Status
from odeflow.symbolic.derivations import (
    Derivation,
    assume,
    by,
    chain,
    cite,
    define,
    gronwall,
    infer,
    negation,
    show_equal,
    show_less,
    show_value,
    show_violated,
)
from odeflow.symbolic.error_dynamics import derive_error_dynamics, derive_gram_kernel, error_equation
from odeflow.symbolic.flows import TIME, gradient_flow, heavy_ball, momentum_flow, nesterov, nesterov_strongly_convex
from odeflow.symbolic.inner_products import inner, norm2
from odeflow.symbolic.lyapunov import KERNEL, error_state, mode_matrix
from odeflow.symbolic.modes import (
    heavy_ball_modes,
    hurwitz_determinants,
    nesterov_even_mode,
    nesterov_series_coefficients,
)
from odeflow.symbolic.quantities import Quantity

R, LAM, B = sp.symbols("r lambda b", positive=True)
FLOW = heavy_ball(2 * R)
ERROR, VELOCITY = error_state(FLOW)
V = inner(ERROR, KERNEL @ ERROR) / 2 + norm2(R * ERROR + VELOCITY) / 2


def test_a_derivation_proves_only_its_own_conclusion() -> None:
    step = show_less("1 <= 2", sp.Integer(1), sp.Integer(2))
    proof = Derivation((step,))
    assert proof.judge(step.formula).holds
    assert proof.judge(sp.Le(sp.Integer(1), sp.Integer(3), evaluate=False)).status is Status.UNDECIDED


def test_a_derivation_without_computed_steps_proves_nothing() -> None:
    formula = sp.Le(R, 2 * R, evaluate=False)
    assert Derivation((assume("anything"), infer("surely", formula))).judge(formula).status is Status.UNDECIDED


def test_a_broken_step_elsewhere_refutes_nothing() -> None:
    false = show_equal("no", R, 2 * R)
    formula = sp.Le(R, 3 * R, evaluate=False)
    assert Derivation((false, infer("so", formula, from_=[false]))).judge(formula).status is Status.UNDECIDED
    assert Derivation((false,)).judge(false.formula).status is Status.FAILS


def test_cited_lemmas_are_listed() -> None:
    assert Derivation((cite("Weyl's inequality"), show_equal("1 = 1", R, R))).lemmas == ("Weyl's inequality",)


@pytest.mark.parametrize("excess", [sp.Rational(1, 10**k) for k in (1, 3, 6, 12)])
def test_the_heavy_ball_certificate_is_tight_to_every_epsilon(excess: sp.Rational) -> None:
    assert DecayCertificate(FLOW, V, R, LAM, {LAM: R**2}).check().holds
    beyond = DecayCertificate(FLOW, V, R * (1 + excess), LAM, {LAM: R**2}).check()
    assert beyond.status is Status.FAILS
    assert beyond.witness[LAM] >= beyond.witness[R] ** 2


def test_a_certificate_fails_when_the_spectrum_may_be_lower() -> None:
    assert DecayCertificate(FLOW, V, R, LAM, {LAM: R**2 * sp.Rational(99, 100)}).check().status is Status.FAILS


def test_gronwall_refuses_a_rate_that_depends_on_time() -> None:
    decay = show_less("decay", sp.Integer(0), sp.Integer(1))
    assert gronwall(decay, LAM, LAM, R / TIME, TIME).decision.status is Status.UNDECIDED


def test_a_chain_does_not_prove_a_smaller_bound() -> None:
    loss = sp.Function("L", nonnegative=True)
    ok = show_less("ok", sp.Integer(0), sp.Integer(1))
    claim = sp.Le(loss(TIME), 2 * loss(0) * sp.exp(-R * TIME), evaluate=False)
    assert chain("same", claim, 2 * loss(0) * sp.exp(-R * TIME), from_=[ok]).decision.holds
    assert chain("less", claim, loss(0) * sp.exp(-R * TIME), from_=[ok]).decision.holds
    assert chain("more", claim, 3 * loss(0) * sp.exp(-R * TIME), from_=[ok]).decision.status is Status.UNDECIDED
    slower = chain("slower", claim, 2 * loss(0) * sp.exp(-R * TIME / 2), from_=[ok])
    assert slower.decision.status is Status.UNDECIDED


@given(st.fractions(-2, 2, max_denominator=6))
def test_violations_are_decided_at_the_boundary(value: object) -> None:
    x, half, at = sp.Symbol("x", real=True), sp.Rational(1, 2), sp.Rational(str(value))
    for relation, false in (
        (sp.Le(x, half, evaluate=False), at > half),
        (sp.Lt(x, half, evaluate=False), at >= half),
        (sp.Ge(x, half, evaluate=False), at < half),
        (sp.Gt(x, half, evaluate=False), at <= half),
        (sp.Eq(x, half, evaluate=False), at != half),
    ):
        step = show_violated("there", relation, {x: at})
        assert step.decision.holds == bool(false)
        assert step.formula == negation(relation)


@pytest.mark.parametrize(
    "flow",
    [
        gradient_flow(),
        heavy_ball(B),
        nesterov(B),
        nesterov_strongly_convex(B),
        momentum_flow([B, R]),
        momentum_flow([B, R, LAM]),
    ],
    ids=lambda f: f.name,
)
def test_every_flow_on_weights_is_the_same_flow_on_errors(flow: object) -> None:
    assert derive_error_dynamics(flow).judge(error_equation(flow)).holds  # type: ignore[arg-type]


def test_a_moving_jacobian_breaks_second_order_error_dynamics_only() -> None:
    assert derive_error_dynamics(gradient_flow(), constant_jacobian=False).broken is None
    broken = derive_error_dynamics(heavy_ball(B), constant_jacobian=False).broken
    assert broken is not None
    assert "J' theta'" in broken.decision.detail


def test_the_gram_kernel_is_derived_for_every_size() -> None:
    proof = derive_gram_kernel()
    assert proof.broken is None
    assert proof.computed >= 2


def test_closed_forms_solve_their_equations_and_perturbed_ones_do_not() -> None:
    for mode in (*heavy_ball_modes(R), nesterov_even_mode(2), nesterov_even_mode(6)):
        assert mode.verify().broken is None
        wrong = type(mode)(mode.flow, mode.eigenvalue, mode.response * (1 + TIME / 1000), mode.regime)
        assert wrong.verify().broken is not None


def test_the_even_mode_has_the_series_of_the_flow() -> None:
    mode = nesterov_even_mode(4)
    omega = sp.Symbol("omega", positive=True)
    series = sp.series(mode.response, TIME, 0, 7).removeO()
    expected = nesterov_series_coefficients(sp.Integer(4), omega**2, 3)
    assert [sp.cancel(series.coeff(TIME, 2 * k) - c) for k, c in enumerate(expected)] == [0, 0, 0, 0]
    with pytest.raises(InvalidArgumentError, match="even gamma"):
        nesterov_even_mode(3)


@given(st.lists(st.integers(1, 6), min_size=2, max_size=5))
def test_routh_hurwitz_agrees_with_the_roots(coefficients: list[int]) -> None:
    import numpy as np

    roots = np.roots([1, *coefficients])
    determinants = hurwitz_determinants([sp.Integer(c) for c in coefficients])
    if abs(roots.real.max()) > 1e-8:  # on the imaginary axis floats cannot tell
        assert all(d > 0 for d in determinants) == bool(roots.real.max() < 0)


def test_mode_matrices_refuse_what_is_not_a_quadratic_form_in_the_errors() -> None:
    with pytest.raises(InvalidArgumentError, match="quadratic form"):
        mode_matrix(norm2(ERROR) + 1, FLOW, LAM)


def test_a_conclusion_that_is_assumed_cited_or_out_of_the_blue_is_not_proved() -> None:
    formula = sp.Le(R, 2 * R, evaluate=False)
    true = show_less("1 <= 2", sp.Integer(1), sp.Integer(2))
    for last in (assume("so be it", formula), cite("Somebody (1900)", formula), infer("clearly", formula)):
        assert Derivation((true, last)).judge(formula).status is Status.UNDECIDED
    assert Derivation((true, infer("doubling", formula, from_=[true]))).judge(formula).holds


def test_lemmas_travel_through_theorems_that_use_them() -> None:
    formula = sp.Le(R, 2 * R, evaluate=False)
    inner_proof = Derivation((cite("Weyl's inequality"), show_less("here", R, 2 * R)))
    outer_proof = Derivation((by("inner", inner_proof, formula),))
    assert outer_proof.judge(formula).holds
    assert outer_proof.lemmas == ("Weyl's inequality",)


def test_gronwall_refuses_a_rate_that_the_decay_was_not_computed_for() -> None:
    decay = DecayCertificate(FLOW, V, R, LAM, {LAM: R**2}).decay()
    energy = sp.Function("V", nonnegative=True)
    assert gronwall(decay, energy(TIME), energy(0), R, TIME).decision.holds
    assert gronwall(decay, energy(TIME), energy(0), 2 * R, TIME).decision.status is Status.UNDECIDED


@pytest.mark.parametrize(("smaller", "larger"), [(B / (1 + B), sp.Integer(1)), (1 + B, B / 2)])
def test_a_float_in_any_line_undoes_a_proof_and_a_counterexample(smaller: sp.Expr, larger: sp.Expr) -> None:
    claim = sp.Le(smaller, larger, evaluate=False)
    step = show_less("the claim", smaller, larger)
    assert step.formula == claim
    assert Derivation((step,)).judge(claim).status is not Status.UNDECIDED
    rounded = define("a rounded constant", sp.Eq(R, sp.Float("0.1")))
    assert Derivation((rounded, step)).judge(claim).status is Status.UNDECIDED


def test_a_name_changes_what_a_step_states_and_never_what_it_decides() -> None:
    x = sp.Symbol("x", positive=True)
    for computed, value in ((x - x, sp.Integer(0)), (x + 1, x), (sp.Float(0.5), sp.Rational(1, 2))):
        plain, named = show_equal("a", computed, value), show_equal("a", computed, value, name="the gap")
        assert plain.decision == named.decision
    assert str(show_equal("a", x - x, sp.Integer(0), name="the gap").formula) == "Eq(the gap, 0)"
    assert show_value("the gap", x - x, sp.Integer(1)).decision.status is Status.FAILS
    smaller = show_less("a", x, x + 1, name="the first")
    assert smaller.decision == show_less("a", x, x + 1).decision
    assert str(smaller.formula) == "the first <= x + 1"


def test_a_float_stays_in_sight_under_a_name() -> None:
    x = sp.Symbol("x", positive=True)
    half = show_equal("a", sp.Float(0.5), sp.Rational(1, 2), name="half")
    assert half.formula.has(sp.Float)
    conclusion = show_equal("so", x + 1, 1 + x)
    judged = Derivation((half, conclusion)).judge(conclusion.formula)
    assert judged.status is Status.UNDECIDED


@pytest.mark.parametrize(
    ("question", "answer", "wrong"),
    [
        (lambda x: sp.Limit(sp.sin(x) / x, x, 0), 1, 2),
        (lambda x: sp.Subs(x**2 + x, x, 3), 12, 11),
        (lambda x: sp.Determinant(sp.Matrix([[x, 1], [1, x]])), lambda x: x**2 - 1, 0),
        (lambda x: sp.Derivative(sp.exp(-x), x) + 1, lambda x: 1 - sp.exp(-x), 1),
    ],
    ids=["limit", "substitution", "determinant", "derivative"],
)
def test_a_question_is_shown_as_asked_and_decided_by_its_answer(question: object, answer: object, wrong: int) -> None:
    x = sp.Symbol("x", real=True)
    asked = question(x)
    right = answer(x) if callable(answer) else sp.Integer(answer)
    step = show_equal("q", asked, right)
    assert step.decision.status is Status.HOLDS
    assert step.formula.lhs == asked
    assert show_equal("q", asked, sp.Integer(wrong)).decision.status is Status.FAILS


def test_the_name_of_a_computed_quantity_proves_no_claim_about_that_name() -> None:
    """0 <= 1 under the name L(t) says nothing of the L(t) of a claim, at once or through a chain of bounds."""
    named = show_less("a bound", sp.Integer(0), sp.Integer(1), name="L(t)")
    assert named.decision.holds
    loss = Quantity("L(t)")
    claim, weaker = (sp.Le(loss, bound, evaluate=False) for bound in (sp.Integer(1), sp.Integer(2)))
    assert Derivation((named,)).judge(claim).status is Status.UNDECIDED
    chained = chain("so", weaker, sp.Integer(1), from_=[named])
    assert Derivation((named, chained)).judge(weaker).status is Status.UNDECIDED
