"""Closed-form modes against 60-digit arithmetic, against each other and against ODE solvers."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from odeflow.errors import IntegrationError, InvalidArgumentError
from odeflow.numeric import (
    _eigen_kernels,
    _eigenbases,
    _modal_kernels,
    _modal_linear_kernels,
    _spectral_measure_kernels,
)
from odeflow.numeric.flows import Flow, GradientFlow, HeavyBall, LinearFlow, Nesterov
from odeflow.numeric.modal import frozen_kernel_flow, frozen_kernel_losses, mode_response, mode_velocity

# A few roundings of a number of size 1: cosine, sine, exponential, one product each; tables add about 1e-15.
MODE_ATOL = 5e-15
# The same for Nesterov's tail relative to its envelope, where the amplitude is exp(lgamma) and a power: eps times
# (gamma/2) log s and lgamma, both below 60 for gamma <= 20.
TAIL_RTOL = 3e-14
# The mode's own rounding plus that of the eigensolver, 1e-15 lambda_max, times phase.
FLOW_ATOL = 1e-12
# DOP853 at its tightest tolerance.
SOLVER_ATOL = 1e-10
# Central differences of high-precision values with step 1e-25 are exact here; this is the rounding of the result.
VELOCITY_RTOL = 5e-15


def one(flow: Flow, eigenvalue: float, time: float) -> float:
    return float(mode_response(flow, np.array([eigenvalue]), np.array([time]))[0, 0])


def exact_damped(damping: float, eigenvalue: float, time: float) -> tuple[float, float, float, float]:
    """phi, phi', the response to unit velocity, and its derivative, with digits to spare for decay and cancellation."""
    with mpmath.workdps(80 + int(damping * time)):
        b, lam, t = (mpmath.mpf(v) for v in (damping, eigenvalue, time))
        r, gap = b / 2, b * b / 4 - lam
        s = mpmath.sqrt(mpmath.mpc(gap))
        cosine = mpmath.exp(-r * t) * mpmath.cosh(s * t).real
        sine = mpmath.exp(-r * t) * (t if gap == 0 else (mpmath.sinh(s * t) / s).real)
        return float(cosine + r * sine), float(-lam * sine), float(sine), float(cosine - r * sine)


def exact_nesterov(gamma: float, eigenvalue: float, time: float) -> float:
    with mpmath.workdps(60):
        g, s = mpmath.mpf(gamma), mpmath.sqrt(mpmath.mpf(eigenvalue)) * mpmath.mpf(time)
        nu = (g - 1) / 2
        return float(mpmath.gamma(nu + 1) * (2 / s) ** nu * mpmath.besselj(nu, s)) if s > 0 else 1.0


def exact_linear(coefficients: tuple[float, ...], eigenvalue: float, time: float) -> tuple[float, float]:
    """First column of the exponential of the companion matrix, in 60 digits and more."""
    k = len(coefficients) + 1
    with mpmath.workdps(60):
        companion = mpmath.zeros(k)
        for i in range(k - 1):
            companion[i, i + 1] = 1
        for i, c in enumerate((eigenvalue, *coefficients)):
            companion[k - 1, i] = -mpmath.mpf(c)
        size = max(1.0, float(mpmath.norm(companion, 1)) * time)
    with mpmath.workdps(60 + int(size)):
        propagator = mpmath.expm(companion * mpmath.mpf(time))
        value, velocity = propagator[0, 0], propagator[1, 0] if k > 1 else -mpmath.mpf(eigenvalue) * propagator[0, 0]
        return float(value), float(velocity)


def powers(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high).map(lambda x: 10.0**x)


# ---------------------------------------------------------------------------------------------- heavy ball


