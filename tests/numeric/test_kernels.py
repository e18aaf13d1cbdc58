"""Kernels against Jacobians, Monte Carlo, exact circulants and 50-digit eigenvalues."""

from __future__ import annotations

import itertools
import math

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from odeflow.errors import InvalidArgumentError
from odeflow.numeric import _ntk_kernels, eigenvalues
from odeflow.numeric.kernels import (
    Activation,
    kernel_spectrum,
    mlp_ntk,
    mlp_ntk_layers,
    mlp_ntk_limit,
    pairwise_angles,
    relu_ntk,
    relu_ntk_limit,
    relu_ntk_limit_entry_error,
    smallest_eigenvalue,
    two_layer_initialisation,
)

# One rounding of the Gram entry, one product with an exact count, one division.
ENTRY_RTOL = 1e-14
# Cosine, arc function and products: a few units in the last place of |x_i| |x_j|.
LIMIT_ATOL = 2e-15
# Central differences with step 1e-6 between activation changes: rounding 1e-16 / 1e-6, no truncation error.
DIFFERENCE_ATOL = 1e-8
# Probability 1e-9 of a false alarm per entry (Hoeffding), union over the entries.
FALSE_ALARM = 1e-9


def sphere(n: int, d: int, seed: int) -> np.ndarray:
    points = np.random.default_rng(seed).standard_normal((n, d))
    return points / np.linalg.norm(points, axis=1)[:, None]


def circle(n: int) -> np.ndarray:
    angles = 2.0 * np.pi * np.arange(n) / n
    return np.column_stack([np.cos(angles), np.sin(angles)])


def jacobian(X: np.ndarray, W: np.ndarray, a: np.ndarray) -> np.ndarray:
    """Row i is d f(x_i) / d vec(W), by the formula, with no blocking and no counting."""
    active = (X @ W.T > 0.0) * a / math.sqrt(len(a))
    return (active[:, :, None] * X[:, None, :]).reshape(len(X), -1)


def exact_angle(x: np.ndarray, y: np.ndarray) -> mpmath.mpf:
    u, v = mpmath.matrix([mpmath.mpf(float(t)) for t in x]), mpmath.matrix([mpmath.mpf(float(t)) for t in y])
    nu, nv = mpmath.norm(u), mpmath.norm(v)
    return 2 * mpmath.atan2(mpmath.norm(u * nv - v * nu), mpmath.norm(u * nv + v * nu))


# Finite width.


@pytest.mark.parametrize(("n", "d", "m"), [(1, 1, 1), (3, 2, 63), (4, 3, 64), (5, 4, 65), (9, 5, 130), (37, 6, 1000)])
def test_relu_kernel_is_the_jacobian_gram(n: int, d: int, m: int) -> None:
    X = np.random.default_rng(n).standard_normal((n, d))
    W, a = two_layer_initialisation(d, m, seed=m)
    J = jacobian(X, W, a)
    np.testing.assert_allclose(relu_ntk(X, W), J @ J.T, rtol=1e-12, atol=1e-13)


def test_relu_kernel_is_the_gram_of_a_finite_difference_jacobian() -> None:
    X, (W, a) = sphere(4, 3, 1), two_layer_initialisation(3, 17, seed=2)
    step = 1e-6
    assert np.abs(X @ W.T).min() > 2 * step  # no activation changes within a difference

    def network(flat: np.ndarray) -> np.ndarray:
        return np.maximum(X @ flat.reshape(W.shape).T, 0.0) @ a / math.sqrt(len(a))

    columns = [(network(W.ravel() + step * e) - network(W.ravel() - step * e)) / (2 * step) for e in np.eye(W.size)]
    J = np.column_stack(columns)
    np.testing.assert_allclose(relu_ntk(X, W, a=a), J @ J.T, atol=DIFFERENCE_ATOL)


