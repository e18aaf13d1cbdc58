"""Is the event-exact ReLU flow the flow of the network? Against weight-space integration, identities and limits."""

from __future__ import annotations

import dataclasses
from itertools import pairwise, product

import numpy as np
import pytest
import scipy.linalg
import scipy.special
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from odeflow.errors import IntegrationError, InvalidArgumentError
from odeflow.numeric import (
    _relu_candidate_kernels,
    _relu_event_kernels,
    _relu_horizon_kernels,
    _relu_horizons,
    _relu_row_kernels,
    _relu_start,
    _relu_taylor_kernels,
    _relu_watch_kernels,
)
from odeflow.numeric.flows import GradientFlow, HeavyBall, LinearFlow, Nesterov
from odeflow.numeric.relu_flow import ReluEventKind, ReluStatus, relu_flow, relu_predictions

# The reference integrates weights at rtol 1e-13 between located events; its own error is below this.
REFERENCE_ERROR = 1e-10
# Identities that hold to rounding for errors and weights of order one.
ROUNDING = 1e-11
FLOWS = [GradientFlow(), HeavyBall(0.8), Nesterov(3.0)]


def name_of(flow):
    return type(flow).__name__


def random_net(seed, *, n=4, d=3, m=6):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d))
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    return X, rng.uniform(-1, 1, n), rng.standard_normal((m, d)), rng.choice([-1.0, 1.0], m)


class WeightSpace:
    """An independent solver: weights as unknowns, DOP853 between events that SciPy locates, Filippov by definition.

    share[r, i] is 0 (off), 1 (on) or NaN (sliding: the mixture is solved for); at an event of gradient flow every
    combination of the gates at zero is tried, and the consistent one is taken.
    """

    def __init__(self, X, y, W, a, flow):
        self.X, self.y, self.W, self.a, self.flow = X, y, W, a / np.sqrt(a.size), flow
        self.share = (W @ X.T > 0).astype(float)

    def solved_share(self, W):
        """The shares with every mixture solved for, and the errors."""
        error = np.einsum("r,ri,ri->i", self.a, np.nan_to_num(self.share), W @ self.X.T) - self.y
        share = self.share.copy()
        for r in np.flatnonzero(np.isnan(share).any(axis=1)):
            slides = np.isnan(share[r])
            fixed = (np.nan_to_num(share[r]) * error) @ self.X
            matrix = self.X[slides] @ self.X[slides].T * error[slides]
            share[r, slides] = np.linalg.solve(matrix, -self.X[slides] @ fixed)
        return share, error

    def force(self, W):
        share, error = self.solved_share(W)
        return -self.a[:, None] * ((share * error) @ self.X)

    def rhs(self, t, state):
        m, d = self.W.shape
        force = self.force(state[: m * d].reshape(m, d))
        if isinstance(self.flow, GradientFlow):
            return force.ravel()
        V = state[m * d :].reshape(m, d)
        if isinstance(self.flow, HeavyBall):
            return np.concatenate([V.ravel(), (force - self.flow.damping * V).ravel()])
        drag = self.flow.gamma * V / t if t > 0 else self.flow.gamma * force / (1 + self.flow.gamma)
        return np.concatenate([V.ravel(), (force - drag).ravel()])

    def events(self):
        """((neuron, sample), function that falls through zero at the event) of every gate."""
        m, d = self.W.shape
        functions = []
        for r, i in np.ndindex(self.share.shape):
            if np.isnan(self.share[r, i]):
                functions.append((r, i, lambda t, s, g=(r, i): self.solved_share(s[: m * d].reshape(m, d))[0][g]))
                functions.append((r, i, lambda t, s, g=(r, i): 1 - self.solved_share(s[: m * d].reshape(m, d))[0][g]))
            else:
                sign = 2.0 * self.share[r, i] - 1.0
                functions.append((r, i, lambda t, s, r=r, i=i, k=sign: k * (s[r * d : (r + 1) * d] @ self.X[i])))
        for *_, function in functions:
            function.terminal = True
            function.direction = -1
        return functions

    def settle(self, W, r, gates):
        """Give the gates of neuron r, all at zero, the one combination of statuses that the flow keeps up."""
        tiny = 1e-10
        for combination in sorted(product([0.0, 1.0, np.nan], repeat=len(gates)), key=lambda c: np.isnan(c).sum()):
            self.share[r, gates] = combination
            share = self.solved_share(W)[0][r, gates]
            speed = self.X[gates] @ self.force(W)[r]
            if all(
                tiny < s < 1 - tiny if np.isnan(c) else (v > -tiny if c == 1.0 else v < tiny)
                for c, s, v in zip(combination, share, speed, strict=True)
            ):
                return
        raise AssertionError("no consistent pattern")

    def handle(self, r, i, state):
        W = state[: self.W.size].reshape(self.W.shape)
        if not isinstance(self.flow, GradientFlow):
            self.share[r, i] = 1.0 - self.share[r, i]
            return
        self.settle(W, r, np.flatnonzero(np.isnan(self.share[r]) | (np.arange(self.X.shape[0]) == i)))
        for other in range(len(W)):  # neurons with the same pattern reach the end of a mixture together
            self.settle(W, other, np.flatnonzero(np.isnan(self.share[other])))

    def run(self, times):
        state = self.W.ravel()
        if not isinstance(self.flow, GradientFlow):
            state = np.concatenate([state, np.zeros_like(state)])
        weights, log, t, remaining = [], [], 0.0, list(times)
        while remaining:
            events = self.events()
            piece = solve_ivp(self.rhs, (t, remaining[-1]), state, method="DOP853", rtol=1e-13, atol=1e-15,
                              t_eval=remaining, events=[function for *_, function in events])  # fmt: skip
            for column in np.reshape(piece.y, (state.size, -1)).T:
                weights.append(column[: self.W.size].reshape(self.W.shape))
                remaining.pop(0)
            if piece.status != 1:
                break
            index = next(k for k, found in enumerate(piece.t_events) if found.size)
            t, state = piece.t_events[index][0], piece.y_events[index][0]
            log.append((t, *events[index][:2]))
            self.handle(*events[index][:2], state)
        return np.array(weights), log