@given(damping=powers(-4, 1.3), eigenvalue=powers(-8, 4), scaled=powers(-3, 1.5), slow=st.booleans())
@settings(max_examples=200)
@example(damping=20.0, eigenvalue=1e-8, scaled=3.0, slow=True)
@example(damping=1e-4, eigenvalue=1e4, scaled=1.0, slow=False)
def test_heavy_ball_modes_agree_with_mpmath_everywhere(
    damping: float, eigenvalue: float, scaled: float, slow: bool
) -> None:
    scale = max(damping / eigenvalue, 1.0 / damping) if slow else 1.0 / math.sqrt(eigenvalue)
    time = scaled * scale
    assume(damping * time < 2000.0)
    expected = exact_damped(damping, eigenvalue, time)
    assert one(HeavyBall(damping), eigenvalue, time) == pytest.approx(expected[0], abs=MODE_ATOL, rel=0.0)
    velocity = mode_velocity(HeavyBall(damping), np.array([eigenvalue]), np.array([time]))[0, 0]
    assert velocity == pytest.approx(expected[1], abs=MODE_ATOL * math.sqrt(eigenvalue), rel=0.0)


@given(
    damping=powers(-3, 1.3),
    distance=st.one_of(st.just(0.0), powers(-17, -3)),
    above=st.booleans(),
    scaled=powers(-2, 2),
)
@settings(max_examples=200)
def test_heavy_ball_modes_agree_with_mpmath_at_and_around_the_double_root(
    damping: float, distance: float, above: bool, scaled: float
) -> None:
    eigenvalue = 0.25 * damping * damping * (1.0 + (distance if above else -distance))
    time = scaled / damping
    expected = exact_damped(damping, eigenvalue, time)
    assert one(HeavyBall(damping), eigenvalue, time) == pytest.approx(expected[0], abs=MODE_ATOL, rel=0.0)


@pytest.mark.parametrize("eigenvalue", [0.09, 1.0, 1.0 + 1e-12, 1.0 - 1e-12, 3.7])
def test_response_to_an_initial_velocity_agrees_with_mpmath(eigenvalue: float) -> None:
    times = np.array([0.0, 0.3, 2.0, 9.0])
    kernel = np.array([[eigenvalue]])
    for flow in (HeavyBall(2.0), LinearFlow((2.0,))):
        run = frozen_kernel_flow(flow, kernel, np.array([0.0]), times, initial_velocity=np.array([1.0]))
        for j, time in enumerate(times):
            _, _, sine, slope = exact_damped(2.0, eigenvalue, float(time))
            assert run.errors[j, 0] == pytest.approx(sine, abs=MODE_ATOL)
            assert run.velocities[j, 0] == pytest.approx(slope, abs=MODE_ATOL)


def test_heavy_ball_keeps_its_phase_over_a_billion_radians() -> None:
    damping, eigenvalue, time = 1e-6, 1e6, 1e6
    assert one(HeavyBall(damping), eigenvalue, time) == pytest.approx(
        exact_damped(damping, eigenvalue, time)[0], abs=MODE_ATOL
    )


@given(rate=powers(-2, 1), ratio=powers(0, 4), scaled=powers(-3, 1.5))
def test_heavy_ball_modes_stay_below_the_sharp_bound(rate: float, ratio: float, scaled: float) -> None:
    """|phi| <= (1 + rt) exp(-rt) for every lambda >= r^2."""
    time = scaled / rate
    bound = (1.0 + rate * time) * math.exp(-rate * time)
    assert abs(one(HeavyBall(2.0 * rate), ratio * rate * rate * (1.0 + 1e-12), time)) <= bound * (1.0 + 1e-13)


# ------------------------------------------------------------------------------------------------ Nesterov


