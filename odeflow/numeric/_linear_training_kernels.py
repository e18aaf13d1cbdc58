"""Compiled training of deep linear networks, behind `odeflow.numeric.linear_training`. Arrays in, arrays out.

All runs advance together: the end-to-end matrices of the active runs stand side by side, so that the two products with
the data serve them all, with one run (or output) a vector lane. Inside a run nothing is larger than k times a layer,
since with S_j = W_N ... W_{j+1} and H_j = G (W_j ... W_1)^T

    S_{j-1} = S_j W_j,    H_j = H_{j-1} W_j^T,    dL/dW_j = S_j^T H_{j-1}

The first `momentum_weights` kinds are those of `_training_kernels`; the others have numbers of their own.
"""

# mypy: ignore-errors
# The compiler checks the types of @njit code.

from __future__ import annotations

import math

import numpy as np
from numba import njit

from odeflow.numeric._small_product_kernels import SLACK, SPARE, multiply_small
from odeflow.numeric._training_kernels import momentum_weights

__all__ = ["train", "warm"]

ADAGRAD, ADADELTA, ADAM, END_TO_END = 10, 11, 12, 13
"""Kinds of update beside the constant-momentum and Nesterov kinds 0, 1, 2."""
POWER, CROSS_ENTROPY = 0, 1
NEVER, EACH, FIRST = 0, 1, 2
"""When to stop: at the last step; a run when it reached its last level; all runs when one of them did."""

BLAS_FROM = 10**6
"""Products of more multiplications than this go to BLAS."""
EPSILON = 2.0**-52
FAST = {"reassoc", "contract", "nsz"}


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def times(A, B, out):
    """out = A B for few rows of A."""
    for r in range(A.shape[0]):
        for b in range(B.shape[1]):
            out[r, b] = A[r, 0] * B[0, b]
        for a in range(1, A.shape[1]):
            x = A[r, a]
            for b in range(B.shape[1]):
                out[r, b] += x * B[a, b]


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def times_transposed(A, B, out):
    """out = A B^T for few rows of A."""
    for r in range(A.shape[0]):
        for a in range(B.shape[0]):
            total = 0.0
            for b in range(B.shape[1]):
                total += A[r, b] * B[a, b]
            out[r, a] = total


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def transposed_times(A, B, out):
    """out = A^T B for few rows of A and B."""
    for a in range(A.shape[1]):
        for b in range(B.shape[1]):
            out[a, b] = A[0, a] * B[0, b]
        for r in range(1, A.shape[0]):
            x = A[r, a]
            for b in range(B.shape[1]):
                out[a, b] += x * B[r, b]


@njit(cache=True, nogil=True, error_model="numpy")
def multiply_down(widths, w, suffix):
    """Fill S_{N-1}, ..., S_0 one after the other; S_0 = W_N ... W_1 comes last. Return where S_0 begins."""
    depth = widths.size - 1
    k = widths[depth]
    end = w.size
    n = widths[depth - 1]
    for i in range(k * n):
        suffix[i] = w[end - k * n + i]
    end -= k * n
    at = 0
    for j in range(depth - 1, 0, -1):
        n, before = widths[j], widths[j - 1]
        W = w[end - n * before : end].reshape(n, before)
        end -= n * before
        S = suffix[at : at + k * n].reshape(k, n)
        at += k * n
        times(S, W, suffix[at : at + k * before].reshape(k, before))
    return at