def errors_of(weights, X, y, a):
    return np.array([relu_predictions(X, W, a) - y for W in weights])


def energy(run, flow):
    return run.losses if isinstance(flow, GradientFlow) else run.losses + run.kinetic_energies


def euler(X, y, W, a, flow, end, steps):
    """Explicit Euler on the weights with relu'(0) = 0: no events, no sliding, first order."""
    h, W, V = end / steps, W.copy(), np.zeros_like(W)
    for k in range(steps):
        on = W @ X.T > 0
        error = (a / np.sqrt(a.size)) @ (on * (W @ X.T)) - y
        force = -(a / np.sqrt(a.size))[:, None] * ((on * error) @ X)
        if isinstance(flow, GradientFlow):
            W += h * force
            continue
        drag = flow.damping * V if isinstance(flow, HeavyBall) else flow.gamma * V / max(k * h, h)
        W, V = W + h * V, V + h * (force - drag)
    return relu_predictions(X, W, a) - y


@pytest.mark.parametrize("flow", FLOWS, ids=name_of)
@pytest.mark.parametrize("seed", [0, 3, 6])
def test_errors_agree_with_weight_space_integration_restarted_at_every_flip(flow, seed):
    X, y, W, a = random_net(seed)
    times = np.linspace(0.0, 5.0, 6)
    run = relu_flow(X, y, W, a, flow, times)
    weights, log = WeightSpace(X, y, W, a, flow).run(times)
    assert len(log) == run.event_count >= 2
    np.testing.assert_allclose(run.errors, errors_of(weights, X, y, a), atol=REFERENCE_ERROR, rtol=0)
    np.testing.assert_allclose(run.weights, weights[-1], atol=REFERENCE_ERROR, rtol=0)
    if not isinstance(flow, GradientFlow):
        np.testing.assert_allclose(run.events.times, [time for time, *_ in log], atol=1e-9, rtol=0)
        np.testing.assert_array_equal(run.events.neurons, [r for _, r, _ in log])
        np.testing.assert_array_equal(run.events.samples, [i for *_, i in log])


