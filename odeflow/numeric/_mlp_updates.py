"""One step of each optimiser on stacked parameters (s, P), as its paper defines it; each run has its own constants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from jaxtyping import Bool, Float

from odeflow.errors import InvalidArgumentError
from odeflow.numeric.arrays import require_finite, require_positive
from odeflow.numeric.optimisers import GradientDescent, HeavyBallMethod, NesterovMethod, NesterovStronglyConvex

__all__ = ["AdaDelta", "AdaGrad", "Adam", "MlpOptimiser", "Update"]


@dataclass(frozen=True)
class AdaGrad:
    """AdaGrad, diagonal form: G += g^2, w -= learning_rate g / (sqrt(G) + epsilon), entrywise, G = 0 at the start.

    References
    ----------
    Duchi, Hazan and Singer (2011), Adaptive subgradient methods, figure 1 (composite mirror descent, no regulariser).
    """

    learning_rate: float
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        require_positive("learning_rate", self.learning_rate)
        require_positive("epsilon", self.epsilon)


@dataclass(frozen=True)
class AdaDelta:
    """AdaDelta: E = rho E + (1 - rho) g^2, D = -sqrt(U + epsilon)/sqrt(E + epsilon) g, U = rho U + (1 - rho) D^2.

    w += learning_rate D; the paper has no learning rate, that is 1.

    References
    ----------
    Zeiler (2012), ADADELTA: an adaptive learning rate method, algorithm 1.
    """

    rho: float = 0.95
    epsilon: float = 1e-6
    learning_rate: float = 1.0

    def __post_init__(self) -> None:
        _require_fraction("rho", self.rho)
        require_positive("epsilon", self.epsilon)
        require_positive("learning_rate", self.learning_rate)


@dataclass(frozen=True)
class Adam:
    """Adam: m = beta1 m + (1 - beta1) g, v = beta2 v + (1 - beta2) g^2, both debiased by 1 - beta^t at step t = 1, ...

    w -= learning_rate m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon)

    References
    ----------
    Kingma and Ba (2015), Adam: a method for stochastic optimization, algorithm 1.
    """

    learning_rate: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8

    def __post_init__(self) -> None:
        require_positive("learning_rate", self.learning_rate)
        _require_fraction("beta1", self.beta1)
        _require_fraction("beta2", self.beta2)
        require_positive("epsilon", self.epsilon)


MlpOptimiser: TypeAlias = (
    GradientDescent | HeavyBallMethod | NesterovMethod | NesterovStronglyConvex | AdaGrad | AdaDelta | Adam
)


class Update:
    """The steps of one kind of optimiser on a stack of runs, with their memory; the only mutable object here."""

    def __init__(self, optimisers: Sequence[MlpOptimiser]) -> None:
        self._kind = type(optimisers[0])
        names = {
            GradientDescent: ("learning_rate",),
            HeavyBallMethod: ("learning_rate", "momentum", "centred_start"),
            NesterovMethod: ("learning_rate", "gamma"),
            NesterovStronglyConvex: ("learning_rate", "momentum"),
            AdaGrad: ("learning_rate", "epsilon"),
            AdaDelta: ("learning_rate", "rho", "epsilon"),
            Adam: ("learning_rate", "beta1", "beta2", "epsilon"),
        }
        if self._kind not in names:
            raise InvalidArgumentError(f"Expected an optimiser of mlp_training but got {optimisers[0]!r}.")
        self._constants = [
            np.array([[float(getattr(one, name))] for one in optimisers]) for name in names[self._kind]
        ]
        self._memory: list[Float[np.ndarray, "s p"]] = []
        self._step = 0

    def keep(self, which: Bool[np.ndarray, " s"]) -> None:
        """Forget the runs that left the stack."""
        self._constants = [constant[which] for constant in self._constants]
        self._memory = [memory[which] for memory in self._memory]

    def __call__(self, w: Float[np.ndarray, "s p"], g: Float[np.ndarray, "s p"]) -> Float[np.ndarray, "s p"]:
        """Return the next parameters."""
        self._step += 1
        rate = self._constants[0]
        if self._kind is GradientDescent:
            return np.asarray(w - rate * g)
        if self._kind is HeavyBallMethod:
            return self._heavy_ball(w, g)
        if self._kind in (NesterovMethod, NesterovStronglyConvex):
            return self._nesterov(w, g)
        if not self._memory:
            self._memory = [np.zeros_like(w) for _ in range(1 if self._kind is AdaGrad else 2)]
        if self._kind is AdaGrad:
            total = self._memory[0]
            total += g * g
            return np.asarray(w - rate * g / (np.sqrt(total) + self._constants[1]))
        first, second = self._memory
        if self._kind is AdaDelta:
            _, rho, epsilon = self._constants
            first += (1.0 - rho) * (g * g - first)
            change = -np.sqrt((second + epsilon) / (first + epsilon)) * g
            second += (1.0 - rho) * (change * change - second)
            return np.asarray(w + rate * change)
        _, beta1, beta2, epsilon = self._constants
        first += (1.0 - beta1) * (g - first)
        second += (1.0 - beta2) * (g * g - second)
        mean, square = first / (1.0 - beta1**self._step), second / (1.0 - beta2**self._step)
        return np.asarray(w - rate * mean / (np.sqrt(square) + epsilon))

    def _heavy_ball(self, w: Float[np.ndarray, "s p"], g: Float[np.ndarray, "s p"]) -> Float[np.ndarray, "s p"]:
        rate, momentum, centred = self._constants
        first_scale = np.where(centred > 0.0, 1.0 + momentum, 1.0)
        velocity = momentum * self._memory[0] - g if self._memory else -g / first_scale
        self._memory = [velocity]
        return np.asarray(w + rate * velocity)

    def _nesterov(self, w: Float[np.ndarray, "s p"], g: Float[np.ndarray, "s p"]) -> Float[np.ndarray, "s p"]:
        rate, constant = self._constants
        before = self._memory[0] if self._memory else w
        after = w - rate * g
        self._memory = [after]
        momentum = (self._step - 1) / (self._step + constant - 1.0) if self._kind is NesterovMethod else constant
        return np.asarray(after + momentum * (after - before))


def _require_fraction(name: str, value: float) -> None:
    if not 0.0 <= require_finite(name, value) < 1.0:
        raise InvalidArgumentError(f"Expected 0 <= {name} < 1 but got {name}={value}.")