@given(gamma=st.floats(1e-3, 20.0), eigenvalue=powers(-8, 4), phase=st.one_of(st.floats(0.01, 60.0), powers(-2, 4)))
@settings(max_examples=300)
@example(gamma=20.0, eigenvalue=1.0, phase=24.999)
@example(gamma=19.7, eigenvalue=1.0, phase=25.001)
@example(gamma=1e-3, eigenvalue=1.0, phase=19.75)
@example(gamma=3.0, eigenvalue=1e4, phase=1e4)
def test_nesterov_modes_agree_with_mpmath_for_every_gamma(gamma: float, eigenvalue: float, phase: float) -> None:
    time = phase / math.sqrt(eigenvalue)
    value, expected = one(Nesterov(gamma), eigenvalue, time), exact_nesterov(gamma, eigenvalue, time)
    assert value == pytest.approx(expected, abs=MODE_ATOL, rel=0.0)
    amplitude = math.exp(0.5 * gamma * math.log(2.0 / phase) + math.lgamma(0.5 * gamma + 0.5)) / math.sqrt(math.pi)
    assert abs(value - expected) <= TAIL_RTOL * max(amplitude, 0.0) + (MODE_ATOL if phase < 25.0 else 0.0)


@pytest.mark.parametrize("gamma", [50.0, 133.3, 1000.0])
@pytest.mark.parametrize("phase", [1.0, 30.0, 100.0, 700.0, 5000.0])
def test_nesterov_modes_agree_with_mpmath_for_large_gamma(gamma: float, phase: float) -> None:
    assert one(Nesterov(gamma), 1.0, phase) == pytest.approx(exact_nesterov(gamma, 1.0, phase), abs=2 * MODE_ATOL)


@pytest.mark.parametrize(("gamma", "phase"), [(50.0, 30.0), (50.0, 60.0), (19.0, 26.0), (300.0, 100.0)])
def test_small_nesterov_modes_keep_their_digits(gamma: float, phase: float) -> None:
    """Hankel's expansion at these phases would be right to 1e-15 of phi(0), yet lose digits of phi itself."""
    assert one(Nesterov(gamma), 1.0, phase) == pytest.approx(exact_nesterov(gamma, 1.0, phase), rel=TAIL_RTOL, abs=0.0)


def test_even_gammas_are_elementary() -> None:
    s = np.geomspace(0.5, 300.0, 2000)
    forms = {
        2.0: np.sin(s) / s,
        4.0: 3.0 * (np.sin(s) - s * np.cos(s)) / s**3,
        6.0: 15.0 * ((3.0 - s * s) * np.sin(s) - 3.0 * s * np.cos(s)) / s**5,
    }
    for gamma, form in forms.items():
        # At s = 1/2 the elementary forms lose s^-(gamma-1) to cancellation; the mode does not.
        loss = 2.0 ** (gamma - 1.0) * 15.0
        np.testing.assert_allclose(mode_response(Nesterov(gamma), np.array([1.0]), s)[0], form, atol=loss * 2e-16)


def test_nesterov_modes_do_not_depend_on_how_the_grid_is_cut() -> None:
    times = np.geomspace(1e-3, 1e4, 500)
    eigenvalues = np.array([0.0, 1e-8, 0.3, 2.0, 50.0])
    whole = mode_response(Nesterov(4.3), eigenvalues, times)
    for j in (0, 100, 250, 333, 499):
        for k in range(eigenvalues.size):
            assert whole[k, j] == pytest.approx(one(Nesterov(4.3), eigenvalues[k], times[j]), abs=MODE_ATOL)


@given(gamma=st.floats(0.05, 20.0), eigenvalue=powers(-3, 3), phase=powers(-1, 3))
def test_nesterov_velocity_is_the_derivative(gamma: float, eigenvalue: float, phase: float) -> None:
    time = phase / math.sqrt(eigenvalue)
    with mpmath.workdps(60):
        g, root, t = mpmath.mpf(gamma), mpmath.sqrt(mpmath.mpf(eigenvalue)), mpmath.mpf(time)
        nu = (g - 1) / 2

        def phi(x: mpmath.mpf) -> mpmath.mpf:
            return mpmath.gamma(nu + 1) * (2 / (root * x)) ** nu * mpmath.besselj(nu, root * x)

        step = t * mpmath.mpf(10) ** -25
        expected = float((phi(t + step) - phi(t - step)) / (2 * step))
    velocity = mode_velocity(Nesterov(gamma), np.array([eigenvalue]), np.array([time]))[0, 0]
    # The factor lambda t/(gamma+1) multiplies a mode that is accurate to MODE_ATOL, or to TAIL_RTOL of its envelope.
    scale = eigenvalue * time / (gamma + 1.0)
    assert velocity == pytest.approx(expected, abs=scale * MODE_ATOL + VELOCITY_RTOL * math.sqrt(eigenvalue), rel=0.0)