def test_relu_kernel_counts_neurons_exactly() -> None:
    """Points with integer products and a power-of-two width leave nothing to round."""
    rng = np.random.default_rng(3)
    X = rng.integers(-3, 4, size=(29, 5)).astype(float)
    W = rng.standard_normal((4096, 5))
    active = X @ W.T > 0.0
    counts = np.array([[int((p & q).sum()) for q in active] for p in active])
    assert np.array_equal(relu_ntk(X, W), (X @ X.T) * counts / 4096)


def test_relu_kernel_does_not_depend_on_the_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    X, (W, a) = sphere(7, 4, 4), two_layer_initialisation(4, 777, seed=5)
    weighted = a * np.linspace(0.5, 2.0, 777)
    whole, whole_weighted = relu_ntk(X, W), relu_ntk(X, W, a=weighted)
    monkeypatch.setattr("odeflow.numeric.kernels.BLOCK", 64)
    assert np.array_equal(relu_ntk(X, W), whole)
    np.testing.assert_allclose(relu_ntk(X, W, a=weighted), whole_weighted, rtol=1e-13, atol=1e-15)


def test_relu_kernel_weighs_neurons_by_their_squared_output_weights() -> None:
    X, (W, a) = np.random.default_rng(6).standard_normal((6, 3)), two_layer_initialisation(3, 100, seed=7)
    a = a * np.linspace(0.1, 3.0, 100)
    J = jacobian(X, W, a)
    np.testing.assert_allclose(relu_ntk(X, W, a=a), J @ J.T, rtol=1e-12, atol=1e-12)
    assert np.array_equal(relu_ntk(X, W, a=np.sign(a)), relu_ntk(X, W))


def test_a_neuron_on_the_kink_is_inactive() -> None:
    assert relu_ntk([[1.0, 0.0]], [[0.0, 1.0]]) == 0.0


@given(
    X=hnp.arrays(float, (5, 3), elements=st.floats(-5, 5, width=32)),
    scale=st.integers(-20, 20),
    seed=st.integers(0, 2**32),
)
def test_relu_kernel_is_symmetric_semidefinite_and_scales_with_the_data(X: np.ndarray, scale: int, seed: int) -> None:
    W, _ = two_layer_initialisation(3, 70, seed=seed)
    H = relu_ntk(X, W)
    assert np.array_equal(H, H.T)
    assert smallest_eigenvalue(H).upper >= 0.0
    assert np.array_equal(relu_ntk(2.0**scale * X, W), 4.0**scale * H)


# Infinite width.


@pytest.mark.parametrize(
    ("n", "expected"),
    [
        (3, [1 / 3, 7 / 12, 7 / 12]),
        (4, [0.5] * 4),
        (5, sorted([3 / 10 + math.sqrt(5) / 10] + [4 / 5 - math.sqrt(5) / 20] * 2 + [3 / 10] * 2)),
    ],
)
def test_limit_kernel_of_equispaced_points_has_the_exact_circulant_spectrum(n: int, expected: list[float]) -> None:
    np.testing.assert_allclose(kernel_spectrum(relu_ntk_limit(circle(n))), expected, atol=4e-15)


@pytest.mark.parametrize("n", [6, 8])
def test_limit_kernel_of_an_even_polygon_is_singular(n: int) -> None:
    X = circle(n)
    bound = smallest_eigenvalue(relu_ntk_limit(X), entry_error=relu_ntk_limit_entry_error(X))
    assert bound.lower <= 0.0 <= bound.upper
    assert bound.upper - bound.lower < 1e-12
    assert not bound.is_positive


def test_limit_kernel_of_orthonormal_data_is_half_the_identity() -> None:
    assert np.array_equal(relu_ntk_limit(np.eye(7)), 0.5 * np.eye(7))
    Q = np.linalg.qr(np.random.default_rng(8).standard_normal((9, 9)))[0]
    np.testing.assert_allclose(relu_ntk_limit(Q), 0.5 * np.eye(9), atol=LIMIT_ATOL)


