"""Finite numbers of any size, at every door of the numeric rooms: a sound result or one error that says what came.

Entries come from a palette between the smallest and the largest double. A result is sound if nothing in it is NaN or
infinite, but in runs that say themselves that they diverged. Nothing warns, and nothing takes longer than seconds.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import math
import os
import pkgutil
import time
import warnings
from collections.abc import Callable
from fractions import Fraction
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
import sympy as sp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import odeflow.numeric
from odeflow import subjects
from odeflow.codegen import compile_field
from odeflow.datasets import Dataset, hypotheses, normalised, standardised
from odeflow.errors import OdeflowError
from odeflow.flow_text import parse_flow
from odeflow.numeric import (
    activations,
    arrays,
    confusion,
    confusion_training,
    deep_kernels,
    eigenvalues,
    flows,
    geometry,
    integrate,
    kernels,
    linear_flow,
    linear_training,
    loss_curves,
    mlp_training,
    modal,
    momenta,
    optimisers,
    randomness,
    rate_quantities,
    rates,
    relu_flow,
    relu_general,
    scaling,
    training,
    weight_flow,
)
from odeflow.simulation import Subject, simulate

CASES = int(os.environ.get("ODEFLOW_FUZZ_CASES", "25"))
LONGEST_SECONDS = 5.0
"""Of processor time of this thread; the first call of a door may compile kernels and is not timed."""
LARGEST = float(np.finfo(np.float64).max)
SIZES = (5e-324, 1e-310, 1e-200, 1e-160, 1e-100, 1e-30, 1e-8, 1.0, 1e8, 1e30, 1e75, 1e100, 1e150, 1e154, 1e200, 1e308)
NUMBERS = (0.0, 1.0, -1.0, 0.5, 3.0, *SIZES, LARGEST, *(-size for size in SIZES))
x, c = sp.symbols("x c", real=True)
FIELD = compile_field([-c * x], [x], parameters=[c])
CUBIC = compile_field([x - c * x**3], [x], parameters=[c])


class Draws:
    """Arguments of a door, drawn: sizes of arrays are small, sizes of entries are not."""

    def __init__(self, below: Callable[[int], int]) -> None:
        self._below = below

    def one(self, *among: Any) -> Any:
        return among[self._below(len(among))]

    def number(self) -> float:
        return self.one(*NUMBERS)

    def positive(self) -> float:
        return abs(self.number()) or 1.0

    def array(self, *shape: int) -> Any:
        """Return ordinary entries times one size, or entries of any sizes."""
        count = math.prod(shape)
        if self.one(True, False):
            ordinary = [0.5, -1.0, 1.25, 0.75, -0.25, 2.0, -1.5, 1.0]
            turn = self._below(8)
            found = np.array([ordinary[(turn + 3 * k + k // 8) % 8] for k in range(count)]) * min(
                self.positive(), 5e307
            )
        else:
            found = np.array([self.number() for _ in range(count)])
        return found.reshape(shape)

    def positives(self, n: int) -> Any:
        return np.abs(self.array(n))

    def times(self, n: int = 4) -> Any:
        return np.unique(np.abs(self.array(n))) if self.one(True, False) else np.arange(n) * min(self.positive(), 1e306)

    def kernel(self, n: int = 3) -> Any:
        """Return a symmetric matrix, mostly positive semi-definite."""
        kind = self.one("gram", "diagonal", "any")
        if kind == "diagonal":
            return np.diag(np.abs(self.array(n)))
        if kind == "any":
            found = np.tril(self.array(n, n))
            return found + np.tril(found, -1).T
        root = np.array([[1.0, 0.5, 0.0], [0.0, 1.0, -0.5], [0.5, 0.0, 1.0]])[:n, :n]
        return root @ root.T * min(self.positive(), 1e308)

    def flow(self) -> Any:
        kind = self.one("gradient", "heavy", "nesterov", "linear")
        if kind == "linear":
            return flows.LinearFlow(tuple(self.number() for _ in range(self.one(0, 1, 2, 3))))
        return {
            "gradient": lambda: flows.GradientFlow(),
            "heavy": lambda: flows.HeavyBall(self.positive()),
            "nesterov": lambda: flows.Nesterov(self.one(3.0, 2.0, 0.1, self.positive())),
        }[kind]()

    def optimiser(self, *, several: bool = False) -> Any:
        made = [self._optimiser() for _ in range(2 if several else 1)]
        return made if several else made[0]

    def _optimiser(self) -> Any:
        rate = self.positive()
        return self.one(
            lambda: optimisers.GradientDescent(rate),
            lambda: optimisers.HeavyBallMethod(rate, self.one(0.0, 0.9, 1.0, 5e-324, self.positive())),
            lambda: optimisers.NesterovMethod(rate, self.positive()),
            lambda: optimisers.NesterovStronglyConvex(rate, self.positive()),
        )()

    def mlp_optimiser(self) -> Any:
        rate, small = self.positive(), self.positive()
        share = self.one(0.0, 0.5, 0.9, 5e-324, 1.0 - 1e-16)
        return self.one(
            lambda: self._optimiser(),
            lambda: mlp_training.AdaGrad(rate, small),
            lambda: mlp_training.AdaDelta(share, small, rate),
            lambda: mlp_training.Adam(rate, share, self.one(0.0, 0.999), small),
        )()

    def mlp_loss(self) -> Any:
        return self.one(mlp_training.PowerLoss(2), mlp_training.PowerLoss(6, average=True))

    def activation(self) -> Any:
        return self.one(*activations.Activation)


def network(d: Draws) -> Any:
    return mlp_training.Network((2, 3, 1), d.activation(), d.one(True, False), d.one(True, False))


def classifier(d: Draws) -> Any:
    return confusion.Architecture(
        (2, 3, 1), d.activation(), skip=d.one(True, False), batch_norm=d.one(True, False), epsilon=d.positive()
    )


def sample_loss(d: Draws) -> Any:
    return d.one(confusion.LogisticLoss(), mlp_training.PowerLoss(2), mlp_training.PowerLoss(4))


def about_gradients(door: Callable[..., Any], *between: Any) -> Callable[[Draws], Any]:
    def call(d: Draws) -> Any:
        net = classifier(d)
        return door(net, d.array(net.size), d.array(4, 2), d.array(4), *between, loss=sample_loss(d))

    return call


def mlp_losses(d: Draws) -> Any:
    net = network(d)
    return mlp_training.loss_and_gradient(
        net, d.array(net.size), d.array(4, 2), d.array(4), loss=d.mlp_loss(), weight_decay=abs(d.number())
    )


def mlp_predictions(d: Draws) -> Any:
    net = network(d)
    return mlp_training.predict(net, d.array(net.size), d.array(4, 2))


def mlp_run(d: Draws) -> Any:
    net = network(d)
    return mlp_training.train_mlp(
        net, d.array(net.size), d.array(4, 2), d.array(4), d.mlp_optimiser(), 5,
        loss=d.mlp_loss(), weight_decay=abs(d.number()), batch_size=d.one(None, 2),
    )  # fmt: skip


def minibatch_run(d: Draws) -> Any:
    net = classifier(d)
    return confusion_training.train_by_minibatches(
        net, d.array(2, net.size), d.array(4, 2), d.array(4), d.positives(2), 5,
        batch_size=2, loss=sample_loss(d), stop_below=d.one(None, d.positive()),
    )  # fmt: skip


def relu_arguments(d: Draws) -> tuple[Any, ...]:
    return d.array(3, 2), d.array(3), d.array(4, 2), d.array(4)


def integrated(d: Draws) -> Any:
    field = d.one(FIELD, CUBIC)
    return integrate.integrate(
        field, d.array(1), d.times(), parameters=d.array(1), rtol=d.one(1e-9, 0.0, d.positive()),
        atol=d.one(1e-12, d.positive()), max_steps=2000, max_step=d.one(math.inf, d.positive()),
    )  # fmt: skip


def decay(n: int, d: Draws) -> Any:
    """Return a loss curve at an ordinary or extreme scale."""
    return np.exp(-0.1 * np.arange(n)) * min(d.positive(), 1e308) if d.one(True, False) else d.positives(n)


def clock(n: int, d: Draws) -> Any:
    return np.arange(1, n + 1) * min(d.positive(), 1e306) if d.one(True, True, False) else d.times(n)


def curve(door: Callable[..., Any], **options: Any) -> Callable[[Draws], Any]:
    def call(d: Draws) -> Any:
        times = clock(40, d)
        return door(times, decay(len(times), d), **options)

    return call


def small_layers(d: Draws) -> Any:
    return [d.array(2, 2), d.array(2, 2)]


DOORS: dict[Any, Callable[[Draws], Any]] = {
    activations.activated: lambda d: activations.activated(d.array(4), d.activation()),
    confusion.batch_gradients: about_gradients(confusion.batch_gradients, [[0, 1], [2, 3]]),
    confusion.confusion_of_gradients: lambda d: confusion.confusion_of_gradients(d.array(3, 4)),
    confusion.gradient_confusion: about_gradients(confusion.gradient_confusion),
    confusion.gradient_gram: about_gradients(confusion.gradient_gram),
    confusion.minibatch_confusion: about_gradients(confusion.minibatch_confusion, [[0, 1], [2, 3]]),
    confusion.per_sample_gradients: about_gradients(confusion.per_sample_gradients),
    confusion.sample_losses: about_gradients(confusion.sample_losses),
    confusion_training.train_by_minibatches: minibatch_run,
    deep_kernels.mlp_ntk: lambda d: deep_kernels.mlp_ntk(
        d.array(3, 2), [d.array(4, 2), d.array(3, 4), d.array(1, 3)], activation=d.activation()
    ),
    deep_kernels.mlp_ntk_layers: lambda d: deep_kernels.mlp_ntk_layers(
        d.array(3, 2), [d.array(4, 2), d.array(1, 4)], activation=d.activation()
    ),
    deep_kernels.mlp_ntk_limit: lambda d: deep_kernels.mlp_ntk_limit(d.array(3, 2), d.one(1, 2, 5)),
    eigenvalues.kernel_spectrum: lambda d: eigenvalues.kernel_spectrum(d.kernel()),
    eigenvalues.smallest_eigenvalue: lambda d: eigenvalues.smallest_eigenvalue(
        d.kernel(), entry_error=d.one(0.0, d.positive())
    ),
    geometry.pairwise_angles: lambda d: geometry.pairwise_angles(d.array(3, 2)),
    integrate.integrate: integrated,
    integrate.integrate_ensemble: lambda d: integrate.integrate_ensemble(
        d.one(FIELD, CUBIC), d.array(9, 1), d.times(), parameters=d.array(1), max_steps=2000,
        keep_failed=d.one(True, False), vectorised=d.one(True, False),
    ),
    integrate.integrate_with_error_bar: lambda d: integrate.integrate_with_error_bar(
        d.one(FIELD, CUBIC), d.array(1), d.times(), parameters=d.array(1), max_steps=2000
    ),
    kernels.relu_ntk: lambda d: kernels.relu_ntk(d.array(3, 2), d.array(4, 2), a=d.one(None, d.array(4))),
    kernels.relu_ntk_limit: lambda d: kernels.relu_ntk_limit(d.array(3, 2)),
    kernels.relu_ntk_limit_entry_error: lambda d: kernels.relu_ntk_limit_entry_error(d.array(3, 2)),
    linear_flow.balanced_layers: lambda d: linear_flow.balanced_layers(d.array(2, 3), d.one(1, 2, 5, 16)),
    linear_flow.imbalance: lambda d: linear_flow.imbalance(small_layers(d)),
    linear_flow.flow_layers: lambda d: linear_flow.flow_layers(
        small_layers(d), d.array(2, 2), d.times(3), inputs=d.one(None, d.array(2, 4)[:, :2]), max_steps=2000,
        solver=d.one(*linear_flow.Solver),
    ),
    linear_flow.flow_end_to_end: lambda d: linear_flow.flow_end_to_end(
        d.array(2, 2), d.array(2, 2), d.times(3), depth=d.one(1, 2, 4, 16), max_steps=2000,
        method=d.one(*linear_flow.Method), tolerance=d.one(1e-10, 1e-6, d.positive()),
    ),
    linear_training.initial_layers: lambda d: linear_training.initial_layers((2, 2, 1), [0], deviation=abs(d.number())),
    linear_training.least_loss: lambda d: linear_training.least_loss(
        d.array(4, 2), d.array(4), loss=mlp_training.PowerLoss(d.one(2, 4, 6), average=True), max_steps=100
    ),
    linear_training.train_end_to_end: lambda d: linear_training.train_end_to_end(
        d.array(1, 2), d.array(4, 2), d.array(4), d.positives(2), 5, depth=d.one(1, 2, 5),
        weight_decay=abs(d.number()), loss=d.mlp_loss(), levels=d.one([1.0], d.positives(2)),
    ),
    linear_training.train_layers: lambda d: linear_training.train_layers(
        [d.array(2, 2), d.array(1, 2)], d.array(4, 2), d.array(4), d.mlp_optimiser(), 5,
        weight_decay=abs(d.number()), loss=d.mlp_loss(),
    ),
    loss_curves.crossing_time: lambda d: loss_curves.crossing_time(
        [0.0, 1.0, d.one(2.0, 1e308)], d.array(3), d.array(3)
    ),
    loss_curves.envelope: curve(loss_curves.envelope),
    loss_curves.is_monotone: lambda d: loss_curves.is_monotone(d.array(4), tolerance=abs(d.number())),
    mlp_training.initial_parameters: lambda d: mlp_training.initial_parameters(
        network(d), [0], deviation=d.one(None, abs(d.number()))
    ),
    mlp_training.loss_and_gradient: mlp_losses,
    mlp_training.predict: mlp_predictions,
    mlp_training.train_mlp: mlp_run,
    modal.frozen_kernel_flow: lambda d: modal.frozen_kernel_flow(
        d.flow(), d.kernel(), d.array(3), d.times(), initial_velocity=d.one(None, None, d.array(3))
    ),
    modal.frozen_kernel_losses: lambda d: modal.frozen_kernel_losses(d.flow(), d.kernel(), d.array(3), d.times()),
    modal.mode_response: lambda d: modal.mode_response(d.flow(), d.positives(3), d.times()),
    modal.mode_velocity: lambda d: modal.mode_velocity(d.flow(), d.positives(3), d.times()),
    momenta.iterate_momenta: lambda d: momenta.iterate_momenta(
        lambda w: w, d.array(2), learning_rate=d.positive(), momenta=[d.one(0.5, d.number())], steps=4,
        observe=lambda w: float(w[0]),
    ),
    optimisers.matching_optimiser: lambda d: optimisers.matching_optimiser(
        d.flow(), d.positive(), second_order=d.one(True, False)
    ),
    randomness.autoregression_of_turning_share: lambda d: randomness.autoregression_of_turning_share(d.number()),
    randomness.count_turning_points: lambda d: randomness.count_turning_points(d.array(5)),
    randomness.deviation_test: lambda d: randomness.deviation_test(d.array(9), deviation=d.positive()),
    randomness.kolmogorov_smirnov: lambda d: randomness.kolmogorov_smirnov(
        d.array(9), mean=d.number(), deviation=d.positive()
    ),
    randomness.kolmogorov_smirnov_power: lambda d: randomness.kolmogorov_smirnov_power(20, d.number(), d.number()),
    randomness.mean_test: lambda d: randomness.mean_test(d.array(9), mean=d.number(), deviation=d.positive()),
    randomness.turning_points: lambda d: randomness.turning_points(d.array(9)),
    randomness.turning_share_of_autoregression: lambda d: randomness.turning_share_of_autoregression(d.number()),
    rate_quantities.loss_rate: lambda d: rate_quantities.loss_rate(
        d.positives(4), times=d.one(None, np.arange(4) * 1e8)
    ),
    rate_quantities.loss_ratio: lambda d: rate_quantities.loss_ratio(d.positives(4)),
    rate_quantities.residual_factor: lambda d: rate_quantities.residual_factor(d.positives(4), power=d.one(2, 4)),
    rate_quantities.residual_rate: lambda d: rate_quantities.residual_rate(d.positives(4), times=d.times()),
    rates.fit_exponential: curve(rates.fit_exponential),
    rates.fit_power: curve(rates.fit_power),
    rates.which_law: curve(rates.which_law),
    relu_flow.relu_flow: lambda d: relu_flow.relu_flow(
        *relu_arguments(d), d.flow(), d.times(3), tolerance=d.one(1e-10, d.positive()), max_events=2000
    ),
    relu_flow.relu_predictions: lambda d: relu_flow.relu_predictions(d.array(3, 2), d.array(4, 2), d.array(4)),
    relu_general.relu_flow_general: lambda d: relu_general.relu_flow_general(
        *relu_arguments(d), d.flow(), d.times(3), accuracy=d.one(1e-3, d.positive()), max_evaluations=100
    ),
    scaling.fit_scaling: lambda d: scaling.fit_scaling(clock(5, d), np.abs(d.array(5, 3))),
    training.iterate_modes: lambda d: training.iterate_modes(d.optimiser(), d.array(3), 6),
    training.train_relu: lambda d: training.train_relu(*relu_arguments(d), d.optimiser(several=d.one(True, False)), 6),
    weight_flow.weight_flow: lambda d: weight_flow.weight_flow(
        quartic, d.array(3), d.one(*FLOWS), d.times(3), observe=np.copy, tolerance=d.one(1e-6, d.positive()),
        max_evaluations=400,
    ),
}  # fmt: skip


TEXTS = ["x' + grad(x)", "x'' + 3/t*x' + grad(x)", "x'' + x' + 1/2*hess*x' + grad(x)", "x'' + 1/t^2*x' + t*grad(x)"]
FLOWS = [parse_flow(text).at() for text in TEXTS]


def quartic(w: np.ndarray) -> np.ndarray:
    """Return the gradient of |w|^4/4."""
    return np.asarray((w @ w) * w)


def data_set(d: Draws) -> Dataset:
    return Dataset("small", d.array(3, 2), d.array(3), ("a", "b"), "y", "made up", "none")


def simulated(d: Draws) -> Any:
    """Return times and losses on data of any size, or on ordinary data for times of any size."""
    own = {"data": data_set(d)} if d.one(True, False) else {"samples": 5, "features": 3}
    flow = d.one("gradient-flow", "heavy-ball", "nesterov")
    with patch.object(subjects, "WEIGHT_BUDGET", 2e9), patch.object(subjects, "WEIGHT_RECORDS", 40):
        ensemble = simulate(
            flow, subject=d.one(*Subject), width=20, seeds=1, horizon=d.one(None, None, d.positive()),
            learning_rate=d.one(None, None, None, d.positive()), **own,
        )  # fmt: skip
    return [run.times for run in ensemble.runs], [run.losses for run in ensemble.runs]


DOORS |= {
    hypotheses: lambda d: hypotheses(data_set(d)),
    normalised: lambda d: normalised(data_set(d)).features,
    standardised: lambda d: standardised(data_set(d)).features,
    simulate: simulated,
}
MAY_BE_INFINITE = {
    training.iterate_modes: "an unstable mode is infinite once it overflows",
    momenta.iterate_momenta: "infinity from the first iterate on at which the record is not finite",
    rate_quantities.loss_rate: "infinity where the loss becomes 0",
    rate_quantities.residual_rate: "infinity where the loss becomes 0",
    simulate: "discrete methods may diverge",
}
MAY_BE_NAN = {
    rates.which_law: ("bend", "interval", "window"),
    confusion.confusion_of_gradients: ("smallest_cosine", "mean_cosine"),
    confusion.gradient_confusion: ("smallest_cosine", "mean_cosine"),
    confusion.minibatch_confusion: ("smallest_cosine", "mean_cosine"),
}
"""Fields that are NaN where they have no meaning, as their documentation says."""
NOT_ASKED = {
    **dict.fromkeys(arrays.__all__, "the checks themselves"),
    **dict.fromkeys(["cache_folder", "load_machine_code"], "no numbers"),
    "initial_weights": "its arguments are whole numbers",
    "two_layer_initialisation": "its arguments are whole numbers",
    "turning_point_counts": "its argument is a whole number",
    "turning_point_moments": "its argument is a whole number",
    "on_grid": "takes checked arrays",
    "units_and_norms": "takes checked arrays; a norm may be infinite, as it says",
}
"""Public functions that these numbers cannot reach, and why."""


def public_functions() -> dict[str, Any]:
    found = {}
    for module in pkgutil.iter_modules(odeflow.numeric.__path__):
        if not module.name.startswith("_"):
            room = importlib.import_module(f"odeflow.numeric.{module.name}")
            for name in getattr(room, "__all__", ()):
                if inspect.isfunction(thing := getattr(room, name)):
                    found[name] = thing
    return found


def unsound(thing: Any, *, infinite: bool = False, but: tuple[str, ...] = (), where: str = "result") -> str:
    """Return where a NaN or an infinity is, or "". Runs that say that they diverged are left out."""
    if isinstance(thing, (bool, int, str, type(None), Fraction)):
        return ""
    if isinstance(thing, (float, np.ndarray, np.generic)):
        numbers = np.asarray(thing)
        if numbers.dtype.kind != "f":
            return ""
        bad = np.isnan(numbers) if infinite else ~np.isfinite(numbers)
        return f"{where} holds {numbers[bad].ravel()[0]}" if bad.any() else ""
    if isinstance(thing, (list, tuple)):
        parts = {f"[{k}]": part for k, part in enumerate(thing)}
    elif dataclasses.is_dataclass(thing):
        parts = {
            f".{field.name}": getattr(thing, field.name) for field in dataclasses.fields(thing) if field.name not in but
        }
        kept = finished(thing)
        if kept is not None:
            parts = {name: of_runs(part, kept) for name, part in parts.items()}
    else:
        return ""
    inner = (unsound(part, infinite=infinite, but=but, where=where + name) for name, part in parts.items())
    return next(filter(None, inner), "")


def finished(run: Any) -> Any:
    """Return which runs of a result ended well, or None if it is no result of several runs."""
    statuses = getattr(run, "statuses", None)
    if statuses is not None:
        return np.array([status.name in ("FINISHED", "COMPLETED") for status in statuses])
    return getattr(run, "reached", None) if isinstance(run, confusion_training.SgdRun) else None


def of_runs(part: Any, kept: Any) -> Any:
    if isinstance(part, tuple):
        return tuple(of_runs(one, kept) for one in part)
    return part[kept] if isinstance(part, np.ndarray) and part.shape[:1] == kept.shape else part


def ended(call: Callable[[Draws], Any], draws: Draws) -> Any:
    """Return what a door gives, or None if it refuses in so many words; anything else is raised."""
    try:
        return call(draws)
    except OdeflowError as error:
        text = str(error)
    assert 20 < len(text) < 1000
    return None


MANY = settings(
    max_examples=CASES,
    deadline=None,
    derandomize=CASES <= 1000,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)


@pytest.mark.parametrize("door", DOORS, ids=lambda door: f"{door.__name__}")
def test_numbers_of_any_size_end_in_a_sound_result_or_in_one_error(door: Any) -> None:
    called = 0

    @MANY
    @given(st.data())
    def drive(data: st.DataObject) -> None:
        nonlocal called
        begin = time.thread_time()
        called += 1
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            result = ended(DOORS[door], Draws(lambda n: data.draw(st.integers(0, n - 1))))
        spent = time.thread_time() - begin
        assert called < 3 or spent < LONGEST_SECONDS, f"took {spent:.1f} s"
        assert not (said := unsound(result, infinite=door in MAY_BE_INFINITE, but=MAY_BE_NAN.get(door, ()))), said

    drive()


def test_every_public_function_of_the_numeric_rooms_is_asked_or_left_out_with_a_reason() -> None:
    asked = {door.__name__ for door in DOORS}
    public = set(public_functions())
    assert public - asked == set(NOT_ASKED)
    assert not asked & set(NOT_ASKED)