@pytest.mark.parametrize("seed", [1, 10, 12, 21, 25, 29])
def test_sliding_and_its_end_agree_with_filippovs_definition(seed):
    X, y, W, a = random_net(seed, n=5, m=8)
    times = np.linspace(0.0, 8.0, 9)
    run = relu_flow(X, y, W, a, GradientFlow(), times)
    kinds = set(run.events.kinds.tolist())
    assert ReluEventKind.START_SLIDING in kinds
    assert kinds & {ReluEventKind.STOP_SLIDING_ON, ReluEventKind.STOP_SLIDING_OFF}
    weights, _ = WeightSpace(X, y, W, a, GradientFlow()).run(times)
    np.testing.assert_allclose(run.errors, errors_of(weights, X, y, a), atol=REFERENCE_ERROR, rtol=0)


def test_neurons_that_slide_alike_leave_together_without_chatter():
    run = relu_flow(*random_net(21, n=5, m=8), GradientFlow(), [8.0])
    assert run.event_count < 20  # 1021 before gates at rest on their boundary were told from gates that return


@pytest.mark.parametrize("flow", FLOWS, ids=name_of)
def test_explicit_euler_converges_to_the_flow_with_duplicate_scaled_opposite_and_zero_samples(flow):
    X, y, W, a = random_net(11, n=3, m=7)
    X = np.vstack([X, X[0], 2.0 * X[1], -0.5 * X[2], np.zeros(3), -X[0]])
    y = np.concatenate([y, [0.3, -0.7, 0.4, 0.9, -0.2]])
    run = relu_flow(X, y, W, a, flow, [2.0])
    coarse, fine = (np.abs(euler(X, y, W, a, flow, 2.0, steps) - run.errors[-1]).max() for steps in (2_000, 8_000))
    assert run.event_count >= 4
    assert fine < 1e-3  # O(h), h = 2.5e-4
    assert coarse > 3.0 * fine
    assert run.errors[-1, 6] == -0.9


@pytest.mark.parametrize("flow", FLOWS, ids=name_of)
def test_merging_a_duplicate_changes_nothing_but_the_weight_of_the_sample(flow):
    X, y, W, a = random_net(5)
    doubled = relu_flow(np.vstack([X, X[1]]), np.append(y, y[1]), W, a, flow, [0.5, 4.0])
    weighted = relu_flow(*reweighted(X, y, 1), W, a, flow, [0.5, 4.0])
    np.testing.assert_allclose(doubled.errors[:, 4], doubled.errors[:, 1], atol=ROUNDING)
    np.testing.assert_allclose(doubled.errors[:, 1], weighted.errors[:, 1] / np.sqrt(2), atol=ROUNDING)
    np.testing.assert_allclose(doubled.weights, weighted.weights, atol=ROUNDING)
    assert doubled.event_count == weighted.event_count


def reweighted(X, y, i):
    """sqrt(2) (x_i, y_i): the squared error of sample i counts twice."""
    factor = np.ones(y.size)
    factor[i] = np.sqrt(2.0)
    return X * factor[:, None], y * factor


def test_events_of_parallel_and_opposite_samples_come_together_with_their_own_speeds():
    X = np.array([[1.0, 0.0], [2.0, 0.0], [-0.5, 0.0], [0.0, 1.0]])
    run = relu_flow(X, [-1.0, -1.0, 0.3, 0.2], [[0.4, 1.0], [0.2, -1.0]], [1.0, 1.0], HeavyBall(0.5), [1.5])
    first = run.events.neurons == run.events.neurons[0]
    first &= run.events.times == run.events.times[0]
    assert sorted(run.events.samples[first]) == [0, 1, 2]
    speeds = dict(zip(run.events.samples[first].tolist(), run.events.speeds[first], strict=True))
    kinds = dict(zip(run.events.samples[first].tolist(), run.events.kinds[first], strict=True))
    assert speeds[1] == pytest.approx(2 * speeds[0], rel=1e-12)
    assert speeds[2] == pytest.approx(0.5 * speeds[0], rel=1e-12)
    assert kinds[0] == kinds[1] == ReluEventKind.SWITCH_OFF
    assert kinds[2] == ReluEventKind.SWITCH_ON
    np.testing.assert_allclose(run.events.jumps[first], run.events.speeds[first] / np.sqrt(2), rtol=1e-9)


