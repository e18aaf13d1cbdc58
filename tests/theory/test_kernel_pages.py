"""The pages of Bu, Xu and Chen (2021), section 2: verdicts hold for every seed, near-misses fail, each route can."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import scipy.linalg
import sympy as sp

from odeflow.data_case import DataCase
from odeflow.datasets import Dataset
from odeflow.numeric.kernels import pairwise_angles, relu_ntk_limit
from odeflow.symbolic.decisions import Status
from odeflow.symbolic.limit_kernels import ANGLE, PRODUCT
from odeflow.verify import check
from theory.bu2021_dynamical_view import (
    circle_spectra,
    gradient_flow_error_dynamics,
    gradient_flow_rate,
    gram_kernel,
    kernel_limit,
    kernel_limit_positive,
    kernel_limit_printed,
    smallest_eigenvalue_at_most_half,
    smallest_eigenvalue_strict,
)

ENTRY_ROUNDING = 1e-14
"""Kernel entries are of order |x_i| |x_j| and a handful of operations."""
FLOW_ROUNDING = 1e-12
"""Six eigen-decompositions against six matrix exponentials of 2 x 2 matrices."""


def names(theorems):
    return [theorem.name for theorem in theorems]


def page_name(page):
    return page.__name__.rpartition(".")[2]


def test_a_proof_modulo_names_the_theorem_that_it_rests_on():
    assert check(kernel_limit_positive.THEOREM).lemmas == (kernel_limit_positive.LEMMA,)


@pytest.mark.parametrize("page", [gradient_flow_error_dynamics, gram_kernel, kernel_limit], ids=page_name)
def test_a_simulation_is_sharp_enough_to_see_one_percent(page):
    formula = page.CLAIM.formula
    claim = replace(page.CLAIM, formula=sp.Eq(formula.lhs, formula.rhs * sp.Rational(101, 100), evaluate=False))
    assert page.simulate(page.CLAIM, 3).status is Status.HOLDS
    assert page.simulate(claim, 3).status is Status.FAILS


def test_enough_weights_lie_between_flips_to_be_compared():
    assert gradient_flow_error_dynamics.simulate(gradient_flow_error_dynamics.CLAIM, 0).cases >= 6


def test_the_corrected_entry_is_the_librarys_kernel_and_the_printed_one_only_at_unit_norm():
    X = np.random.default_rng(4).standard_normal((6, 3))
    units = X / np.linalg.norm(X, axis=1, keepdims=True)
    for points, printed_agrees in ((X / 10.0, False), (units, True)):
        gram = np.clip(points @ points.T, -1.0, 1.0)
        kernel = relu_ntk_limit(points)
        corrected = kernel_limit.CLAIM.bound({PRODUCT: gram, ANGLE: pairwise_angles(points)})
        printed = kernel_limit_printed.CLAIM.bound({PRODUCT: gram})
        off = ~np.eye(6, dtype=bool)  # on the diagonal a rounded cosine costs half of the digits
        assert np.abs(corrected - kernel).max() < ENTRY_ROUNDING
        assert (np.abs(printed - kernel)[off].max() < 10 * ENTRY_ROUNDING) == printed_agrees


def test_the_hexagon_breaks_the_claim_about_vectors_in_floats_too():
    twin = kernel_limit_positive.FALSE_TWINS[0].changes["claim"]
    hexagon = circle_spectra.points(circle_spectra.CIRCLE(sp.Integer(6)))
    assert not kernel_limit_positive.holds(twin, hexagon)


@pytest.mark.parametrize("n", sorted(circle_spectra.SPECTRA))
def test_the_whole_exact_spectrum_is_that_of_the_float_kernel(n):
    floats = np.linalg.eigvalsh(relu_ntk_limit(circle_spectra.points(circle_spectra.CIRCLE(sp.Integer(n)))))
    exact = sorted(float(e) for e in circle_spectra.SPECTRA[n])
    assert np.abs(floats - exact).max() < ENTRY_ROUNDING


def test_kernels_that_jump_are_followed_as_by_matrix_exponentials():
    rng = np.random.default_rng(5)
    draws = 1.0 + rng.random((6, 4))
    pieces = [gradient_flow_rate.Piece((a, 3.0 * b), turn, length) for a, b, turn, length in draws.tolist()]
    times, losses = gradient_flow_rate.follow(pieces, 0.5)
    error = np.array([1.0, 0.0])
    for piece, loss in zip(pieces, losses[1:], strict=True):
        c, s = np.cos(piece.turn), np.sin(piece.turn)
        axes = np.array([[c, -s], [s, c]])
        error = scipy.linalg.expm(-0.5 * axes @ np.diag(piece.spectrum) @ axes.T * piece.length) @ error
        assert abs(loss - 0.5 * error @ error) < FLOW_ROUNDING
    assert times[-1] == pytest.approx(sum(piece.length for piece in pieces))


def test_the_certificate_needs_the_floor_that_the_theorem_assumes():
    assert gradient_flow_rate.certificate(gradient_flow_rate.CLAIM).check().holds
    low = gradient_flow_rate.certificate(gradient_flow_rate.CLAIM, gradient_flow_rate.LOWER)
    assert low.check().status is Status.FAILS


def case_of(X) -> DataCase:
    X = np.asarray(X, dtype=float)
    columns = tuple(f"x{j}" for j in range(X.shape[1]))
    return DataCase(Dataset("made up", X, np.ones(len(X)), columns, "y", "made up", "none needed"))


HEXAGON = case_of(circle_spectra.points(circle_spectra.CIRCLE(sp.Integer(6))))
PENTAGON = case_of(circle_spectra.points(circle_spectra.CIRCLE(sp.Integer(5))))
ORTHONORMAL = case_of(np.eye(3))
LARGE = case_of(10.0 * np.eye(3))


def test_data_with_opposite_inputs_are_told_that_the_hypothesis_is_violated():
    found = kernel_limit_positive.on_data(kernel_limit_positive.CLAIM, HEXAGON)
    assert found.status is Status.UNDECIDED
    assert "hypothesis violated: inputs 0 and 3 are parallel" in found.observed


@pytest.mark.parametrize("data", [PENTAGON, ORTHONORMAL, LARGE], ids=["pentagon", "orthonormal", "large"])
def test_lambda_0_is_certified_positive_on_data_without_parallel_inputs(data):
    assert kernel_limit_positive.on_data(kernel_limit_positive.CLAIM, data).status is Status.HOLDS


@pytest.mark.parametrize("page", [smallest_eigenvalue_at_most_half, smallest_eigenvalue_strict], ids=page_name)
def test_the_half_is_held_against_data_only_at_unit_norm_and_never_guessed(page):
    assert page.on_data(page.CLAIM, PENTAGON).status is Status.HOLDS
    assert page.on_data(page.CLAIM, ORTHONORMAL).status is Status.UNDECIDED
    found = page.on_data(page.CLAIM, LARGE)
    assert found.status is Status.UNDECIDED
    assert "hypothesis violated" in found.observed


def test_data_refute_a_bound_on_lambda_0_that_is_too_low():
    claim = smallest_eigenvalue_at_most_half.at_most(sp.Rational(1, 4))
    assert smallest_eigenvalue_at_most_half.on_data(claim, PENTAGON).status is Status.FAILS
