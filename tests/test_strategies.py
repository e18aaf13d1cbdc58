"""Strategies are declared alike: impossible arguments are refused when called, the repr is the call."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

import odeflow
import odeflow.strategies as od
from odeflow.errors import InvalidArgumentError
from odeflow.flow_text import parse_flow
from odeflow.flows import FlowSpec
from odeflow.symbolic.paths import Node

SEARCH = settings(max_examples=1000, database=None, derandomize=True)
HIT = settings(SEARCH, phases=[Phase.generate])
"""Is it drawn at all? Nothing is shrunk."""
FUNCTIONS = {name: value for name in od.__all__ if inspect.isfunction(value := getattr(od, name))}

CALLS = [
    "balanced_weights(widths=[2, 1, 2], singular=False)",
    "flow_specs(autonomous=True)",
    "flow_texts(max_order=3, parameters=['b'])",
    "flows(kinds=[odeflow.numeric.flows.HeavyBall], max_damping=4.0)",
    "integer_matrices(rows=2, columns=3)",
    "learning_rates([1.0, 4.0], momentum=0.9)",
    "losses(max_power=2)",
    "mode_cases(lower=2.0)",
    "network_cases(max_samples=2)",
    "networks(tied=True)",
    "networks_on_samples(max_samples=1, max_hidden=2)",
    "psd_matrices(spectrum=spectra(n=2))",
    "rational_balanced_networks(min_depth=2)",
    "rational_psd_matrices(spectrum=[1, 2])",
    "rational_rotations(2)",
    "rational_spectra(n=3, singular=True)",
    "rational_unbalanced_weights(max_depth=2)",
    "rationals(lower=0, upper=1)",
    "rotations(3)",
    "spectra(max_size=3, condition=10.0)",
    "unbalanced_weights(imbalance=0.5)",
    "unit_vectors(n=2, d=3)",
]


@pytest.mark.parametrize("call", CALLS)
def test_the_repr_of_a_strategy_is_the_call_that_makes_it(call: str) -> None:
    assert repr(eval(call, FUNCTIONS | {"odeflow": odeflow})) == call


def test_every_strategy_has_a_repr_above_and_an_example_in_its_docstring() -> None:
    assert {call.partition("(")[0] for call in CALLS} == set(FUNCTIONS)
    for function in FUNCTIONS.values():
        assert ">>> " in str(function.__doc__)
        assert "draw" not in inspect.signature(function).parameters


IMPOSSIBLE: list[tuple[Callable[[], object], str]] = [
    (lambda: od.spectra(0), "n >= 1"),
    (lambda: od.spectra(max_size=0), "max_size >= 1"),
    (lambda: od.spectra(lower=0.0), "lower > 0"),
    (lambda: od.spectra(lower=2.0, upper=1.0), "upper >= lower"),
    (lambda: od.spectra(upper=np.inf), "upper to be finite"),
    (lambda: od.spectra(condition=0.9), "condition >= 1"),
    (lambda: od.spectra(upper=2.0, confluent=[4.0]), "confluent values in"),
    (lambda: od.spectra(2, lower=1.0, upper=1.0, distinct=True), "room for 2 distinct"),
    (lambda: od.spectra(condition=1.0, distinct=True), "room for 4 distinct"),
    (lambda: od.spectra(3, condition=1.0, distinct=True, singular=True), "room for 3 distinct"),
    (lambda: od.rationals(1, 0), "but there is none"),
    (lambda: od.rationals(Fraction(2, 5), Fraction(3, 7), max_denominator=4), "but there is none"),
    (lambda: od.rationals(0.5, 1), "Write Fraction"),  # type: ignore[arg-type]
    (lambda: od.rationals(0, 10**6), "at most 10000 rationals"),
    (lambda: od.rational_spectra(lower=0), "lower > 0"),
    (lambda: od.rational_spectra(4, lower=1, upper=2, distinct=True, max_denominator=2), "there are 3"),
    (lambda: od.rotations(0), "n >= 1"),
    (lambda: od.rational_rotations(2, bound=0), "bound >= 1"),
    (lambda: od.psd_matrices([1.0, -1.0]), "eigenvalues >= 0"),
    (lambda: od.psd_matrices([]), "spectrum of shape"),
    (lambda: od.rational_psd_matrices([1, -1]), "rational eigenvalues >= 0"),
    (lambda: od.rational_psd_matrices([0.5]), "Write Fraction"),  # type: ignore[list-item]
    (lambda: od.rational_psd_matrices(["1"]), "integer or a fraction"),  # type: ignore[list-item]
    (lambda: od.rational_spectra(upper="9**9"), "integer or a fraction"),  # type: ignore[arg-type]
    (lambda: od.rational_psd_matrices([]), "one or more"),
    (lambda: od.integer_matrices(0, 1), "Expected rows >= 1"),
    (lambda: od.unit_vectors(2, 1), "parallel in R\\^1"),
    (lambda: od.unit_vectors(0, 2), "n >= 1"),
    (lambda: od.unit_vectors(2, 2, separation=1.6), "separation <= 1.5708"),
    (lambda: od.unit_vectors(4, 2, separation=0.8), "separation <= 0.785398"),
    (lambda: od.unit_vectors(4, 3, separation=1.3), "separation <= 1.23096"),
    (lambda: od.unit_vectors(2, 2, separation=-0.1), "0 <= separation"),
    (lambda: od.balanced_weights([2]), "at least two widths"),
    (lambda: od.balanced_weights([2, 0]), r"widths\[1\] >= 1"),
    (lambda: od.balanced_weights(min_depth=3, max_depth=2), "max_depth >= 3"),
    (lambda: od.balanced_weights(largest=0.0), "largest > 0"),
    (lambda: od.unbalanced_weights([2, 2]), "two layers or more"),
    (lambda: od.unbalanced_weights(min_depth=1), "min_depth >= 2"),
    (lambda: od.unbalanced_weights(bound=1.0, imbalance=1.1), "imbalance <= bound"),
    (lambda: od.rational_balanced_networks(max_width=0), "max_width >= 1"),
    (lambda: od.rational_unbalanced_weights([1, 1]), "two layers or more"),
    (lambda: od.rational_unbalanced_weights(bound=0), "bound >= 1"),
    (lambda: od.flow_texts(max_order=5), "max_order <= 4"),
    (lambda: od.flow_texts(parameters=["x"]), "names of parameters"),
    (lambda: od.flow_texts(parameters=["t"]), "names of parameters"),
    (lambda: od.flow_texts(parameters=["a b"]), "names of parameters"),
    (lambda: od.flow_texts(parameters="b"), "sequence of names"),
    (lambda: od.flow_specs(max_order=0), "max_order >= 1"),
    (lambda: od.flows(kinds=[]), "one or more of"),
    (lambda: od.flows(kinds=[int]), "one or more of"),  # type: ignore[list-item]
    (lambda: od.flows(min_damping=2.0, max_damping=1.0), "max_damping >= min_damping"),
    (lambda: od.flows(min_gamma=0.0), "min_gamma > 0"),
    (lambda: od.flows(max_order=7), "max_order <= 6"),
    (lambda: od.flows(stable_up_to=0.0), "stable_up_to > 0"),
    (lambda: od.losses(max_power=1, cross_entropy=False), "max_power >= 2"),
    (lambda: od.learning_rates([0.0, 0.0]), "largest eigenvalue > 0"),
    (lambda: od.learning_rates([-1.0, 1.0]), "eigenvalues >= 0"),
    (lambda: od.learning_rates(1.0, momentum=1.0), "0 <= momentum < 1"),
    (lambda: od.learning_rates(1.0, share=0.0), "0 < share <= 1"),
    (lambda: od.mode_cases(lower=0.0), "lower > 0"),
    (lambda: od.network_cases(max_features=1), "max_features >= 2"),
    (lambda: od.networks(max_inputs=0), "max_inputs"),
    (lambda: od.networks(max_hidden=-1), "max_hidden >= 0"),
    (lambda: od.networks(max_outputs=0), "max_outputs"),
    (lambda: od.networks(max_arriving=0), "max_arriving"),
    (lambda: od.networks(activations=()), "activations of computed nodes"),
    (lambda: od.networks(activations=(Node.INPUT,)), "activations of computed nodes"),
    (lambda: od.networks_on_samples(max_samples=0), "max_samples >= 1"),
    (lambda: od.networks_on_samples(max_hidden=-1), "max_hidden >= 0"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "message"), IMPOSSIBLE)
def test_impossible_arguments_are_refused_when_the_strategy_is_made(call: Callable[[], object], message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        call()


def test_the_refusals_cover_every_strategy() -> None:
    refused = {name for call, _ in IMPOSSIBLE for name in call.__code__.co_names if name in FUNCTIONS}
    assert refused == set(FUNCTIONS)


@pytest.mark.parametrize("function", [od.flow_specs, od.networks_on_samples, od.spectra])
def test_unknown_options_are_refused_when_the_strategy_is_made(function: Callable[..., object]) -> None:
    with pytest.raises(TypeError, match="max_sise"):
        function(max_sise=2)


@given(st.data())
def test_strategies_may_be_made_inside_others(data: st.DataObject) -> None:
    spectrum = data.draw(od.spectra(max_size=2))
    H = data.draw(od.psd_matrices(spectrum))
    eta = data.draw(od.learning_rates(spectrum))
    assert H.shape == (len(spectrum),) * 2
    assert 0.0 < eta * spectrum[-1] < 2.0


def test_cases_are_whole_problems_that_shrink_to_one_mode_and_one_neuron() -> None:
    case = find(od.mode_cases(), lambda c: True, settings=SEARCH)
    assert case == od.FrozenCase((1.0,), (1.0,), (1.0,))
    network = find(od.network_cases(), lambda c: True, settings=SEARCH)
    assert network.X.tolist() == [[1.0, 0.0]]
    assert network.W.shape == (1, 2)


@given(od.mode_cases(lower=0.5, spread=4.0))
def test_frozen_cases_keep_their_ranges(case: od.FrozenCase) -> None:
    assert all(0.5 <= value <= 2.0 for value in case.eigenvalues)
    assert any(case.coefficients)
    assert list(case.times) == sorted(set(case.times))


@given(od.network_cases(max_width=3))
def test_network_cases_have_unit_inputs_and_signs(case: od.NetworkCase) -> None:
    np.testing.assert_allclose(np.linalg.norm(case.X, axis=1), 1.0, rtol=1e-14)  # rounding of one normalisation
    assert set(case.a) <= {-1.0, 1.0}
    assert case.y.shape == case.X.shape[:1]
    assert case.W.shape == (case.a.size, case.X.shape[1])


def test_the_bound_on_a_spectrum_is_drawn_exactly() -> None:
    find(od.mode_cases(lower=3.0), lambda c: min(c.eigenvalues) == 3.0 < max(c.eigenvalues), settings=HIT)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: od.networks(activations=["relu"]), "Node.RELU"),
        (lambda: od.balanced_weights(widths=5), "a sequence of widths"),
        (lambda: od.losses(average=3), "average=True, False or None"),
    ],
)
def test_arguments_of_the_wrong_kind_are_refused_when_the_strategy_is_made(
    make: Callable[[], object], words: str
) -> None:
    with pytest.raises(InvalidArgumentError, match=words):
        make()


def test_an_unknown_argument_names_the_strategy() -> None:
    with pytest.raises(TypeError, match=r"flow_texts\(\) got an unexpected keyword argument 'wrong'"):
        od.flow_texts(wrong=1)


@settings(max_examples=30, deadline=None)
@given(od.flow_specs(parameters=("b",)))
def test_a_flow_that_falsifies_is_printed_as_the_call_that_makes_it(flow: FlowSpec) -> None:
    assert eval(repr(flow), {"parse_flow": parse_flow}) == flow
