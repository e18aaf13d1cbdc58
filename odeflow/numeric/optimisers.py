"""Which algorithm, and of which flow is it a discretisation? Optimisers as values, with one step of flow time each.

`matching_optimiser` takes a flow and a time step h:

    gradient flow      gradient descent, eta = h, t = h k                                            first order
    heavy ball, b      eta = h^2, momentum 1 - b h, t = h k                                          first order
                       eta = h^2 / (1 + b h/2), momentum (1 - b h/2) / (1 + b h/2), centred start    second order
    Nesterov, gamma    eta = h^2, t = h k                                                            first order

The correspondence is a limit h -> 0, not an identity: at a fixed learning rate Nesterov's method converges linearly on
a strongly convex quadratic, its flow only polynomially; heavy ball with a fixed momentum is, for small learning rates,
gradient flow at time k eta / (1 - momentum).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

from odeflow.errors import InvalidArgumentError
from odeflow.numeric.arrays import require_finite, require_positive
from odeflow.numeric.flows import Flow, GradientFlow, HeavyBall, LinearFlow, Nesterov

__all__ = [
    "GradientDescent",
    "HeavyBallMethod",
    "NesterovMethod",
    "NesterovStronglyConvex",
    "Optimiser",
    "matching_optimiser",
]


@dataclass(frozen=True)
class GradientDescent:
    """Gradient descent w(k+1) = w(k) - eta grad L(w(k)); flow time of step k is eta k.

    `learning_rate` is eta > 0.
    """

    learning_rate: float

    def __post_init__(self) -> None:
        require_positive("learning_rate", self.learning_rate)

    @property
    def time_step(self) -> float:
        """Flow time of one step."""
        return self.learning_rate


@dataclass(frozen=True)
class HeavyBallMethod:
    """Polyak's heavy ball w(k+1) = w(k) - eta grad L(w(k)) + beta (w(k) - w(k-1)), w(-1) = w(0).

    Equivalently v(k) = beta v(k-1) - grad L(w(k)), w(k+1) = w(k) + eta v(k). Flow time of step k is sqrt(eta) k.

    Attributes
    ----------
    learning_rate
        eta > 0.
    momentum
        0 <= beta <= 1; beta = 1 has no friction and does not converge.
    centred_start
        Scale the first gradient step by 1 / (1 + beta), the Taylor step of a particle at rest. With the momentum of
        `matching_optimiser(..., second_order=True)` the trajectory is then second-order accurate.
    """

    learning_rate: float
    momentum: float
    centred_start: bool = False

    def __post_init__(self) -> None:
        require_positive("learning_rate", self.learning_rate)
        if not 0.0 <= require_finite("momentum", self.momentum) <= 1.0:
            raise InvalidArgumentError(
                f"Expected 0 <= momentum <= 1 but got momentum={self.momentum}. For a flow use a step h <= 1 / damping."
            )

    @property
    def time_step(self) -> float:
        """Flow time of one step: sqrt(eta), or with a centred start sqrt(2 eta / (1 + beta)).

        Both are the h of `matching_optimiser`.
        """
        if self.centred_start:
            return math.sqrt(2.0 * self.learning_rate / (1.0 + self.momentum))
        return math.sqrt(self.learning_rate)


@dataclass(frozen=True)
class NesterovMethod:
    """Nesterov's method with vanishing damping; flow time of step k is sqrt(eta) k.

    v(k+1) = w(k) - eta grad L(w(k)),  w(k+1) = v(k+1) + (k-1)/(k+gamma-1) (v(k+1) - v(k)),  k = 1, 2, ...

    The paper's k starts at 1, where the fraction is 0; step 0 of a run is the paper's w(1). `learning_rate` is
    eta > 0, `gamma` > 0 the friction parameter (3 is Nesterov's own choice, up to lower-order terms).
    """

    learning_rate: float
    gamma: float = 3.0

    def __post_init__(self) -> None:
        require_positive("learning_rate", self.learning_rate)
        require_positive("gamma", self.gamma)

    @property
    def time_step(self) -> float:
        """Flow time of one step."""
        return math.sqrt(self.learning_rate)


@dataclass(frozen=True)
class NesterovStronglyConvex:
    """Nesterov's method for strongly convex losses: as `NesterovMethod` with one momentum for all steps.

    momentum q = (1 - sqrt(mu eta)) / (1 + sqrt(mu eta)); its flow is heavy ball with damping 2 sqrt(mu)

    `learning_rate` is eta > 0, `strong_convexity` is mu > 0, with mu eta <= 1.

    References
    ----------
    Bu, Xu and Chen (2021), footnote 2 (whose mu is lambda_0 / 2, not the printed square root of it).
    """

    learning_rate: float
    strong_convexity: float

    def __post_init__(self) -> None:
        require_positive("learning_rate", self.learning_rate)
        require_positive("strong_convexity", self.strong_convexity)
        if self.learning_rate * self.strong_convexity > 1.0:
            raise InvalidArgumentError(
                "Expected strong_convexity * learning_rate <= 1 but got "
                f"{self.strong_convexity} * {self.learning_rate}. Use a smaller learning rate."
            )

    @property
    def momentum(self) -> float:
        """The constant momentum q, in [0, 1)."""
        root = math.sqrt(self.strong_convexity * self.learning_rate)
        return (1.0 - root) / (1.0 + root)

    @property
    def time_step(self) -> float:
        """Flow time of one step."""
        return math.sqrt(self.learning_rate)


Optimiser: TypeAlias = GradientDescent | HeavyBallMethod | NesterovMethod | NesterovStronglyConvex


def matching_optimiser(flow: Flow, step: float, *, second_order: bool = False) -> Optimiser:
    """Return the optimiser that discretises a flow with the time step h = `step`, so that step k is time h k.

    See the module for the table. Only heavy ball has a second-order match.

    Parameters
    ----------
    flow
        Gradient flow, heavy ball or Nesterov.
    step
        h > 0, in flow time; heavy ball needs h <= 1 / damping (2 / damping for the second-order match).
    second_order
        Return the heavy ball whose trajectory is accurate to h^2 instead of h.

    Raises
    ------
    InvalidArgumentError
        The step is too large, or the flow has no such discretisation.

    References
    ----------
    Bu, Xu and Chen (2021), section 3; Su, Boyd and Candes (2016), A differential equation for modeling Nesterov's
    accelerated gradient method.

    Examples
    --------
    >>> matching_optimiser(HeavyBall(damping=2.0), 0.125)
    HeavyBallMethod(learning_rate=0.015625, momentum=0.75, centred_start=False)
    """
    h = require_positive("step", step)
    if second_order and not isinstance(flow, HeavyBall):
        raise InvalidArgumentError(
            f"Expected a heavy ball for second_order=True but got {flow}. Gradient descent and Nesterov's method are "
            "first-order discretisations; leave second_order out."
        )
    if isinstance(flow, GradientFlow):
        return GradientDescent(h)
    if isinstance(flow, Nesterov):
        return NesterovMethod(h * h, flow.gamma)
    if isinstance(flow, LinearFlow):
        raise InvalidArgumentError(
            f"Expected gradient flow, heavy ball or Nesterov but got {flow}. Linear flows have no optimiser here; "
            "simulate them with odeflow.numeric.modal."
        )
    friction = 0.5 * flow.damping * h if second_order else flow.damping * h
    if friction > 1.0:
        raise InvalidArgumentError(
            f"Expected a momentum >= 0 but damping {flow.damping} and step {h} give a negative one. "
            f"Use a step of at most {h / friction:g}."
        )
    if second_order:
        return HeavyBallMethod(h * h / (1.0 + friction), (1.0 - friction) / (1.0 + friction), centred_start=True)
    return HeavyBallMethod(h * h, 1.0 - friction)