def test_limit_kernel_has_the_printed_form_on_unit_rows() -> None:
    X = sphere(40, 6, 9)
    G = X @ X.T
    printed = G * (np.pi - np.arccos(np.clip(G, -1, 1))) / (2 * np.pi)
    np.testing.assert_allclose(relu_ntk_limit(X), printed, atol=1e-8)  # arccos near 1 keeps half the digits
    off = ~np.eye(40, dtype=bool)
    np.testing.assert_allclose(relu_ntk_limit(X)[off], printed[off], atol=5e-15)


def test_limit_kernel_uses_the_angle_when_rows_are_not_unit() -> None:
    X, lengths = sphere(12, 4, 10), np.geomspace(1e-3, 1e3, 12)
    scaled = relu_ntk_limit(lengths[:, None] * X)
    np.testing.assert_allclose(scaled, np.outer(lengths, lengths) * relu_ntk_limit(X), rtol=1e-12)


@given(
    u=hnp.arrays(float, 3, elements=st.floats(-1, 1)),
    v=hnp.arrays(float, 3, elements=st.floats(-1, 1)),
    closeness=st.integers(0, 60),
    sign=st.sampled_from([-1.0, 1.0]),
)
def test_angles_and_limit_entries_agree_with_fifty_digits_however_close_the_rows(
    u: np.ndarray, v: np.ndarray, closeness: int, sign: float
) -> None:
    x, y = u, sign * u + 2.0**-closeness * v
    if np.linalg.norm(x) < 1e-3 or np.linalg.norm(y) < 1e-3:
        return
    with mpmath.workdps(50):
        theta = exact_angle(x, y)
        inner = mpmath.fdot([mpmath.mpf(float(t)) for t in x], [mpmath.mpf(float(t)) for t in y])
        entry = inner * (mpmath.mpf(1) / 2 - theta / (2 * mpmath.pi))
        X = np.array([x, y])
        assert abs(mpmath.mpf(float(pairwise_angles(X)[0, 1])) - theta) < 1e-15
        assert abs(mpmath.mpf(float(relu_ntk_limit(X)[0, 1])) - entry) < relu_ntk_limit_entry_error(X)


@pytest.mark.parametrize("closeness", [1e-3, 1e-8, 1e-12])
def test_nearly_parallel_rows_keep_their_angle(closeness: float) -> None:
    """arccos of the rounded cosine would give 0 for both small angles."""
    X = np.array([[1.0, 0.0], [math.cos(closeness), math.sin(closeness)], [-math.cos(closeness), math.sin(closeness)]])
    angles = pairwise_angles(X)
    assert angles[0, 1] == pytest.approx(closeness, rel=1e-15 / closeness)
    assert math.pi - angles[0, 2] == pytest.approx(closeness, abs=1e-15)


def test_arcsine_polynomial_agrees_with_fifty_digits() -> None:
    with mpmath.workdps(50):
        for t in np.linspace(1e-6, 0.5, 200):
            exact = mpmath.asin(mpmath.sqrt(float(t))) / (mpmath.pi * mpmath.sqrt(float(t)))
            value = mpmath.polyval([mpmath.mpf(float(c)) for c in _ntk_kernels.ARCSINE[::-1]], mpmath.mpf(float(t)))
            assert abs(value - exact) < 6e-17


def test_limit_kernel_is_the_mean_of_finite_kernels() -> None:
    """Each count is Binomial(m, p): Hoeffding gives the allowed deviation, no tolerance is tuned."""
    X, width = sphere(12, 5, 11), 200_000
    W, _ = two_layer_initialisation(5, width, seed=12)
    allowed = math.sqrt(math.log(2 * 12**2 / FALSE_ALARM) / (2 * width))
    deviation = np.abs(relu_ntk(X, W) - relu_ntk_limit(X))
    assert (deviation <= allowed * np.abs(X @ X.T) + 1e-14).all()
    assert (deviation > 1e-6).any()


