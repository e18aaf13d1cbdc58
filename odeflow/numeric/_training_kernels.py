"""Compiled training loops behind `odeflow.numeric.training`. Arrays in, arrays out, a step number as status.

Every optimiser is one recursion in the displacement U (rho_k scales the gradient of the very first step only):

    U <- carry_k U - eta rho_k grad,   W <- W + use_k U - direct eta rho_k grad

    constant momentum beta     carry = beta,    use = 1,    direct = 0    (beta = 0: gradient descent)
    Nesterov                   carry = m_{k-1}, use = m_k,  direct = 1    with m_k = k / (k + gamma)
    Nesterov, constant q       carry = q,       use = q,    direct = 1
"""

# mypy: ignore-errors
# Numba checks the types of what it compiles.

import math

import numpy as np
from numba import njit

from odeflow.numeric._vector_code import (
    BLOCK,
    LANES,
    POINTS,
    backward_block_4,
    backward_block_5,
    backward_block_6,
    forward_block,
    masked_errors,
)

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


def pack_points(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return X grouped for the two products: (point groups, d, POINTS) and (coordinate groups, points, width).

    Points and coordinates are padded with zeros; the width, 4, 5 or 6, is the one that pads the fewest coordinates.
    """
    n, d = X.shape
    groups = -(-n // POINTS)
    width = min((6, 5, 4), key=lambda size: (-d) % size)
    padded = np.zeros((groups * POINTS, -(-d // width) * width))
    padded[:n, :d] = X
    forward = padded[:, :d].reshape(groups, POINTS, d).transpose(0, 2, 1)
    backward = padded.reshape(groups * POINTS, -1, width).transpose(1, 0, 2)
    return np.ascontiguousarray(forward), np.ascontiguousarray(backward)


@njit(cache=True, nogil=True)
def _pack_neurons(W, c):
    m, d = W.shape
    blocks = (m + BLOCK - 1) // BLOCK
    packed = np.zeros((blocks, d, BLOCK))
    packed_c = np.zeros((blocks, BLOCK))
    for r in range(m):
        packed_c[r // BLOCK, r % BLOCK] = c[r]
        for k in range(d):
            packed[r // BLOCK, k, r % BLOCK] = W[r, k]
    return packed, packed_c


@njit(cache=True, nogil=True)
def _unpack_neurons(packed, W):
    for r in range(W.shape[0]):
        for k in range(W.shape[1]):
            W[r, k] = packed[r // BLOCK, k, r % BLOCK]


@njit(cache=True, nogil=True)
def _largest_movement(packed, start):
    """Return max_r |w_r - start_r|; padding never moves. Not finite if a weight is not."""
    blocks, d, _ = packed.shape
    largest = 0.0
    squares = np.empty(BLOCK)
    for q in range(blocks):
        squares[:] = 0.0
        for k in range(d):
            for lane in range(BLOCK):
                squares[lane] += (packed[q, k, lane] - start[q, k, lane]) ** 2
        for lane in range(BLOCK):
            if not squares[lane] <= largest:
                largest = squares[lane]
    return math.sqrt(largest)


@njit(cache=True, nogil=True)
def _update(weights, displacements, gradient, scaled_c, carry, use, direct):
    """Apply the recursion of the module to one block; `gradient` lacks the factor c_r."""
    for k in range(weights.shape[0]):
        for lane in range(BLOCK):
            g = scaled_c[lane] * gradient[k, lane]
            u = carry * displacements[k, lane] - g
            displacements[k, lane] = u
            weights[k, lane] += use * u - direct * g


@njit(cache=True, nogil=True)
def train_run(XF, XB, y, W, c, kind, rate, momentum, first_scale, record_steps, errors, losses, movement):
    """Train one network in place; return the step at which it stopped being finite, or -1.

    XF, XB from `pack_points`; W (m, d) is overwritten; c (m,) = a / sqrt(m); records go to errors (k, n), losses (k,),
    movement (k,) at the increasing `record_steps` (k,), the last of which ends the run.
    """
    n = y.size
    d = W.shape[1]
    groups = XF.shape[0]
    points = groups * POINTS
    coordinate_groups = XB.shape[0]
    width = XB.shape[2]
    w, cb = _pack_neurons(W, c)
    blocks = w.shape[0]
    start = w.copy()
    u = np.zeros(w.shape)
    masks = np.empty((blocks, points, 2), dtype=np.uint8)
    outputs = np.empty((points, LANES))
    masked = np.empty((points, BLOCK))
    gradient = np.empty((coordinate_groups * width, BLOCK))
    error = np.zeros(points)
    scaled_c = np.empty(BLOCK)
    xf, xb = XF.ctypes.data, XB.ctypes.data
    record = 0
    status = -1
    for step in range(record_steps[-1] + 1):
        outputs[:] = 0.0
        # Each pass applies the step that leads to `step`, then evaluates the network; the first one only evaluates.
        carry, use, direct = momentum_weights(kind, momentum, max(step - 1, 0))
        scale = rate * first_scale if step == 1 else rate
        for q in range(blocks):
            mask = masks.ctypes.data + q * points * 2
            if step > 0:
                masked_errors(mask, error.ctypes.data, masked.ctypes.data, points)
                p, g = masked.ctypes.data, gradient.ctypes.data
                if width == 6:
                    backward_block_6(p, xb, g, points, coordinate_groups)
                elif width == 5:
                    backward_block_5(p, xb, g, points, coordinate_groups)
                else:
                    backward_block_4(p, xb, g, points, coordinate_groups)
                for lane in range(BLOCK):
                    scaled_c[lane] = scale * cb[q, lane]
                _update(w[q], u[q], gradient, scaled_c, carry, use, direct)
            forward_block(
                w.ctypes.data + q * d * BLOCK * 8, cb.ctypes.data + q * BLOCK * 8, xf, outputs.ctypes.data, mask,
                d, groups,
            )  # fmt: skip
        loss = 0.0
        for i in range(n):
            total = -y[i]
            for lane in range(LANES):
                total += outputs[i, lane]
            error[i] = total
            loss += total * total
        loss *= 0.5
        moved = 0.0
        if step == record_steps[record]:
            moved = _largest_movement(w, start)
        if not (math.isfinite(loss) and math.isfinite(moved)):
            status = step
            break
        if step == record_steps[record]:
            errors[record] = error[:n]
            losses[record] = loss
            movement[record] = moved
            record += 1
    _unpack_neurons(w, W)
    return status


def warm() -> None:
    """Compile (or load) every kernel for the types that the public functions pass."""
    iterate_modes(0, 0.1, 0.0, 1.0, np.ones(1), np.ones((1, 2)))
    train_run(
        *pack_points(np.ones((1, 1))), np.ones(1), np.ones((1, 1)), np.ones(1), 0, 0.1, 0.0, 1.0,
        np.array([0, 1]), np.empty((2, 1)), np.empty(2), np.empty(2),
    )  # fmt: skip