@pytest.mark.parametrize("flow", FLOWS, ids=name_of)
def test_predictions_recomputed_from_the_weights_agree_with_the_propagated_errors(flow):
    X, y, W, a = random_net(2, n=30, d=10, m=300)
    run = relu_flow(X, y, W, a, flow, [3.0, 8.0])
    assert run.event_count > 100
    assert run.consistency < ROUNDING
    np.testing.assert_allclose(relu_predictions(X, run.weights, a) - y, run.errors[-1], atol=ROUNDING, rtol=0)
    np.testing.assert_allclose(run.losses, 0.5 * (run.errors**2).sum(axis=1), rtol=1e-14)
    movement = np.linalg.norm(run.weights - W, axis=1).max()
    assert run.max_weight_movements[-1] == pytest.approx(movement, rel=1e-12)
    assert run.kinetic_energies[-1] == pytest.approx(0.5 * (run.weight_velocities**2).sum(), rel=1e-12)
    drift = np.linalg.norm(run.kernel - run.initial_kernel, 2)
    assert run.kernel_drifts[-1] == pytest.approx(drift, rel=1e-10)


@pytest.mark.parametrize("flow", FLOWS, ids=name_of)
def test_the_same_samples_in_a_larger_space_move_alike(flow):
    """G is multiplied as X X^T where that is less work (n > 2 d), as a matrix otherwise."""
    X, y, W, a = random_net(5, n=24, d=6, m=70)
    W = np.column_stack([W, np.ones((70, 8))])
    small = relu_flow(X, y, W[:, :6], a, flow, [2.0, 5.0])
    large = relu_flow(np.column_stack([X, np.zeros((24, 8))]), y, W, a, flow, [2.0, 5.0])
    assert small.event_count == large.event_count > 50
    np.testing.assert_allclose(small.errors, large.errors, atol=ROUNDING, rtol=0)
    np.testing.assert_allclose(small.weights, large.weights[:, :6], atol=ROUNDING, rtol=0)
    np.testing.assert_array_equal(large.weights[:, 6:], W[:, 6:])


@pytest.mark.parametrize("flow", FLOWS, ids=name_of)
def test_the_final_kernel_counts_the_neurons_that_are_on(flow):
    X, y, W, a = random_net(4, n=12, d=6, m=80)
    run = relu_flow(X, y, W, a, flow, [1.5])
    on = (run.weights @ X.T > 1e-9).astype(float)
    off_by_projection = 0.0 if run.sliding else 1e-12
    counted = (on.T @ on) * (X @ X.T) / a.size
    if run.sliding:
        assert scipy.linalg.eigvalsh(counted - run.kernel).min() > -1e-12  # projecting only takes away
        assert np.abs(counted - run.kernel).max() < 2.0 * run.sliding / a.size
    else:
        np.testing.assert_allclose(run.kernel, counted, atol=off_by_projection)
    if isinstance(flow, GradientFlow):
        np.testing.assert_allclose(run.velocities[-1], -run.kernel @ run.errors[-1], atol=ROUNDING)


@pytest.mark.parametrize("flow", FLOWS, ids=name_of)
def test_energy_is_lost_to_friction_alone_across_flips(flow):
    """d/dt E = -rate * 2 kinetic; Gauss-Legendre between the events makes the integral exact to rounding."""
    X, y, W, a = random_net(3, n=5, m=8)
    events = np.unique(relu_flow(X, y, W, a, flow, [4.0]).events.times)
    ends = np.concatenate([[1e-3], events[events > 1e-3], [4.0]])
    nodes, weights = np.polynomial.legendre.leggauss(20)
    pieces = [0.5 * (b - a_) * (nodes + 1.0) + a_ for a_, b in pairwise(ends)]
    times = np.unique(np.concatenate([[ends[0], ends[-1]], *pieces]))
    run = relu_flow(X, y, W, a, flow, times)
    rate = {GradientFlow: lambda t: 1.0, HeavyBall: lambda t: 0.8, Nesterov: lambda t: 3.0 / t}[type(flow)]
    lost = sum(
        0.5 * (b - a_) * weights @ [2.0 * rate(t) * run.kinetic_energies[np.searchsorted(times, t)] for t in piece]
        for (a_, b), piece in zip(pairwise(ends), pieces, strict=True)
    )
    total = energy(run, flow)
    assert len(events) >= 3
    assert total[0] - total[-1] == pytest.approx(lost, abs=1e-10)