@given(gamma=st.floats(1e-3, 20.0), phases=st.lists(powers(-2, 4), min_size=2, max_size=8, unique=True))
def test_nesterov_energy_never_rises(gamma: float, phases: list[float]) -> None:
    times = np.sort(np.array(phases))
    assume(bool((np.diff(times) > 0.0).all()))
    one_mode = np.array([1.0])
    phi, velocity = mode_response(Nesterov(gamma), one_mode, times), mode_velocity(Nesterov(gamma), one_mode, times)
    # phi' = -(t/(gamma+1)) psi amplifies the table's rounding by at most 25/(gamma+1) below the switch.
    assert (np.diff((phi**2 + velocity**2)[0]) <= 50.0 * MODE_ATOL).all()


# --------------------------------------------------------------------------------------------- linear flow


@given(
    coefficients=st.lists(st.floats(-0.3, 8.0), min_size=1, max_size=5).map(tuple),
    eigenvalue=powers(-6, 2),
    time=powers(-2, 1),
)
@settings(max_examples=60)
@example(coefficients=(1.0, 1.0), eigenvalue=2.0, time=20.0)  # unstable: lambda > c_1 c_2
def test_linear_modes_agree_with_mpmath_for_orders_up_to_six(
    coefficients: tuple[float, ...], eigenvalue: float, time: float
) -> None:
    flow = LinearFlow(coefficients)
    value, velocity = exact_linear(coefficients, eigenvalue, time)
    # Growth, and derivatives in units of the fastest root, set the scale of rounding.
    k = flow.order
    fastest = max([eigenvalue ** (1 / k)] + [abs(c) ** (1 / (k - i)) for i, c in enumerate(coefficients, start=1)])
    scale = max(1.0, abs(value), abs(velocity) / fastest)
    assert one(flow, eigenvalue, time) == pytest.approx(value, abs=MODE_ATOL * scale, rel=0.0)
    computed = mode_velocity(flow, np.array([eigenvalue]), np.array([time]))[0, 0]
    assert computed == pytest.approx(velocity, abs=MODE_ATOL * scale * fastest, rel=0.0)


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5, 6])
def test_a_root_of_full_multiplicity_is_nothing_special(order: int) -> None:
    """(s + 1)^k: phi = exp(-t) sum_{j<k} t^j/j!."""
    times = np.linspace(0.0, 50.0, 173)
    flow = LinearFlow(tuple(float(math.comb(order, i)) for i in range(1, order)))
    expected = sum(times**j / math.factorial(j) for j in range(order)) * np.exp(-times)
    np.testing.assert_allclose(mode_response(flow, np.array([1.0]), times)[0], expected, rtol=0.0, atol=MODE_ATOL)


@pytest.mark.parametrize("gap", [1e-2, 1e-6, 1e-9, 1e-12, 1e-15])
def test_third_order_modes_are_accurate_next_to_a_triple_root(gap: float) -> None:
    coefficients, eigenvalue = (3.0 + gap, 3.0 - 2.0 * gap), 1.0 + gap
    for time in (0.5, 4.0, 17.0):
        expected = exact_linear(coefficients, eigenvalue, time)[0]
        assert one(LinearFlow(coefficients), eigenvalue, time) == pytest.approx(expected, abs=MODE_ATOL)


@given(damping=powers(-3, 1.3), eigenvalue=powers(-8, 4))
@example(damping=20.0, eigenvalue=1e-8)
def test_a_linear_flow_of_order_two_is_heavy_ball(damping: float, eigenvalue: float) -> None:
    times = np.concatenate([[0.0], np.geomspace(1e-3, 30.0, 40)]) * max(damping / eigenvalue, 1.0 / damping)
    times = times[times * damping < 1e12]
    ball, linear = HeavyBall(damping), LinearFlow((damping,))
    np.testing.assert_allclose(
        mode_response(linear, np.array([eigenvalue]), times),
        mode_response(ball, np.array([eigenvalue]), times),
        rtol=0.0,
        atol=MODE_ATOL,
    )


