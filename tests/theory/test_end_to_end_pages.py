"""What the pages on end-to-end dynamics say, held against numbers of the claims audit and against each other."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sympy as sp

from odeflow.numeric.linear_flow import flow_end_to_end, flow_layers
from odeflow.symbolic.decisions import Status
from odeflow.symbolic.derivations import Kind, negation
from theory.arora2018_implicit_acceleration import (
    end_to_end_dynamics,
    expressiveness_printed,
    identity_balanced,
    near_zero_printed,
    observation1_momentum,
    rank_preserved,
    restart_order,
    unbalanced_time_shift,
    weight_decay_schatten,
    width_independence_printed,
)
from theory.arora2018_implicit_acceleration._dynamics_cases import END_TO_END
from theory.arora2018_implicit_acceleration.identity_balanced_printed import identity_imbalance


def test_theorem_1_rests_on_no_cited_lemma_and_computes_depths_2_to_6_again() -> None:
    proof = end_to_end_dynamics.derive(end_to_end_dynamics.CLAIM)
    assert proof.lemmas == ()
    titles = [step.title for step in proof.steps]
    assert [t[-1] for t in titles if t.startswith("the same once more")] == list("23456")
    assert proof.judge(END_TO_END).status is Status.HOLDS


def test_theorem_1_reads_from_6_to_8() -> None:
    steps = end_to_end_dynamics.derive(end_to_end_dynamics.CLAIM).steps
    titles = " | ".join(step.title for step in steps)
    places = [titles.index(label) for label in ("(6)", "(7)", "(16)", "(17)", "(9)", "by induction", "(8)")]
    assert places == sorted(places)
    assert steps[0].kind is Kind.HYPOTHESIS
    assert steps[-1].kind is Kind.COMPUTED


def test_weights_2_eps_and_eps_are_ahead_by_half_the_logarithm_of_nine_eighths() -> None:
    shift = unbalanced_time_shift.claimed(unbalanced_time_shift.CLAIM, 2.0, 1.0)
    assert shift == pytest.approx(math.log(9 / 8) / 2, rel=1e-14)
    assert near_zero_printed.measured(1e-5, 2.0, 1.0)[1] == pytest.approx(shift, abs=1e-6)


def test_the_gap_to_the_network_does_not_shrink_with_the_weights() -> None:
    gaps = [near_zero_printed.measured(eps, 5.0, 1.0)[0] for eps in (1e-2, 1e-5)]
    assert gaps[0] > 0.1
    assert gaps[1] == pytest.approx(gaps[0], rel=1e-2)


def test_from_a_negative_product_the_network_learns_and_the_rule_is_stuck_at_the_saddle() -> None:
    times = [0.0, 15.0]
    network = flow_layers([[[0.2]], [[-0.1]]], [[1.0]], times, with_error_bar=False)
    rule = flow_end_to_end([[-0.02]], [[1.0]], times, depth=2, with_error_bar=False)
    assert network.end_to_end[-1, 0, 0] == pytest.approx(1.0, abs=1e-6)
    assert abs(rule.end_to_end[-1, 0, 0]) < 1e-6


def test_three_layers_are_ahead_by_a_time_that_grows_like_1_over_eps() -> None:
    ratio = unbalanced_time_shift.deeper(0.05) / unbalanced_time_shift.deeper(0.1)
    assert ratio == pytest.approx(2.0, rel=0.05)


def test_restarting_is_of_third_order_on_whitened_data_and_of_second_on_other_data() -> None:
    layers = (np.array([[0.6, -0.8, 0.0]]), np.array([[0.5]]))
    target = np.ones((1, 3)) / math.sqrt(3.0)
    inputs = np.diag([1.0, 0.7, 0.4])
    orders = [
        math.log2(
            restart_order.restart_gap(layers, X, target, 0.01) / restart_order.restart_gap(layers, X, target, 0.005)
        )
        for X in (None, inputs)
    ]
    assert orders == pytest.approx([3.0, 2.0], abs=0.1)


@pytest.mark.parametrize(
    ("widths", "balanced"), [((3, 3, 2), False), ((128, 100, 100), True), ((100, 100, 1), False), ((7, 1, 1), True)]
)
def test_identity_layers_of_the_audit(widths: tuple[int, int, int], balanced: bool) -> None:
    assert (identity_balanced.claimed(identity_balanced.CLAIM, widths) == 0) is balanced
    if max(widths) < 10:
        assert (identity_imbalance(*widths) == sp.zeros(widths[1])) is balanced


def test_the_speed_of_width_2_is_seventeen_eighths_of_that_of_width_1() -> None:
    refuted = width_independence_printed.counterexample(width_independence_printed.CLAIM)
    instance = refuted.steps[-1].decision.witness
    speeds = instance[width_independence_printed.WIDE] / instance[width_independence_printed.NARROW]
    assert speeds == sp.Rational(17, 8)
    assert refuted.judge(negation(width_independence_printed.CLAIM.formula)).holds


def test_a_single_layer_gains_rank() -> None:
    before, after, _ = rank_preserved.final_rank((1, 3, 4, 1, 0))
    assert (before, after) == (1, 3)


def test_one_output_needs_width_one_only() -> None:
    formula = expressiveness_printed.CORRECTED.formula
    values = {expressiveness_printed.OUTPUTS: 1, expressiveness_printed.INPUTS: 9, expressiveness_printed.NARROWEST: 1}
    assert formula.rhs.subs(values) == 1


def test_the_quasi_norm_rests_on_one_cited_lemma() -> None:
    proof = weight_decay_schatten.derive(weight_decay_schatten.CLAIM)
    assert len(proof.lemmas) == 1


def test_momentum_is_positive_while_the_loss_falls_along_w() -> None:
    values = {observation1_momentum.STEP: 0.1, observation1_momentum.EARLIER: 0.5, observation1_momentum.SLOPE: -2.0}
    assert float(observation1_momentum.CLAIM.bound(values)) > 0.0