@pytest.mark.parametrize("flow", FLOWS[1:], ids=name_of)
def test_the_error_velocity_jumps_by_the_speed_of_the_crossing(flow):
    X, y, W, a = random_net(6, m=12)
    run = relu_flow(X, y, W, a, flow, [4.0])
    crossed = np.isin(run.events.kinds, [ReluEventKind.SWITCH_ON, ReluEventKind.SWITCH_OFF])
    assert crossed.sum() >= 3
    signs = a[run.events.neurons[crossed]]
    np.testing.assert_allclose(
        run.events.jumps[crossed], signs * run.events.speeds[crossed] / np.sqrt(a.size), rtol=1e-10, atol=1e-15
    )
    # the same jump, seen from outside: one-sided limits of Delta' and of Delta around the first event
    moment, i = run.events.times[0], run.events.samples[0]
    beside = relu_flow(X, y, W, a, flow, [moment - 1e-8, moment + 1e-8])
    step = np.zeros(y.size)
    step[i] = run.events.jumps[0]
    np.testing.assert_allclose(np.diff(beside.velocities, axis=0)[0], step, atol=1e-7)
    np.testing.assert_allclose(np.diff(beside.errors, axis=0)[0], 0.0, atol=1e-7)


def first_mode(flow, kernel, error, t):
    """Delta before the first flip: the linear ODE with the kernel at time zero."""
    n = error.size
    if isinstance(flow, GradientFlow):
        return scipy.linalg.expm(-kernel * t) @ error
    if isinstance(flow, HeavyBall):
        block = np.block([[np.zeros((n, n)), np.eye(n)], [-kernel, -flow.damping * np.eye(n)]])
        return (scipy.linalg.expm(block * t) @ np.concatenate([error, np.zeros(n)]))[:n]
    values, vectors = scipy.linalg.eigh(kernel)
    x = np.sqrt(values) * t
    nu = (flow.gamma - 1.0) / 2.0
    return vectors @ (scipy.special.gamma(nu + 1.0) * (2.0 / x) ** nu * scipy.special.jv(nu, x) * (vectors.T @ error))


@pytest.mark.parametrize("flow", FLOWS, ids=name_of)
def test_before_the_first_flip_the_errors_follow_the_closed_form_of_the_initial_kernel(flow):
    X, y, W, a = random_net(11, n=4, d=6, m=20)
    moment = 0.999 * relu_flow(X, y, W, a, flow, [20.0]).events.times[0]
    run = relu_flow(X, y, W, a, flow, [moment])
    assert run.event_count == 0
    start = relu_predictions(X, W, a) - y
    np.testing.assert_allclose(run.errors[0], first_mode(flow, run.initial_kernel, start, moment), atol=1e-13)
    np.testing.assert_array_equal(run.kernel, run.initial_kernel)