def test_a_zero_row_has_a_zero_kernel_row() -> None:
    H = relu_ntk_limit([[0.0, 0.0], [3.0, 4.0]])
    assert np.array_equal(H, [[0.0, 0.0], [0.0, 12.5]])


@pytest.mark.parametrize("size", [1e-150, 1e150])
def test_limit_kernel_survives_extreme_norms(size: float) -> None:
    X = sphere(5, 3, 13)
    np.testing.assert_allclose(relu_ntk_limit(size * X) / size / size, relu_ntk_limit(X), rtol=1e-12)


# Smallest eigenvalue.


def exact_smallest(matrix: np.ndarray) -> mpmath.mpf:
    with mpmath.workdps(50):
        values = mpmath.eigsy(mpmath.matrix(matrix.tolist()), eigvals_only=True)
        return min(values)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("rank", [1, 5, 8, 12])
def test_eigenvalue_bound_contains_the_fifty_digit_eigenvalue(seed: int, rank: int) -> None:
    factor = np.random.default_rng(seed).standard_normal((8, rank)) * 10.0 ** np.linspace(-4, 2, rank)
    matrix = factor @ factor.T
    matrix = (matrix + matrix.T) / 2
    bound, exact = smallest_eigenvalue(matrix), exact_smallest(matrix)
    assert bound.lower <= exact <= bound.upper
    assert bound.lower <= bound.value <= bound.upper
    assert bound.upper - bound.lower < 1e-13 * np.trace(matrix)


@given(
    matrix=hnp.arrays(float, (4, 4), elements=st.floats(-10, 10)),
    scale=st.integers(-900, 900),
)
def test_eigenvalue_bound_holds_for_indefinite_and_badly_scaled_matrices(matrix: np.ndarray, scale: int) -> None:
    symmetric = np.ldexp(np.tril(matrix) + np.tril(matrix, -1).T, scale)
    bound = smallest_eigenvalue(symmetric)
    exact = exact_smallest(symmetric)
    slack = mpmath.mpf(10) ** -45 * float(np.abs(symmetric).max())  # the oracle's own error
    assert bound.lower - slack <= exact <= bound.upper + slack
    assert bound.lower <= bound.value <= bound.upper


@pytest.mark.parametrize("n", [2, 50, 201, 400])
def test_singular_kernels_are_never_called_positive(n: int) -> None:
    factor = np.random.default_rng(n).standard_normal((n, n - 1))
    bound = smallest_eigenvalue(factor @ factor.T)
    assert bound.lower <= 0.0 <= bound.upper


def test_large_kernels_take_lanczos_and_agree_with_the_dense_spectrum() -> None:
    H = relu_ntk_limit(sphere(500, 10, 14))
    bound, dense = smallest_eigenvalue(H), kernel_spectrum(H)[0]
    assert bound.value == pytest.approx(dense, abs=1e-12)
    assert bound.lower <= dense <= bound.upper
    assert bound.upper - bound.lower < 1e-9


def test_large_indefinite_matrices_fall_back_to_the_dense_method() -> None:
    H = relu_ntk_limit(sphere(300, 10, 15)) - 0.3 * np.eye(300)
    bound, dense = smallest_eigenvalue(H), kernel_spectrum(H)[0]
    assert bound.is_negative
    assert bound.lower <= dense <= bound.upper


