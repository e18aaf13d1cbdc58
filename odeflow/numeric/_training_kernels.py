"""Compiled training loops behind `odeflow.numeric.training`. Arrays in, arrays out, a step number as status.

Every optimiser is one recursion in the displacement U (rho_k scales the gradient of the very first step only):

    U <- carry_k U - eta rho_k grad,   W <- W + use_k U - direct eta rho_k grad

    constant momentum beta     carry = beta,    use = 1,    direct = 0    (beta = 0: gradient descent)
    Nesterov                   carry = m_{k-1}, use = m_k,  direct = 1    with m_k = k / (k + gamma)
    Nesterov, constant q       carry = q,       use = q,    direct = 1
"""

import math

import numpy as np
import scipy.linalg  # noqa: F401 - Numba's np.dot calls SciPy's BLAS
from numba import njit

CONSTANT_MOMENTUM = 0
NESTEROV = 1
NESTEROV_CONSTANT = 2


@njit(cache=True, nogil=True)
def momentum_weights(kind, momentum, step):
    """Return (carry, use, direct) of the step from `step` to `step` + 1."""
    if kind == NESTEROV:
        carry = (step - 1.0) / (step - 1.0 + momentum) if step > 0 else 0.0
        return carry, step / (step + momentum), 1.0
    if kind == NESTEROV_CONSTANT:
        return momentum, momentum, 1.0
    return momentum, 1.0, 0.0


@njit(cache=True, nogil=True)
def iterate_modes(kind, rate, momentum, first_scale, eigenvalues, positions):
    """Iterate x -> lambda x from x = positions[:, 0]; fills positions (k, steps + 1)."""
    for j in range(eigenvalues.size):
        x = positions[j, 0]
        u = 0.0
        for step in range(positions.shape[1] - 1):
            carry, use, direct = momentum_weights(kind, momentum, step)
            g = rate * eigenvalues[j] * x
            if step == 0:
                g *= first_scale
            u = carry * u - g
            x = x + use * u - direct * g
            positions[j, step + 1] = x


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})
def _residual(Z, c, y, errors):
    """Set errors_i = sum_r c_r relu(Z_ri) - y_i, turn Z into masks (0 or 1), and return half the squared norm."""
    m, n = Z.shape
    for i in range(n):
        errors[i] = -y[i]
    for r in range(m):
        cr = c[r]
        for i in range(n):
            z = Z[r, i]
            errors[i] += cr * max(z, 0.0)
            Z[r, i] = 1.0 if z > 0.0 else 0.0
    loss = 0.0
    for i in range(n):
        loss += errors[i] * errors[i]
    return 0.5 * loss


@njit(cache=True, nogil=True)
def _largest_movement(W, start):
    largest = 0.0
    for r in range(W.shape[0]):
        square = 0.0
        for k in range(W.shape[1]):
            square += (W[r, k] - start[r, k]) ** 2
        largest = max(largest, square)
    return math.sqrt(largest)


@njit(cache=True, nogil=True)
def train_run(X, XT, y, W, c, kind, rate, momentum, first_scale, record_steps, errors, losses, movement):
    """Train one network in place; return the step at which the loss stopped being finite, or -1.

    X (n, d), XT its transpose (d, n), both contiguous; W (m, d) is overwritten; c (m,) = a / sqrt(m); records go to
    errors (k, n), losses (k,), movement (k,) at the increasing `record_steps` (k,), the last of which ends the run.
    """
    m, d = W.shape
    n = X.shape[0]
    start = W.copy()
    U = np.zeros((m, d))
    Z = np.empty((m, n))
    G = np.empty((m, d))
    error = np.empty(n)
    record = 0
    for step in range(record_steps[-1] + 1):
        np.dot(W, XT, Z)
        loss = _residual(Z, c, y, error)
        if not math.isfinite(loss):
            return step
        if step == record_steps[record]:
            errors[record] = error
            losses[record] = loss
            movement[record] = _largest_movement(W, start)
            record += 1
            if record == record_steps.size:
                return -1
        for r in range(m):
            for i in range(n):
                Z[r, i] *= error[i]
        np.dot(Z, X, G)
        carry, use, direct = momentum_weights(kind, momentum, step)
        scale = rate * first_scale if step == 0 else rate
        for r in range(m):
            q = scale * c[r]
            for k in range(d):
                g = q * G[r, k]
                u = carry * U[r, k] - g
                U[r, k] = u
                W[r, k] += use * u - direct * g
    return -1


def warm() -> None:
    """Compile (or load) every kernel for the types that the public functions pass."""
    one = np.ones((1, 1))
    iterate_modes(0, 0.1, 0.0, 1.0, np.ones(1), np.ones((1, 2)))
    train_run(
        one, one, np.ones(1), one.copy(), np.ones(1), 0, 0.1, 0.0, 1.0,
        np.array([0, 1]), np.empty((2, 1)), np.empty(2), np.empty(2),
    )  # fmt: skip
