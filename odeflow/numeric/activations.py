"""The activations that networks of this library have, with their derivatives."""

from __future__ import annotations

from enum import Enum

import numpy as np
from jaxtyping import Float
from scipy.special import expit

from odeflow.errors import InvalidArgumentError

__all__ = ["Activation", "activated"]


class Activation(Enum):
    """Activation phi of the hidden layers; the derivative of RELU at 0 is 0, SIGMOID is 1/(1 + e^{-z})."""

    RELU = "relu"
    TANH = "tanh"
    IDENTITY = "identity"
    SIGMOID = "sigmoid"


def activated(
    z: Float[np.ndarray, "*shape"], activation: Activation
) -> tuple[Float[np.ndarray, "*shape"], Float[np.ndarray, "*shape"] | None]:
    """Compute phi(z) and phi'(z), entry by entry.

    Parameters
    ----------
    z
        Pre-activations.
    activation
        phi.

    Returns
    -------
    phi(z), which is `z` itself for the identity, and phi'(z), None for the identity.

    Raises
    ------
    InvalidArgumentError
        `activation` is not an Activation.

    Examples
    --------
    >>> activated(np.array([-1.0, 0.0, 2.0]), Activation.RELU)
    (array([0., 0., 2.]), array([0., 0., 1.]))
    """
    match activation:
        case Activation.IDENTITY:
            return z, None
        case Activation.TANH:
            value = np.tanh(z)
            return value, 1.0 - value * value
        case Activation.RELU:
            return np.maximum(z, 0.0), (z > 0.0).astype(np.float64)
        case Activation.SIGMOID:
            value = expit(z)
            return value, value * (1.0 - value)
    raise InvalidArgumentError(f"Expected an Activation but got {activation!r}.")