def test_a_linear_flow_of_order_one_is_gradient_flow() -> None:
    eigenvalues, times = np.array([0.0, 1e-6, 3.0]), np.linspace(0.0, 9.0, 10)
    for compute in (mode_response, mode_velocity):
        np.testing.assert_allclose(
            compute(LinearFlow(()), eigenvalues, times), compute(GradientFlow(), eigenvalues, times), atol=MODE_ATOL
        )


def test_an_unstable_linear_flow_that_overflows_says_so() -> None:
    with pytest.raises(IntegrationError, match="Routh-Hurwitz"):
        mode_response(LinearFlow((1.0, 1.0)), np.array([2.0]), np.array([0.0, 1e5]))


# ------------------------------------------------------------------------------------------ frozen kernels

FLOWS = [GradientFlow(), HeavyBall(0.7), HeavyBall(9.0), Nesterov(3.0), Nesterov(0.4), LinearFlow((2.0, 3.0))]


def kernels(stack: int, n: int, seed: int) -> np.ndarray:
    factors = np.random.default_rng(seed).standard_normal((stack, n, n + 2))
    return factors @ factors.transpose(0, 2, 1) / n


@pytest.mark.parametrize("flow", FLOWS, ids=repr)
def test_frozen_kernel_flow_agrees_with_an_ode_solver(flow: Flow) -> None:
    n = 4
    kernel, start = kernels(1, n, 1)[0], np.array([1.0, -2.0, 0.5, 0.3])
    t0 = 0.5 if isinstance(flow, Nesterov) else 0.0  # Nesterov's ODE is singular at 0: both start later
    times = np.linspace(t0, 8.0, 9)
    run = frozen_kernel_flow(flow, kernel, start, times)
    state = [run.errors[0], run.velocities[0], np.zeros(n)][: flow.order]

    def field(t: float, y: np.ndarray) -> np.ndarray:
        parts = y.reshape(flow.order, n)
        if isinstance(flow, GradientFlow):
            return -kernel @ y
        if isinstance(flow, LinearFlow):
            top = -kernel @ parts[0] - sum(c * p for c, p in zip(flow.coefficients, parts[1:], strict=True))
        else:
            damping = flow.damping if isinstance(flow, HeavyBall) else flow.gamma / t
            top = -kernel @ parts[0] - damping * parts[1]
        return np.concatenate([*parts[1:], top])

    solution = solve_ivp(field, (t0, 8.0), np.concatenate(state), "DOP853", times, rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(run.errors, solution.y[:n].T, atol=SOLVER_ATOL)
    if flow.order > 1:
        np.testing.assert_allclose(run.velocities, solution.y[n : 2 * n].T, atol=SOLVER_ATOL)
    else:
        np.testing.assert_allclose(run.velocities, -run.errors @ kernel, atol=FLOW_ATOL)


def test_gradient_flow_agrees_with_the_matrix_exponential() -> None:
    kernel, start = kernels(1, 30, 2)[0], np.random.default_rng(3).standard_normal(30)
    run = frozen_kernel_flow(GradientFlow(), kernel, start, np.array([0.0, 0.7, 5.0]))
    for j, time in enumerate(run.times):
        np.testing.assert_allclose(run.errors[j], expm(-kernel * time) @ start, atol=FLOW_ATOL)


@pytest.mark.parametrize("flow", FLOWS, ids=repr)
def test_a_stack_of_kernels_is_its_kernels_one_by_one(flow: Flow) -> None:
    stack, times = kernels(3, 5, 4), np.linspace(0.0, 40.0, 37)
    starts = np.random.default_rng(5).standard_normal((3, 5))
    run = frozen_kernel_flow(flow, stack, starts, times)
    shared = frozen_kernel_flow(flow, stack, starts[0], times)
    assert run.errors.shape == (3, 37, 5)
    assert run.losses.shape == (3, 37)
    for k in range(3):
        alone = frozen_kernel_flow(flow, stack[k], starts[k], times)
        np.testing.assert_allclose(run.errors[k], alone.errors, atol=FLOW_ATOL)
        np.testing.assert_allclose(run.velocities[k], alone.velocities, atol=FLOW_ATOL)
        np.testing.assert_allclose(run.losses[k], alone.losses, rtol=1e-10)
        np.testing.assert_allclose(run.eigenvalues[k], alone.eigenvalues, atol=FLOW_ATOL)
        np.testing.assert_allclose(
            shared.errors[k], frozen_kernel_flow(flow, stack[k], starts[0], times).errors, atol=FLOW_ATOL
        )


@pytest.mark.parametrize("flow", FLOWS, ids=repr)
def test_losses_are_half_the_squared_errors_with_or_without_the_trajectory(flow: Flow) -> None:
    stack, times = kernels(2, 6, 6), np.geomspace(0.1, 30.0, 25)
    start = np.random.default_rng(7).standard_normal(6)
    speed = start[::-1].copy() if isinstance(flow, (HeavyBall, LinearFlow)) else None
    run = frozen_kernel_flow(flow, stack, start, times, initial_velocity=speed)
    np.testing.assert_allclose(run.losses, 0.5 * (run.errors**2).sum(-1), atol=FLOW_ATOL)
    losses = frozen_kernel_losses(flow, stack, start, times, initial_velocity=speed)
    # Losses take a shorter way (no eigenvectors), so agreement is to rounding of the initial loss.
    np.testing.assert_allclose(losses, run.losses, atol=FLOW_ATOL * float(start @ start))
    np.testing.assert_allclose(frozen_kernel_losses(flow, stack[0], start, times, initial_velocity=speed), losses[0])


@pytest.mark.parametrize("largest_for_lanes", [0, 128])
@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e200])
@pytest.mark.parametrize("kind", ["random", "low rank", "repeated", "diagonal", "zero", "one by one"])
def test_losses_without_eigenvectors_agree_with_losses_from_them(
    kind: str, scale: float, largest_for_lanes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_eigenbases, "_LARGEST_FOR_LANES", largest_for_lanes)
    rng = np.random.default_rng(11)
    basis = np.linalg.qr(rng.standard_normal((7, 7)))[0]
    kernel = {
        "random": kernels(1, 7, 8)[0],
        "low rank": kernels(1, 7, 9)[0][:, :2] @ kernels(1, 7, 9)[0][:2, :],
        "repeated": basis @ np.diag([1.0, 1.0, 1.0, 2.0, 2.0, 5.0, 5.0]) @ basis.T,
        "diagonal": np.diag(np.arange(7.0)),
        "zero": np.zeros((7, 7)),
        "one by one": np.array([[0.3]]),
    }[kind]
    kernel = scale * (kernel @ kernel.T)
    times = np.array([0.0, 0.1, 1.0, 7.0]) / scale
    n = kernel.shape[0]
    for start in (rng.standard_normal(n), np.eye(n)[0], -np.eye(n)[n - 1], np.zeros(n)):
        np.testing.assert_allclose(
            frozen_kernel_losses(GradientFlow(), kernel, start, times),
            frozen_kernel_flow(GradientFlow(), kernel, start, times).losses,
            rtol=0.0,
            atol=FLOW_ATOL,
        )