@njit(cache=True, nogil=True, error_model="numpy")
def gradient_of_layers(widths, w, suffix, G, now, then, out):
    """Fill dL/dW_1, ..., dL/dW_N from G = dL/dW_e, (k, d); `now` and `then` hold one H_j each."""
    depth = widths.size - 1
    k = widths[depth]
    end_of_suffix = 0
    for j in range(depth):
        end_of_suffix += k * widths[j]
    at, place = end_of_suffix - k * widths[0], 0
    for i in range(k * widths[0]):
        now[i] = G[i]
    for j in range(1, depth):
        n, before = widths[j], widths[j - 1]
        H = now[: k * before].reshape(k, before)
        at -= k * n
        transposed_times(
            suffix[at : at + k * n].reshape(k, n), H, out[place : place + n * before].reshape(n, before)
        )
        W = w[place : place + n * before].reshape(n, before)
        times_transposed(H, W, then[: k * n].reshape(k, n))
        now, then = then, now
        place += n * before
    for i in range(k * widths[depth - 1]):
        out[place + i] = now[i]


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def power_losses(Z, y, runs, power, values):
    """Add |z - y|_p^p / p to the value of each run and turn Z (n, runs k) into the derivatives."""
    n, k = y.shape
    for run in range(runs):
        values[run] = 0.0
    for i in range(n):
        for run in range(runs):
            total = 0.0
            for r in range(k):
                error = Z[i, run * k + r] - y[i, r]
                if power == 2:
                    back = error
                elif power == 4:
                    back = error * error * error
                else:
                    back = error
                    for _ in range(power // 2 - 1):
                        back *= error * error
                Z[i, run * k + r] = back
                total += back * error
            values[run] += total
    for run in range(runs):
        values[run] /= power


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def power_losses_one_output(Z, y, power, values):
    """As `power_losses` for k = 1, a run a column."""
    n, runs = Z.shape
    for run in range(runs):
        values[run] = 0.0
    for i in range(n):
        target = y[i, 0]
        if power == 2:
            for run in range(runs):
                error = Z[i, run] - target
                Z[i, run] = error
                values[run] += error * error
        elif power == 4:
            for run in range(runs):
                error = Z[i, run] - target
                back = error * error * error
                Z[i, run] = back
                values[run] += back * error
        else:
            for run in range(runs):
                error = Z[i, run] - target
                back = error
                for _ in range(power // 2 - 1):
                    back *= error * error
                Z[i, run] = back
                values[run] += back * error
    for run in range(runs):
        values[run] /= power


@njit(cache=True, nogil=True, error_model="numpy")
def cross_entropies(Z, labels, runs, k, values):
    """Put the sum of -log softmax(z)[label] into the value of each run and turn Z into the derivatives."""
    for run in range(runs):
        total = 0.0
        for i in range(labels.size):
            largest = -math.inf
            for r in range(k):
                z = Z[i, run * k + r]
                if not z <= largest:
                    largest = z
            normaliser = 0.0
            chosen = Z[i, run * k + labels[i]] - largest
            for r in range(k):
                exponential = math.exp(Z[i, run * k + r] - largest)
                Z[i, run * k + r] = exponential
                normaliser += exponential
            for r in range(k):
                Z[i, run * k + r] /= normaliser
            Z[i, run * k + labels[i]] -= 1.0
            total += math.log(normaliser) - chosen
        values[run] = total


@njit(cache=True, nogil=True, error_model="numpy")
def precondition(W, G, depth, out):
    """out = sum_j [W W^T]^{(j-1)/N} G [W^T W]^{(N-j)/N} with [A]^0 = I, by the SVD of W; singular values that are
    0 to rounding, at most max(k, d) eps sigma_1, count as 0. Return False if the SVD cannot be had."""
    k, d = W.shape
    if depth == 1:
        out[:, :] = G
        return True
    if k == 1 or d == 1:
        squares, along = 0.0, 0.0
        for r in range(k):
            for b in range(d):
                squares += W[r, b] * W[r, b]
                along += W[r, b] * G[r, b]
        if squares == 0.0:
            out[:, :] = 0.0
            return True
        scale = squares ** (1.0 - 1.0 / depth)
        for r in range(k):
            for b in range(d):
                out[r, b] = scale * (G[r, b] + (depth - 1.0) * (along / squares) * W[r, b])
        return True
    for r in range(k):
        for b in range(d):
            if not math.isfinite(W[r, b]):
                return False
    left, s, right = np.linalg.svd(W, full_matrices=False)
    rank = 0
    while rank < s.size and s[rank] > max(k, d) * EPSILON * s[0]:
        rank += 1
    if rank == 0:
        out[:, :] = 0.0
        return True
    U, V = np.ascontiguousarray(left[:, :rank]), np.ascontiguousarray(right[:rank])
    p = s[:rank] ** (2.0 / depth)
    UG, GV = np.dot(np.ascontiguousarray(U.T), G), np.dot(G, np.ascontiguousarray(V.T))
    inner = np.dot(UG, np.ascontiguousarray(V.T))
    for a in range(rank):
        for b in range(rank):
            total = 0.0
            for j in range(1, depth - 1):
                total += p[a] ** j * p[b] ** (depth - 1 - j)
            inner[a, b] *= total
    for a in range(rank):
        end = p[a] ** (depth - 1)
        for b in range(d):
            UG[a, b] *= end
        for r in range(k):
            GV[r, a] *= end
    out[:, :] = np.dot(U, UG + np.dot(inner, V)) + np.dot(GV, V)
    return True


@njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def update(kind, constants, step, w, g, memory):
    """Move w by the step from `step` to `step` + 1 of an optimiser, as its paper defines it; g is spent."""
    rate = constants[0]
    if kind == ADAGRAD:
        for i in range(w.size):
            memory[i] += g[i] * g[i]
            w[i] -= rate * g[i] / (math.sqrt(memory[i]) + constants[1])
    elif kind == ADADELTA:
        rho, epsilon = constants[1], constants[2]
        squares, changes = memory[: w.size], memory[w.size : 2 * w.size]
        for i in range(w.size):
            squares[i] = rho * squares[i] + (1.0 - rho) * g[i] * g[i]
            change = math.sqrt((changes[i] + epsilon) / (squares[i] + epsilon)) * g[i]
            changes[i] = rho * changes[i] + (1.0 - rho) * change * change
            w[i] -= rate * change
    elif kind == ADAM:
        beta1, beta2, epsilon = constants[1], constants[2], constants[3]
        first = 1.0 / (1.0 - beta1 ** (step + 1.0))
        second = 1.0 / (1.0 - beta2 ** (step + 1.0))
        means, squares = memory[: w.size], memory[w.size : 2 * w.size]
        for i in range(w.size):
            means[i] = beta1 * means[i] + (1.0 - beta1) * g[i]
            squares[i] = beta2 * squares[i] + (1.0 - beta2) * g[i] * g[i]
            w[i] -= rate * first * means[i] / (math.sqrt(second * squares[i]) + epsilon)
    else:
        carry, use, direct = momentum_weights(kind, constants[1], step)
        scale = rate * constants[2] if step == 0 else rate
        for i in range(w.size):
            change = scale * g[i]
            moved = carry * memory[i] - change
            memory[i] = moved
            w[i] += use * moved - direct * change


@njit(cache=True, nogil=True, error_model="numpy")
def multiply(A, B, C, spare):
    """C = A B for long thin B, which is followed by SLACK readable doubles."""
    p, q = A.shape
    if p * q * B.shape[1] > BLAS_FROM:
        np.dot(A, B, C)
    else:
        multiply_small(A.reshape(p * q), q, 1, p, q, B, C, spare)


@njit(cache=True, nogil=True, error_model="numpy")
def train(
    widths, weights, X, XT, Y, labels, loss_kind, power, factor, offset, kind, constants, decay, records, levels, stop,
    losses, products, reached, ended, diverged,
):  # fmt: skip
    """Train all runs in place.

    widths (N + 1,); weights (s, P) with W_1, ..., W_N one after the other; X (n, d) and its transpose; Y (n, k) or
    labels (n,); L = factor (sum over points) + offset; constants (s, 4); decay is lambda; records (m,) increasing,
    the last of which ends the run; levels (s, q). Filled: losses (s, m) and products (s, m or 0, k, d) up to the end
    of a run, reached (s, q) with the first step at which L <= level, ended (s,) with the last step evaluated,
    diverged (s,).
    """
    depth = widths.size - 1
    d, k, n = widths[0], widths[depth], X.shape[0]
    s, size = weights.shape
    suffixes = 0
    widest = 0
    for j in range(depth):
        suffixes += k * widths[j]
        widest = max(widest, k * widths[j])
    suffix = np.empty((s, suffixes))
    memory = np.zeros((s, 2 * size))
    now, then = np.empty(widest), np.empty(widest)
    gradient, G = np.empty(size), np.empty(k * d)
    ends = np.zeros(d * s * k + SLACK)
    outputs = np.zeros(n * s * k + SLACK)
    turned = np.empty(d * s * k)
    spare = np.empty(SPARE)
    values = np.empty(s)
    run_of = np.arange(s)
    leaves = np.zeros(s, dtype=np.bool_)
    active, record = s, 0
    begin = 0
    for step in range(records[-1] + 1):
        columns = active * k
        B = ends[: d * columns].reshape(d, columns)
        Z = outputs[: n * columns].reshape(n, columns)
        for slot in range(active):
            S = suffix[run_of[slot]]
            begin = multiply_down(widths, weights[run_of[slot]], S)
            for r in range(k):
                for b in range(d):
                    B[b, slot * k + r] = S[begin + r * d + b]
        multiply(X, B, Z, spare)
        if loss_kind == CROSS_ENTROPY:
            cross_entropies(Z, labels, active, k, values)
        elif k == 1:
            power_losses_one_output(Z, Y, power, values)
        else:
            power_losses(Z, Y, active, power, values)

        recording = step == records[record]
        anyone_done = False
        for slot in range(active):
            run = run_of[slot]
            value = factor * values[slot] + offset
            ended[run] = step
            leaves[slot] = False
            if not math.isfinite(value):
                diverged[run] = True
                leaves[slot] = True
                continue
            if recording:
                losses[run, record] = value
                if products.shape[1] > 0:
                    for r in range(k):
                        for b in range(d):
                            products[run, record, r, b] = B[b, slot * k + r]
            done = levels.shape[1] > 0
            for q in range(levels.shape[1]):
                if reached[run, q] < 0 and value <= levels[run, q]:
                    reached[run, q] = step
                done = done and reached[run, q] >= 0
            if done:
                anyone_done = True
                if stop == EACH:
                    leaves[slot] = True
        if recording:
            record += 1
        if step == records[-1] or (stop == FIRST and anyone_done):
            break

        DT = turned[: d * columns].reshape(d, columns)
        multiply(XT, Z, DT, spare)
        for slot in range(active):
            if leaves[slot]:
                continue
            run = run_of[slot]
            w = weights[run]
            for r in range(k):
                for b in range(d):
                    G[r * d + b] = factor * DT[b, slot * k + r]
            if kind == END_TO_END:
                N = constants[run, 1]
                sound = precondition(w.reshape(k, d), G.reshape(k, d), int(N), gradient.reshape(k, d))
                for i in range(size):
                    w[i] -= constants[run, 0] * (gradient[i] + decay * N * w[i]) if sound else math.nan
            else:
                gradient_of_layers(widths, w, suffix[run], G, now, then, gradient)
                if decay > 0.0:
                    for i in range(size):
                        gradient[i] += decay * w[i]
                update(kind, constants[run], step, w, gradient, memory[run])
        slot = 0
        while slot < active:
            if leaves[slot]:
                active -= 1
                run_of[slot] = run_of[active]
                leaves[slot] = leaves[active]
            else:
                slot += 1
        if active == 0:
            break


def warm() -> None:
    """Compile the training loop for the types that the public functions pass."""
    widths, one = np.array([2, 1, 2]), np.ones((1, 2))
    for layout, kind in ((widths, 0), (np.array([2, 2]), END_TO_END)):
        weights = np.ones((1, int(np.sum(layout[1:] * layout[:-1]))))
        train(
            layout, weights, one, np.ones((2, 1)), np.ones((1, 2)), np.zeros(1, np.int64), POWER, 2, 1.0, 0.0, kind,
            np.full((1, 4), 2.0), 0.0, np.array([0, 1]), np.ones((1, 1)), NEVER, np.empty((1, 2)),
            np.empty((1, 0, 2, 2)), np.full((1, 1), -1), np.zeros(1, np.int64), np.zeros(1, np.bool_),
        )  # fmt: skip