def test_the_papers_lyapunov_function_jumps_up_in_the_four_neuron_counterexample():
    """Bu, Xu and Chen (2021), section 3: V = Delta.H.Delta/2 + |r Delta + Delta'|^2/2 is not monotone at a flip."""
    X = np.array([[1.0, 0.0], [0.5, np.sqrt(3.0) / 2.0]])
    activations = np.array([[2.0, -2.0], [-2.0, 2.0], [2.0, -0.001], [2.0, 2.0]])
    W = np.linalg.solve(X, activations.T).T
    a = np.array([1.0, 1.0, -1.0, 1.0])
    y = relu_predictions(X, W, a) - np.array([0.5, 1.0])
    flow, rate = HeavyBall(np.sqrt(2.0 / 3.0)), 1.0 / np.sqrt(6.0)

    def lyapunov(t):
        run = relu_flow(X, y, W, a, flow, [t])
        error, velocity = run.errors[-1], run.velocities[-1]
        return 0.5 * error @ run.kernel @ error + 0.5 * ((rate * error + velocity) ** 2).sum()

    run = relu_flow(X, y, W, a, flow, [0.2])
    assert run.events.neurons.tolist() == [2]
    assert run.events.samples.tolist() == [1]
    assert run.events.kinds.tolist() == [ReluEventKind.SWITCH_ON]
    assert run.events.times[0] == pytest.approx(0.12880, abs=5e-6)
    assert lyapunov(run.events.times[0] - 1e-9) == pytest.approx(0.46878, abs=5e-6)
    assert lyapunov(run.events.times[0] + 1e-9) == pytest.approx(0.65184, abs=5e-6)


@pytest.mark.parametrize("flow", FLOWS, ids=name_of)
def test_scaling_the_samples_or_the_outputs_rescales_time(flow):
    X, y, W, a = random_net(13)
    plain = relu_flow(X, y, W, a, flow, [1.0, 4.0])
    faster = HeavyBall(3.0 * flow.damping) if isinstance(flow, HeavyBall) else flow
    speed = 9.0 if isinstance(flow, GradientFlow) else 3.0
    samples = relu_flow(3.0 * X, y, W / 3.0, a, faster, np.array([1.0, 4.0]) / speed)
    outputs = relu_flow(X, y, W / 3.0, 3.0 * a, faster, np.array([1.0, 4.0]) / speed)
    assert plain.event_count >= 2
    np.testing.assert_allclose(samples.errors, plain.errors, atol=ROUNDING)
    np.testing.assert_allclose(outputs.errors, plain.errors, atol=ROUNDING)


def test_the_kernel_moves_less_in_wider_networks():
    nets = [random_net(0, n=10, d=10, m=m) for m in (100, 10_000)]
    narrow, wide = (relu_flow(*net, GradientFlow(), [10.0]).kernel_drifts[-1] for net in nets)
    assert wide < 0.25 * narrow  # m^{-1/2} would be 0.1


@pytest.mark.parametrize("flow", FLOWS, ids=name_of)
def test_the_grid_of_records_does_not_change_the_trajectory(flow):
    X, y, W, a = random_net(7, n=10, d=4, m=50)
    coarse = relu_flow(X, y, W, a, flow, [3.0])
    fine = relu_flow(X, y, W, a, flow, np.linspace(0.0, 3.0, 301))
    np.testing.assert_allclose(fine.errors[-1], coarse.errors[-1], atol=ROUNDING)
    assert fine.event_count == coarse.event_count
    silent = relu_flow(X, y, W, a, flow, [3.0], record_events=False)
    assert len(silent.events) == 0
    assert silent.event_count == coarse.event_count


def test_the_end_of_sliding_is_not_missed_where_it_was_not_expected():
    """Neuron 3 stops sliding at 7.88 only because of another event in the same step; a missed end shows at its end."""
    net = random_net(0, n=5, d=3, m=8)
    run = relu_flow(*net, GradientFlow(), [8.0])
    often = relu_flow(*net, GradientFlow(), np.linspace(0.0, 8.0, 161))
    assert run.event_count == often.event_count == 12
    assert run.events.kinds[-1] == ReluEventKind.STOP_SLIDING_ON
    np.testing.assert_allclose(run.errors[-1], often.errors[-1], atol=ROUNDING)


@pytest.mark.parametrize("seed", [1, 3])
def test_a_bouncing_neuron_is_captured_and_a_smaller_tolerance_captures_it_later(seed):
    X, y, W, a = random_net(seed, n=8, m=20)
    runs = [relu_flow(X, y, W, a, HeavyBall(1.0), [16.0], tolerance=t) for t in (1e-4, 1e-5, 1e-12)]
    assert runs[0].captures > 0
    assert ReluEventKind.CAPTURE in runs[0].events.kinds
    assert runs[0].event_count < runs[1].event_count < runs[2].event_count
    for run, tolerance in zip(runs[:2], (1e-4, 1e-5), strict=True):
        change = np.abs(run.errors - runs[2].errors).max()
        assert 0.0 < change < 3.0 * tolerance * np.abs(relu_predictions(X, W, a) - y).max()


