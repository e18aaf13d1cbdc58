"""Decompositions in vector lanes against LAPACK and 40-digit arithmetic, and where they must hand over to LAPACK."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from odeflow.errors import InvalidArgumentError
from odeflow.numeric import _eigen_kernels, _eigenbases
from odeflow.numeric._eigen_kernels import DECOMPOSED, NOT_CONVERGED, NOT_SYMMETRIC, to_eigenbasis
from odeflow.numeric.flows import Flow, GradientFlow, HeavyBall, Nesterov
from odeflow.numeric.modal import frozen_kernel_flow, frozen_kernel_losses

# n reflections and 2 n QL sweeps, each an orthogonal transformation with a few roundings: seen were 2.3e-14 for the
# eigenvectors of rank-one kernels of 112 rows, 1e-14 for all others, 6e-15 for what they reproduce.
EIGEN_RTOL = 5e-14
# Seen on a hundred kernels of 100 rows: 2e-16 in the mean, 1.6e-15 at most; LAPACK 1e-16 and 1.4e-15.
TYPICAL_EIGENVALUE_RTOL = 5e-16
# Errors of a trajectory, of the initial error: that of phi (5e-15) and the eigenbasis's, times phase.
FLOW_ATOL = 1e-12
# Eigenvalues are wrong by 1e-15 of the largest, and losses of e^-23 by 2 t times that: t = 11.5/lowest, ratio 26.
LOSS_RTOL = 1e-12


def random_kernels(stack: int, n: int, seed: int) -> np.ndarray:
    factors = np.random.default_rng(seed).standard_normal((stack, n, n + 3))
    return factors @ factors.transpose(0, 2, 1) / n


def with_spectrum(eigenvalues: np.ndarray, seed: int) -> np.ndarray:
    basis = np.linalg.qr(np.random.default_rng(seed).standard_normal((eigenvalues.size, eigenvalues.size)))[0]
    kernel = (basis * eigenvalues) @ basis.T
    return 0.5 * (kernel + kernel.T)


def wilkinson(n: int) -> np.ndarray:
    """Pairs of eigenvalues that agree to many digits although no off-diagonal entry is small."""
    return np.diag(np.abs(np.arange(n) - (n - 1) / 2)) + np.diag(np.ones(n - 1), 1) + np.diag(np.ones(n - 1), -1)


def hard_kernels(n: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(n)
    return {
        "random": random_kernels(1, n, n)[0],
        "low rank": (lambda f: f @ f.T)(rng.standard_normal((n, max(1, n // 5)))),
        "rank one": np.ones((n, n)),
        "zero": np.zeros((n, n)),
        "identity": np.eye(n),
        "diagonal": np.diag(rng.permutation(n) + 1.0),
        "tridiagonal": 2.0 * np.eye(n) - np.diag(np.ones(n - 1), 1) - np.diag(np.ones(n - 1), -1),
        "pairs": wilkinson(n),
        "repeated": with_spectrum(np.repeat([1.0, 2.0, 5.0], [n // 3, n // 3, n - 2 * (n // 3)]), n),
        "condition 1e12": with_spectrum(np.geomspace(1e-12, 1.0, n), n),
        "graded": np.diag(g := np.geomspace(1.0, 1e-100, n)) @ random_kernels(1, n, n + 1)[0] @ np.diag(g),
        "graded upwards": np.diag(g[::-1]) @ random_kernels(1, n, n + 2)[0] @ np.diag(g[::-1]),
        "one outlier": with_spectrum(np.concatenate([np.full(n - 1, 1e-9), [1e3]]), n),
    }


def decompose(kernels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    values, rows = np.empty(kernels.shape[:2]), np.empty(kernels.shape)
    rows[:] = np.eye(kernels.shape[-1])
    assert to_eigenbasis(np.ascontiguousarray(kernels), values, rows) == DECOMPOSED
    return values, rows


@pytest.mark.parametrize("n", [1, 2, 3, 7, 8, 9, 33, 64, 100, 128])
def test_eigenbases_of_hard_kernels_are_orthonormal_and_reproduce_the_kernel(n: int) -> None:
    cases = hard_kernels(n)
    kernels = np.stack(list(cases.values()))  # thirteen: a full set of lanes and one that is not
    values, rows = decompose(kernels)
    for k, name in enumerate(cases):
        size = max(float(np.abs(kernels[k]).sum(0).max()), 1e-300)
        assert (np.diff(values[k]) >= 0.0).all(), name
        np.testing.assert_allclose(rows[k] @ rows[k].T, np.eye(n), atol=EIGEN_RTOL, err_msg=name)
        np.testing.assert_allclose((rows[k].T * values[k]) @ rows[k], kernels[k], atol=EIGEN_RTOL * size, err_msg=name)
        reference = np.linalg.eigvalsh(kernels[k])
        np.testing.assert_allclose(values[k], reference, rtol=0.0, atol=EIGEN_RTOL * size, err_msg=name)


@pytest.mark.parametrize("scale", [5e-324, 1e-310, 1e-200, 1e200, 1e306])
def test_eigenbases_do_not_depend_on_the_scale(scale: float) -> None:
    kernels = np.rint(8.0 * random_kernels(3, 10, 0))  # whole numbers, so that the smallest scale rounds nothing
    kernels = 0.5 * (kernels + kernels.transpose(0, 2, 1))
    kernels = np.rint(kernels)
    values, rows = decompose(kernels * scale)
    reference, _ = decompose(kernels)
    largest = np.abs(reference).max()
    np.testing.assert_allclose(values / scale, reference, rtol=0.0, atol=EIGEN_RTOL * largest + 0.5 * (scale < 1e-300))
    np.testing.assert_allclose(rows @ rows.transpose(0, 2, 1), np.broadcast_to(np.eye(10), rows.shape), atol=EIGEN_RTOL)


def test_eigenvalues_agree_with_those_in_40_digits() -> None:
    kernels = random_kernels(2, 24, 5)
    values, _ = decompose(kernels)
    with mpmath.workdps(40):
        for k in range(2):
            exact = sorted(mpmath.eigsy(mpmath.matrix(kernels[k].tolist()), eigvals_only=True))
            errors = [abs(float(v - e)) for v, e in zip(values[k].tolist(), exact, strict=True)]
            assert max(errors) <= 3.0 * TYPICAL_EIGENVALUE_RTOL * float(exact[-1])


def test_eigenvalues_of_a_hundred_rows_are_as_accurate_as_those_of_lapack() -> None:
    kernels = random_kernels(8, 100, 6)
    values, _ = decompose(kernels)
    approximate, vectors = np.linalg.eigh(kernels)
    # A Rayleigh quotient squares the eigenvector's error: in extended precision it is right to 1e-19.
    v, h = vectors.astype(np.longdouble), kernels.astype(np.longdouble)
    exact = np.stack([(v[k] * (h[k] @ v[k])).sum(0) / (v[k] ** 2).sum(0) for k in range(8)])
    error = np.abs(values - exact).astype(np.float64) / approximate[:, -1:]
    assert float(np.sqrt((error**2).mean())) <= TYPICAL_EIGENVALUE_RTOL
    assert float(error.max()) <= 10.0 * TYPICAL_EIGENVALUE_RTOL


@given(n=st.integers(1, 20), stack=st.integers(1, 19), columns=st.integers(1, 41), seed=st.integers(0, 2**32 - 1))
def test_any_block_of_columns_is_taken_to_the_eigenbasis(n: int, stack: int, columns: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    kernels = random_kernels(stack, n, seed)
    block = rng.standard_normal((stack, n, columns))
    values, rows = decompose(kernels)
    taken, again = block.copy(), np.empty_like(values)
    assert to_eigenbasis(kernels, again, taken) == DECOMPOSED
    np.testing.assert_array_equal(again, values)
    np.testing.assert_allclose(taken, rows @ block, rtol=0.0, atol=EIGEN_RTOL * 10.0)


@pytest.mark.parametrize("flow", [GradientFlow(), HeavyBall(0.7), Nesterov(3.0)], ids=repr)
def test_lanes_and_lapack_give_one_trajectory(flow: Flow, monkeypatch: pytest.MonkeyPatch) -> None:
    kernels, times = random_kernels(9, 40, 7), np.linspace(0.0, 9.0, 31)
    start = np.random.default_rng(8).standard_normal(40)
    lanes, alone = frozen_kernel_flow(flow, kernels, start, times), frozen_kernel_losses(flow, kernels, start, times)
    monkeypatch.setattr(_eigenbases, "_LARGEST_FOR_LANES", 0)
    lapack = frozen_kernel_flow(flow, kernels, start, times)
    for field in ("errors", "velocities", "losses", "eigenvalues"):
        np.testing.assert_allclose(getattr(lanes, field), getattr(lapack, field), atol=FLOW_ATOL, err_msg=field)
    np.testing.assert_allclose(alone, frozen_kernel_losses(flow, kernels, start, times), atol=FLOW_ATOL)
    np.testing.assert_allclose(np.abs(lanes.coordinates), np.abs(lapack.coordinates), atol=FLOW_ATOL)


def test_small_losses_keep_their_digits_in_a_full_kernel() -> None:
    eigenvalues = np.linspace(0.1, 2.6, 36)
    kernel, start = with_spectrum(eigenvalues, 9), np.random.default_rng(10).standard_normal(36)
    times = np.linspace(0.0, 115.0, 6)
    with mpmath.workdps(34):
        values, vectors = mpmath.eigsy(mpmath.matrix(kernel.tolist()))
        shares = vectors.T * mpmath.matrix(start.tolist())
        exact = [
            float(sum((s * mpmath.exp(-v * mpmath.mpf(t))) ** 2 for s, v in zip(shares, values, strict=True)) / 2)
            for t in times.tolist()
        ]
    assert exact[-1] < 1e-9 * exact[0]
    np.testing.assert_allclose(frozen_kernel_flow(GradientFlow(), kernel, start, times).losses, exact, rtol=LOSS_RTOL)
    np.testing.assert_allclose(frozen_kernel_losses(GradientFlow(), kernel, start, times), exact, rtol=LOSS_RTOL)


def test_a_stiff_kernel_leaves_its_slow_modes_where_they_are() -> None:
    kernel = with_spectrum(np.geomspace(1e-12, 1.0, 36), 11)
    start = np.random.default_rng(12).standard_normal(36)
    times = np.array([0.0, 1.0, 1e3, 1e6])
    run = frozen_kernel_flow(GradientFlow(), kernel, start, times)
    with mpmath.workdps(34):
        values, vectors = mpmath.eigsy(mpmath.matrix(kernel.tolist()))
        shares = vectors.T * mpmath.matrix(start.tolist())
        for j, t in enumerate(times.tolist()):
            # Rounding of the kernel's entries leaves eigenvalues down to -1e-17, which the library clips to 0.
            modal = mpmath.matrix([s * mpmath.exp(-max(v, 0) * t) for s, v in zip(shares, values, strict=True)])
            exact = np.array([float(x) for x in vectors * modal])
            # Eigenvalues are right to 1e-15 of the largest, so that at time t phases are right to 1e-15 t.
            np.testing.assert_allclose(run.errors[j], exact, rtol=0.0, atol=FLOW_ATOL + 5e-15 * t)


# ------------------------------------------------------------------------------- what is let in, and what is not


def test_what_numpy_calls_the_same_kernel_is_the_same_kernel() -> None:
    kernel, start, times = np.rint(4.0 * np.eye(6) + 1.0), np.arange(6.0), np.array([0.0, 0.3])
    expected = frozen_kernel_flow(GradientFlow(), kernel, start, times).errors
    frozen = kernel.copy()
    frozen.flags.writeable = False
    wide = np.zeros((6, 12))
    wide[:, ::2] = kernel
    before = len(to_eigenbasis.signatures)
    for same in (frozen, np.asfortranarray(kernel), kernel.tolist(), kernel.astype(np.float32), wide[:, ::2]):
        np.testing.assert_array_equal(frozen_kernel_flow(GradientFlow(), same, start, times).errors, expected)
        np.testing.assert_allclose(
            frozen_kernel_losses(GradientFlow(), same, start, times), 0.5 * (expected**2).sum(1), rtol=1e-13
        )
    assert len(to_eigenbasis.signatures) == before


def test_arguments_are_left_as_they_were() -> None:
    kernel, start = random_kernels(2, 5, 13), np.ones((2, 5))
    copies = kernel.copy(), start.copy()
    frozen_kernel_flow(GradientFlow(), kernel, start, np.array([1.0]))
    frozen_kernel_losses(GradientFlow(), kernel, start, np.array([1.0]))
    np.testing.assert_array_equal(kernel, copies[0])
    np.testing.assert_array_equal(start, copies[1])


@pytest.mark.parametrize("compute", [frozen_kernel_flow, frozen_kernel_losses])
def test_kernels_are_symmetrised_to_rounding_and_refused_beyond(compute: object) -> None:
    kernel, times = random_kernels(1, 4, 14)[0], np.array([0.0, 1.0])

    def losses(h: np.ndarray) -> np.ndarray:
        out = compute(GradientFlow(), h, np.ones(4), times)  # type: ignore[operator]
        return np.asarray(getattr(out, "losses", out))

    bent = kernel.copy()
    bent[0, 3] += 1e-11 * np.abs(kernel).max()
    np.testing.assert_allclose(losses(bent), losses(0.5 * (bent + bent.T)), rtol=1e-14)
    bent[0, 3] += 1e-9 * np.abs(kernel).max()
    with pytest.raises(InvalidArgumentError, match="symmetric"):
        losses(bent)
    # Symmetry is that of the stack: beside a kernel of size 100, a difference of 1e-9 is rounding.
    stack = np.stack([bent, 100.0 * kernel])
    np.testing.assert_allclose(losses(stack)[0], losses(0.5 * (bent + bent.T)), rtol=1e-12)
    for bad in (np.nan, np.inf, -np.inf):
        broken = kernel.copy()
        broken[2, 1] = bad
        with pytest.raises(InvalidArgumentError, match=r"kernel\[2, 1\]"):
            losses(broken)
        with pytest.raises(InvalidArgumentError, match=r"kernel\[1, 2, 1\]"):
            losses(np.stack([kernel, broken]))


def test_the_kernel_function_says_what_it_refuses() -> None:
    for i, j, bad in [(0, 1, 3.0), (1, 0, np.nan), (0, 1, np.nan), (1, 1, np.inf)]:
        kernel = np.eye(2)
        kernel[i, j] = bad
        assert to_eigenbasis(kernel[None], np.empty((1, 2)), np.eye(2)[None].copy()) == NOT_SYMMETRIC


def test_where_ql_does_not_converge_lapack_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    kernels, start, times = random_kernels(3, 12, 15), np.arange(12.0), np.array([0.0, 0.4, 2.0])
    run = frozen_kernel_flow(HeavyBall(1.0), kernels, start, times)
    losses = frozen_kernel_losses(HeavyBall(1.0), kernels, start, times)
    calls = []

    def give_up(h: np.ndarray, values: np.ndarray, blocks: np.ndarray) -> int:
        calls.append(h.shape)
        values[:] = np.nan
        blocks[:] = np.nan
        return NOT_CONVERGED

    monkeypatch.setattr(_eigenbases, "to_eigenbasis", give_up)
    np.testing.assert_allclose(
        frozen_kernel_flow(HeavyBall(1.0), kernels, start, times).errors, run.errors, atol=FLOW_ATOL
    )
    np.testing.assert_allclose(
        frozen_kernel_losses(HeavyBall(1.0), kernels, start, times), losses, atol=FLOW_ATOL * losses.max()
    )
    assert calls == [kernels.shape, kernels.shape]


def diagonalise(d: np.ndarray, e: np.ndarray, rotations: int, sweeps: int) -> tuple[int, np.ndarray]:
    """Return the status and the number of sweeps in each lane."""
    n, lanes = d.shape
    records, counts = np.zeros((lanes, sweeps, 2), np.int64), np.zeros(lanes, np.int64)
    passing, (shifts, tops, floors) = np.zeros((n, 2, lanes)), np.zeros((3, lanes))
    status = _eigen_kernels.diagonalise(
        d.copy(), e.copy(), np.zeros((lanes, rotations)), records, counts, passing, shifts, tops, floors
    )
    return status, counts


def test_a_full_record_of_rotations_counts_as_not_converged() -> None:
    d, e = np.ones((6, _eigen_kernels.LANES)), np.full((6, _eigen_kernels.LANES), 0.5)
    e[-1] = 0.0
    assert diagonalise(d, e, 400, 100)[0] == DECOMPOSED
    assert diagonalise(d, e, 10, 100)[0] == NOT_CONVERGED
    assert diagonalise(d, e, 400, 1)[0] == NOT_CONVERGED


def test_ql_takes_little_more_than_two_sweeps_an_eigenvalue() -> None:
    """Wilkinson's shift converges cubically; a worse one would still converge, and cost time only."""
    rng = np.random.default_rng(16)
    d, e = rng.standard_normal((60, _eigen_kernels.LANES)), rng.standard_normal((60, _eigen_kernels.LANES))
    e[-1] = 0.0
    status, counts = diagonalise(d, e, 40_000, 600)
    assert status == DECOMPOSED
    assert (counts <= 2.6 * 60).all()


def test_what_is_not_a_number_ends_as_not_converged() -> None:
    d, e = np.ones((6, _eigen_kernels.LANES)), np.full((6, _eigen_kernels.LANES), 0.5)
    e[-1] = 0.0
    d[3, 2] = np.nan
    assert diagonalise(d, e, 4000, 1000)[0] == NOT_CONVERGED