@pytest.mark.parametrize("n", [2, 150, 250, 900])
def test_eigenvalue_bound_contains_exactly_known_eigenvalues_of_large_matrices(n: int) -> None:
    """Both matrices are exact in floats: I/8 + 3 ones (eigenvalue 1/8, n - 1 times) and the second difference."""
    bound = smallest_eigenvalue(0.125 * np.eye(n) + 3.0 * np.ones((n, n)))
    assert bound.lower <= 0.125 <= bound.upper
    assert bound.value == pytest.approx(0.125, abs=1e-10)
    assert bound.is_positive
    bound = smallest_eigenvalue(2.0 * np.eye(n) - np.eye(n, k=1) - np.eye(n, k=-1))
    with mpmath.workdps(50):
        assert bound.lower <= 4 * mpmath.sin(mpmath.pi / (2 * (n + 1))) ** 2 <= bound.upper
    assert bound.is_positive


@pytest.mark.parametrize("n", [2, 30])
@pytest.mark.parametrize("refusals", [3, 1000])
def test_the_bound_holds_however_often_cholesky_refuses(n: int, refusals: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A solver that always fails leaves Gershgorin's bound, -n times the scale of the entries."""
    honest, asked = eigenvalues._cholesky, []

    def reluctant(matrix: np.ndarray, shift: float) -> np.ndarray | None:
        asked.append(shift)
        return None if len(asked) <= refusals else honest(matrix, shift)

    monkeypatch.setattr(eigenvalues, "_cholesky", reluctant)
    H = relu_ntk_limit(sphere(n, 4, 31)) - 0.2 * np.eye(n)
    bound, dense = smallest_eigenvalue(H), kernel_spectrum(H)[0]
    assert bound.lower <= dense <= bound.upper
    assert bound.lower >= math.nextafter(-n * 2.0 ** math.frexp(np.abs(H).max())[1], -math.inf)
    if refusals == 1000:
        assert len(asked) < 40
        assert bound.lower < -n * np.abs(H).max()


@pytest.mark.slow
def test_the_bound_reaches_five_thousand_points() -> None:
    X = sphere(5000, 50, 27)
    bound = smallest_eigenvalue(relu_ntk_limit(X), entry_error=relu_ntk_limit_entry_error(X))
    assert bound.is_positive
    assert (bound.upper - bound.lower) / bound.value < 1e-6


def test_entry_error_widens_the_bound_by_n_times_itself() -> None:
    H = relu_ntk_limit(sphere(10, 4, 16))
    plain, wide = smallest_eigenvalue(H), smallest_eigenvalue(H, entry_error=1e-3)
    assert wide.lower == pytest.approx(plain.lower - 1e-2, abs=1e-15)
    assert wide.upper == pytest.approx(plain.upper + 1e-2, abs=1e-15)


def test_a_single_entry_and_the_zero_matrix_are_exact() -> None:
    one = smallest_eigenvalue([[0.3]])
    assert one.lower <= 0.3 <= one.upper
    assert one.upper - one.lower < 1e-15
    zero = smallest_eigenvalue(np.zeros((3, 3)))
    assert (zero.lower, zero.value, zero.upper) == (0.0, 0.0, 0.0)


# Any depth.


def mlp_weights(widths: list[int], seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.standard_normal((out, into)) for into, out in itertools.pairwise(widths)]


def mlp(X: np.ndarray, weights: list[np.ndarray], phi: object) -> np.ndarray:
    h = X
    for layer, matrix in enumerate(weights):
        z = h @ matrix.T / (1.0 if layer == 0 else math.sqrt(matrix.shape[1]))
        h = phi(z) if layer < len(weights) - 1 else z  # type: ignore[operator]
    return h[:, 0]


@pytest.mark.parametrize(
    ("activation", "phi"),
    [
        (Activation.RELU, lambda z: np.maximum(z, 0.0)),
        (Activation.TANH, np.tanh),
        (Activation.IDENTITY, lambda z: z),
        (Activation.SIGMOID, lambda z: 1.0 / (1.0 + np.exp(-z))),
    ],
    ids=["relu", "tanh", "identity", "sigmoid"],
)
@pytest.mark.parametrize("widths", [[3, 1], [3, 5, 1], [3, 5, 4, 1], [2, 4, 3, 5, 1]])
def test_deep_kernel_layers_are_grams_of_finite_difference_jacobians(
    activation: Activation, phi: object, widths: list[int]
) -> None:
    X, weights = sphere(4, widths[0], 20), mlp_weights(widths, 21)
    layers = mlp_ntk_layers(X, weights, activation=activation)
    step = 1e-6
    for layer, matrix in enumerate(weights):
        columns = []
        for index in np.ndindex(matrix.shape):
            shifted = []
            for sign in (1.0, -1.0):
                moved = [w.copy() for w in weights]
                moved[layer][index] += sign * step
                shifted.append(mlp(X, moved, phi))
            columns.append((shifted[0] - shifted[1]) / (2 * step))
        J = np.column_stack(columns)
        np.testing.assert_allclose(layers[layer], J @ J.T, atol=DIFFERENCE_ATOL)
    np.testing.assert_allclose(mlp_ntk(X, weights, activation=activation), layers.sum(axis=0), rtol=1e-13)


def test_first_layer_of_a_shallow_network_has_the_two_layer_kernel() -> None:
    X, (W, a) = sphere(9, 4, 22), two_layer_initialisation(4, 70, seed=23)
    layers = mlp_ntk_layers(X, [W, a])
    np.testing.assert_allclose(layers[0], relu_ntk(X, W), rtol=1e-12, atol=1e-15)
    features = np.maximum(X @ W.T, 0.0)
    np.testing.assert_allclose(layers[1], features @ features.T / 70, rtol=1e-12)


@pytest.mark.parametrize("closeness", [1.0, 1e-3, 1e-9])
@pytest.mark.parametrize("depth", [1, 2, 3, 6])
def test_deep_limit_agrees_with_the_recursion_in_fifty_digits(closeness: float, depth: int) -> None:
    X = np.array([[1.0, 0.2, 0.0], [1.0, 0.2 + closeness, -closeness], [-2.0, 0.4, 1.0]])
    H = mlp_ntk_limit(X, depth)
    with mpmath.workdps(50):
        rows = [mpmath.matrix([mpmath.mpf(float(t)) for t in row]) for row in X]
        for i in range(3):
            for j in range(3):
                s = [[mpmath.fdot(rows[p], rows[q]) for q in (i, j)] for p in (i, j)]
                theta = s[0][1]
                for _ in range(depth - 1):
                    r = mpmath.sqrt(s[0][0] * s[1][1])
                    t = mpmath.acos(max(-1, min(1, s[0][1] / r)))
                    new = r * (mpmath.sin(t) + (mpmath.pi - t) * mpmath.cos(t)) / (2 * mpmath.pi)
                    theta = theta * (mpmath.pi - t) / (2 * mpmath.pi) + new
                    s = [[s[0][0] / 2, new], [new, s[1][1] / 2]]
                assert abs(mpmath.mpf(float(H[i, j])) - theta) < 1e-14


def test_deep_limit_with_one_hidden_layer_adds_the_output_layer() -> None:
    X = sphere(10, 4, 24)
    theta = pairwise_angles(X)
    features = (np.sin(theta) + (np.pi - theta) * np.cos(theta)) / (2 * np.pi)
    np.testing.assert_allclose(mlp_ntk_limit(X, 2), relu_ntk_limit(X) + features, atol=1e-14)


def test_deep_kernels_approach_their_limit_as_the_width_grows() -> None:
    """Mean over seeds within six standard errors of the limit plus the O(1/width) bias, and the spread shrinks."""
    X, depth, width, seeds = sphere(4, 3, 25), 3, 1000, 40
    draws = np.array([mlp_ntk(X, mlp_weights([3, width, width, 1], seed)) for seed in range(seeds)])
    error = 6 * draws.std(axis=0, ddof=1) / math.sqrt(seeds) + 10 / width
    assert (np.abs(draws.mean(axis=0) - mlp_ntk_limit(X, depth)) < error).all()
    assert error.max() < 0.1


def test_deep_limit_keeps_zero_rows_and_scales() -> None:
    assert np.array_equal(mlp_ntk_limit([[0.0, 0.0], [1.0, 0.0]], 3), [[0.0, 0.0], [0.0, 0.75]])
    X = sphere(5, 3, 26)
    np.testing.assert_allclose(mlp_ntk_limit(3.0 * X, 4), 9.0 * mlp_ntk_limit(X, 4), rtol=1e-12)


def test_one_specialisation_serves_every_input() -> None:
    """Read-only, integer and Fortran-ordered inputs must not send the user to the compiler again."""
    _ntk_kernels.warm()
    kernels = (_ntk_kernels.pattern_kernel, _ntk_kernels.limit_kernel, _ntk_kernels.angle_matrix)
    compiled = [len(kernel.signatures) for kernel in kernels]
    X, (W, a) = np.asfortranarray(sphere(6, 3, 30)), two_layer_initialisation(3, 70, seed=31)
    for array in (X, W, a):
        array.flags.writeable = False
    relu_ntk(X, np.asfortranarray(W), a=a)
    relu_ntk_limit(X)
    pairwise_angles(np.eye(2, dtype=int))
    mlp_ntk_limit(X, 2)
    assert [len(kernel.signatures) for kernel in kernels] == compiled


# The door.


def test_initialisation_is_gaussian_with_fair_signs() -> None:
    W, a = two_layer_initialisation(50, 4000, seed=17)
    assert set(a.tolist()) == {-1.0, 1.0}
    assert abs(a.mean()) < 6 / math.sqrt(4000)
    assert abs(W.mean()) < 6 / math.sqrt(W.size)
    assert abs(W.var() - 1) < 6 * math.sqrt(2 / W.size)
    again = two_layer_initialisation(50, 4000, seed=17)
    assert np.array_equal(W, again[0])
    assert np.array_equal(a, again[1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: relu_ntk([1.0, 2.0], [[1.0, 2.0]]), "Expected X of shape"),
        (lambda: relu_ntk([[1.0, 2.0]], [[1.0]]), "Expected W of shape"),
        (lambda: relu_ntk([[1.0]], [[1.0]], a=[1.0, 2.0]), "Expected a of shape"),
        (lambda: relu_ntk([[1e200]], [[1.0]]), "Rescale X"),
        (lambda: relu_ntk_limit([[np.nan]]), "X\\[0, 0\\] is nan"),
        (lambda: relu_ntk_limit([[1e200]]), "Rescale X"),
        (lambda: pairwise_angles([[1.0], [0.0]]), "row 1 is zero"),
        (lambda: mlp_ntk([[1.0]], []), "at least one weight"),
        (lambda: mlp_ntk([[1.0]], [[[1.0], [2.0]], [[1.0]]]), r"weights\[1\] of shape \(1, 2\)"),
        (lambda: mlp_ntk([[1.0]], [[[1.0], [2.0]]]), r"weights\[0\] of shape \(1, 1\)"),
        (lambda: mlp_ntk([[1e200]], [[[1e200]], [1.0]]), "overflow"),
        (lambda: mlp_ntk_limit([[1.0]], 0), "depth >= 1"),
        (lambda: mlp_ntk_limit([[1e200]], 2), "Rescale X"),
        (lambda: smallest_eigenvalue([[1.0, 2.0], [0.0, 1.0]]), "symmetric"),
        (lambda: smallest_eigenvalue([[1.0]], entry_error=-1.0), "entry_error >= 0"),
        (lambda: kernel_spectrum([[1.0, 2.0]]), "square"),
        (lambda: two_layer_initialisation(0, 3, seed=0), "n_features >= 1"),
        (lambda: two_layer_initialisation(3, True, seed=0), "integer"),
    ],
)
def test_bad_arguments_are_named(call: object, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        call()  # type: ignore[operator]