halves = st.integers(-4, 4).map(lambda k: k / 2.0)


@st.composite
def small_nets(draw):
    """Networks on a grid of halves: zero, parallel, opposite, dependent samples and w.x = 0 at the start are common."""
    n, d, m = draw(st.integers(1, 5)), draw(st.integers(1, 3)), draw(st.integers(1, 5))
    X = np.array(draw(st.lists(halves, min_size=n * d, max_size=n * d))).reshape(n, d)
    X[0, 0] = X[0, 0] or 1.0
    W = np.array(draw(st.lists(halves, min_size=m * d, max_size=m * d))).reshape(m, d)
    y = np.array(draw(st.lists(halves, min_size=n, max_size=n)))
    return X, y, W, np.array(draw(st.lists(st.sampled_from([-1.0, 1.0]), min_size=m, max_size=m)))


@given(net=small_nets(), flow=st.sampled_from(FLOWS))
def test_the_energy_never_rises_and_the_weights_explain_the_errors(net, flow):
    run = relu_flow(*net, flow, np.linspace(0.0, 5.0, 21))
    total = energy(run, flow)
    assert np.diff(total).max() <= 1e-9 * max(total[0], 1.0)
    assert run.consistency < ROUNDING * 10
    assert run.status is ReluStatus.FINISHED


@given(seed=st.integers(0, 10**6), flow=st.sampled_from(FLOWS))
def test_random_networks_lose_energy_and_keep_their_predictions(seed, flow):
    rng = np.random.default_rng(seed)
    n, d, m = rng.integers(1, 8), rng.integers(1, 5), rng.integers(1, 30)
    run = relu_flow(*random_net(seed, n=n, d=d, m=m), flow, np.linspace(0.0, 5.0, 21))
    total = energy(run, flow)
    assert np.diff(total).max() <= 1e-9 * max(total[0], 1.0)
    assert run.consistency < ROUNDING * 10


def test_lists_that_are_too_short_grow_without_changing_the_answer(monkeypatch):
    net = random_net(37, n=5, m=8)
    usual = relu_flow(*net, GradientFlow(), [8.0])
    growths = []
    grow = _relu_horizons.with_more_slots
    monkeypatch.setattr(_relu_horizons, "with_more_slots", lambda rows: growths.append(1) or grow(rows))
    monkeypatch.setattr(_relu_start, "SLOTS", 1)
    monkeypatch.setattr(_relu_horizons, "CAPACITY", 4)
    grown = relu_flow(*net, GradientFlow(), [8.0])
    assert growths
    assert grown.event_count == usual.event_count
    np.testing.assert_allclose(grown.errors, usual.errors, atol=ROUNDING)


@given(seed=st.integers(0, 10**6), moment=st.floats(0.1, 2.0), window=st.floats(0.0, 2.0))
def test_a_certificate_is_never_below_the_bound_from_its_last_value_and_slope(seed, moment, window):
    """phi = offset + K.J with J' = Delta, Delta' = -H Delta, seen at time zero, bounded from moment on."""
    rng = np.random.default_rng(seed)
    root, K, start = rng.standard_normal((3, 3)), rng.standard_normal(3), rng.standard_normal(3)
    values, basis = np.linalg.eigh(root @ root.T + 0.01 * np.eye(3))
    times = np.concatenate([np.linspace(0.0, moment, 5), np.linspace(moment, moment + window, 41)[1:]])
    decay = np.exp(-np.outer(times, values))
    errors = decay * (start @ basis) @ basis.T
    phi = 2.0 + ((1.0 - decay) / values * (start @ basis)) @ basis.T @ K
    turns = [_relu_candidate_kernels.distance.py_func(a, b, 0, 3) for a, b in pairwise(errors[:5])]
    ahead = _relu_candidate_kernels.distance.py_func(errors[4], errors[-1], 0, 3)
    number = np.zeros((1, 8))
    number[0, _relu_watch_kernels.SIZE] = np.linalg.norm(K)
    _relu_watch_kernels.note_value.py_func(number, 0, phi[0], K @ errors[0], 0.0, 0.0, 0.0)
    least = _relu_candidate_kernels.least_value.py_func(number, 0, moment, window, sum(turns) + ahead, 0.0)
    assert phi[4:].min() >= least - ROUNDING
    straight = phi[0] + K @ errors[0] * (moment + window * (K @ errors[0] < 0.0))
    assert least <= straight  # it is no better than what is known: the slope may have changed