def test_losses_keep_their_digits_long_after_the_errors_have_lost_them() -> None:
    losses = frozen_kernel_losses(GradientFlow(), np.diag([1.0, 2.0]), np.array([1.0, 0.0]), np.array([0.0, 300.0]))
    assert losses[1] == pytest.approx(0.5 * math.exp(-600.0), rel=1e-12)


@pytest.mark.parametrize("flow", FLOWS[:5], ids=repr)
def test_a_null_direction_of_the_kernel_keeps_its_error(flow: Flow) -> None:
    kernel = np.array([[1.0, 1.0], [1.0, 1.0]])
    run = frozen_kernel_flow(flow, kernel, np.array([1.0, -1.0]), np.array([0.0, 100.0]))
    assert run.eigenvalues.min() >= 0.0
    np.testing.assert_allclose(run.errors[1], [1.0, -1.0], atol=FLOW_ATOL)


def test_tiny_negative_eigenvalues_count_as_zero_and_larger_ones_are_refused() -> None:
    times = np.array([0.0, 5.0])
    clipped = mode_response(GradientFlow(), np.array([-1e-13, 1.0]), times)
    assert (clipped[0] == 1.0).all()
    with pytest.raises(InvalidArgumentError, match="positive semidefinite"):
        mode_response(GradientFlow(), np.array([-1e-11, 1.0]), times)
    with pytest.raises(InvalidArgumentError, match="positive semidefinite"):
        frozen_kernel_flow(GradientFlow(), -np.eye(2), np.ones(2), times)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mode_response(GradientFlow(), np.array([1.0]), np.array([1.0, 0.5])), "increase strictly"),
        (lambda: mode_response(GradientFlow(), np.array([1.0]), np.array([-1.0, 0.5])), ">= 0"),
        (lambda: mode_response(GradientFlow(), np.array([np.nan]), np.array([1.0])), "finite"),
        (lambda: mode_response(Nesterov(3.0), np.array([1e10]), np.array([1e8])), "phase"),
        (lambda: mode_response(HeavyBall(1e-9), np.array([1e10]), np.array([1e8])), "phase"),
        (lambda: mode_response(Nesterov(1001.0), np.array([1.0]), np.array([1.0])), "gamma <= 1000"),
        (lambda: mode_response(LinearFlow((1.0,)), np.array([1.0]), np.array([1e19])), "Shorten"),
        (lambda: frozen_kernel_flow(GradientFlow(), np.eye(3), np.ones(2), np.array([0.0])), "initial_error of shape"),
        (lambda: frozen_kernel_flow(GradientFlow(), np.ones((2, 3)), np.ones(2), np.array([0.0])), "square"),
        (lambda: frozen_kernel_flow(GradientFlow(), np.array([[1.0, 2], [0, 1]]), np.ones(2), np.ones(1)), "symmetric"),
    ],
)
def test_bad_arguments_are_refused_with_a_reason(call: object, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        call()  # type: ignore[operator]


@pytest.mark.parametrize("flow", [GradientFlow(), Nesterov(3.0), LinearFlow(())], ids=repr)
def test_flows_without_a_free_initial_velocity_refuse_one(flow: Flow) -> None:
    for compute in (frozen_kernel_flow, frozen_kernel_losses):
        with pytest.raises(InvalidArgumentError, match="Leave it out"):
            compute(flow, np.eye(2), np.ones(2), np.array([0.0, 1.0]), initial_velocity=np.ones(2))


def test_warming_compiles_every_kernel_for_the_types_the_door_passes() -> None:
    modules = (_eigen_kernels, _modal_kernels, _modal_linear_kernels, _spectral_measure_kernels)
    for module in modules:
        module.warm()
    jitted = [kernel for module in modules for kernel in vars(module).values() if hasattr(kernel, "signatures")]
    before = [len(kernel.signatures) for kernel in jitted]
    times, eigenvalues = np.linspace(0.0, 90.0, 7), np.array([0.0, 0.5, 3.0])
    for flow in FLOWS:
        mode_response(flow, eigenvalues, times)
        mode_velocity(flow, eigenvalues, times)
        frozen_kernel_losses(flow, np.diag(eigenvalues), np.ones(3), times)
        frozen_kernel_flow(flow, np.diag(eigenvalues), np.ones(3), times)
    frozen_kernel_losses(GradientFlow(), np.eye(200), np.ones(200), times)
    assert [len(kernel.signatures) for kernel in jitted] == before