def test_zero_weights_stay_at_rest():
    run = relu_flow(np.eye(2), [1.0, -1.0], np.zeros((3, 2)), [1.0, -1.0, 1.0], GradientFlow(), [0.0, 9.0])
    np.testing.assert_array_equal(run.errors, [[-1.0, 1.0]] * 2)
    np.testing.assert_array_equal(run.weights, 0.0)


@pytest.mark.parametrize("budget", [{"max_events": 20}, {"max_seconds": 1e-9}])
def test_a_spent_budget_raises_with_the_trajectory_so_far(budget):
    X, y, W, a = random_net(0, n=30, d=5, m=300)
    with pytest.raises(IntegrationError, match="raise the budget") as caught:
        relu_flow(X, y, W, a, GradientFlow(), [0.0, 50.0], **budget)
    run = caught.value.partial
    assert run.status in (ReluStatus.EVENT_BUDGET, ReluStatus.TIME_BUDGET)
    assert run.times[-1] < 50.0
    assert run.consistency < ROUNDING
    whole = relu_flow(X, y, W, a, GradientFlow(), run.times)
    np.testing.assert_allclose(whole.errors[-1], run.errors[-1], atol=ROUNDING)


RUN_KERNELS = [
    _relu_event_kernels.advance,
    _relu_horizon_kernels.compose,
    _relu_horizon_kernels.select_gates,
    _relu_row_kernels.mix_all,
    _relu_taylor_kernels.preview,
]

GOOD = {
    "X": np.eye(2),
    "y": [1.0, 1.0],
    "W": np.ones((3, 2)),
    "a": np.ones(3),
    "flow": GradientFlow(),
    "times": [1.0],
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": [1.0]}, "y of shape"),
        ({"W": np.ones((3, 3))}, "W of shape"),
        ({"a": np.ones(2)}, "a of shape"),
        ({"a": [1.0, 0.0, 1.0]}, r"a\[1\]=0"),
        ({"X": np.zeros((2, 2))}, "only zero rows"),
        ({"X": [[1.0, 0.0], [1.0, 1e-8]]}, "parallel or at an angle"),
        ({"X": [[1.0, np.nan], [1.0, 1.0]]}, "finite"),
        ({"times": [2.0, 1.0]}, "increase strictly"),
        ({"times": [-1.0]}, ">= 0"),
        ({"flow": LinearFlow((1.0,))}, "GradientFlow, HeavyBall or Nesterov"),
        ({"tolerance": 0.0}, "tolerance > 0"),
        ({"max_events": 0}, "max_events >= 1"),
        ({"max_seconds": -1.0}, "max_seconds > 0"),
    ],
)
def test_bad_arguments_are_refused_with_what_was_expected(change, message):
    arguments = {**GOOD, **change}
    positional = [arguments.pop(name) for name in ("X", "y", "W", "a", "flow", "times")]
    with pytest.raises(InvalidArgumentError, match=message):
        relu_flow(*positional, **arguments)


def test_warming_compiles_everything_that_a_run_calls():
    _relu_horizon_kernels.warm()
    compiled = [len(kernel.signatures) for kernel in RUN_KERNELS]
    relu_flow(*random_net(0, n=6, m=20), HeavyBall(1.0), [3.0])
    relu_flow(*random_net(1, n=6, m=20), GradientFlow(), [3.0])
    assert [len(kernel.signatures) for kernel in RUN_KERNELS] == compiled
    assert compiled == [1] * len(RUN_KERNELS)


def test_results_cannot_be_rebound():
    run = relu_flow(*GOOD.values())
    with pytest.raises(dataclasses.FrozenInstanceError):
        run.errors = None
