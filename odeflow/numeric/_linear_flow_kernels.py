"""The vector field of a deep linear network, layer by layer, for the compiled DOP853 solver.

The state is W_1, ..., W_N one after the other, each in rows. The solver hands every field one array of parameters; its
entries here are

    length of the array, N, 1 if whitened else 0, n_0, ..., n_N, [X X^T,] M or Y X^T, scratch

and the scratch space, which the field writes to, is why one such array must not serve two trajectories at a time.
"""

# mypy: ignore-errors
# The compiler checks the types of @njit code.

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numba import carray, cfunc, njit, types

from odeflow.numeric._small_product_kernels import SLACK, SPARE, multiply_small

__all__ = ["differentiate", "evaluate", "field_address", "observe", "pack", "warm"]

HEAD = 3
BLAS_FROM = 48**3
"""Products of more multiplications than this go to BLAS; below, its overhead is larger than its gain."""
POINTER = types.CPointer(types.float64)


@njit(cache=True, nogil=True, error_model="numpy")
def transpose(A, out):
    """out = A^T."""
    for i in range(A.shape[0]):
        for j in range(A.shape[1]):
            out[j, i] = A[i, j]


@njit(cache=True, nogil=True, error_model="numpy")
def multiply(A, B, C, scratch):
    """C = A B."""
    p, q = A.shape
    if p * q * B.shape[1] > BLAS_FROM:
        np.dot(A, B, C)
    else:
        multiply_small(A, q, 1, p, q, B, C, scratch)


@njit(cache=True, nogil=True, error_model="numpy")
def multiply_transposed_left(A, B, C, scratch):
    """C = A^T B."""
    q, p = A.shape
    if p * q * B.shape[1] > BLAS_FROM:
        np.dot(A.T, B, C)
    else:
        multiply_small(A, 1, p, p, q, B, C, scratch)


@njit(cache=True, nogil=True, error_model="numpy")
def multiply_transposed_right(A, B, C, scratch):
    """C = A B^T."""
    p, q = A.shape
    if p * q * B.shape[0] > BLAS_FROM:
        np.dot(A, B.T, C)
    else:
        BT = scratch[SPARE : SPARE + B.size].reshape(q, B.shape[0])
        transpose(B, BT)
        multiply_small(A, q, 1, p, q, BT, C, scratch)


@njit(cache=True, nogil=True, error_model="numpy")
def evaluate(y, p, out):
    """out = -dL/dW_j for all j: 3 (N - 1) products, and one more where the data are not whitened."""
    depth, whitened = int(p[1]), p[2] > 0.0
    widths = p[HEAD : HEAD + depth + 1]
    d, k = int(widths[0]), int(widths[depth])
    at = HEAD + depth + 1
    moment = p[at : at + d * d].reshape(d, d) if not whitened else p[0:0].reshape(0, 0)
    if not whitened:
        at += d * d
    target = p[at : at + k * d].reshape(k, d)
    at += k * d
    largest = d * d
    for j in range(depth):
        largest = max(largest, int(widths[j]) * int(widths[j + 1]))
        largest = max(largest, int(widths[j + 1]) * d, int(widths[j + 1]) * k)
    scratch = p[at : at + largest + SPARE + SLACK]
    at += scratch.size

    # Prefixes W_j ... W_1 live in the scratch space one after the other.
    n = int(widths[1])
    place = n * d
    prefix = p[at : at + place].reshape(n, d)
    for i in range(place):
        p[at + i] = y[i]
    at += place
    for j in range(2, depth + 1):
        n, before = int(widths[j]), int(widths[j - 1])
        following = p[at : at + n * d].reshape(n, d)
        multiply(y[place : place + n * before].reshape(n, before), prefix, following, scratch)
        prefix = following
        place += n * before
        at += n * d
    end = at  # one past the last prefix
    G = p[at : at + k * d].reshape(k, d)
    at += k * d
    if whitened:
        for i in range(k):
            for j in range(d):
                G[i, j] = target[i, j] - prefix[i, j]
    else:
        multiply(prefix, moment, G, scratch)
        for i in range(k):
            for j in range(d):
                G[i, j] = target[i, j] - G[i, j]

    # Sweep back: B = (W_N ... W_{j+1})^T G, and -dL/dW_j = B (W_{j-1} ... W_1)^T.
    B = G
    at_prefix = end - k * d
    for j in range(depth, 1, -1):
        n, before = int(widths[j]), int(widths[j - 1])
        place -= n * before
        W = y[place : place + n * before].reshape(n, before)
        at_prefix -= before * d
        prefix = p[at_prefix : at_prefix + before * d].reshape(before, d)
        multiply_transposed_right(B, prefix, out[place : place + n * before].reshape(n, before), scratch)
        following = (out[: before * d] if j == 2 else p[at : at + before * d]).reshape(before, d)
        multiply_transposed_left(W, B, following, scratch)
        B = following
        at += before * d
    if depth == 1:
        for i in range(k):
            for j in range(d):
                out[i * d + j] = G[i, j]


@njit(cache=True, nogil=True, error_model="numpy")
def differentiate(y, p, jacobian):
    """Fill the Jacobian of the field by central differences, good to about 1e-9 of its size: Newton asks for no more.

    The field is a polynomial of degree 2N - 1, so the step is relative to the whole state, not to one small entry.
    """
    n = y.size
    largest = 0.0
    for i in range(n):
        largest = max(largest, abs(y[i]))
    h = 1e-5 * largest if largest > 0.0 else 1e-5
    moved, above, below = y.copy(), np.empty(n), np.empty(n)
    for j in range(n):
        moved[j] = y[j] + h
        evaluate(moved, p, above)
        moved[j] = y[j] - h
        evaluate(moved, p, below)
        moved[j] = y[j]
        for i in range(n):
            jacobian[i, j] = (above[i] - below[i]) / (2.0 * h)


@njit(cache=True, nogil=True, error_model="numpy")
def observe(states, start, widths, products, now, drift):
    """Fill the products (t, k, d) and, over all j, the largest norm and the largest change since `start` of

    D_j = W_{j+1}^T W_{j+1} - W_j W_j^T, one state a row.
    """
    depth, d = widths.size - 1, widths[0]
    largest, conserved = 0, 0
    for j in range(depth):
        largest = max(largest, widths[j] * widths[j + 1], widths[j + 1] * d, widths[j] * widths[j])
        conserved += widths[j] * widths[j]
    largest = max(largest, widths[depth] * widths[depth])
    scratch = np.empty(largest + SPARE + SLACK)
    copy, prefix, following = np.empty(largest + SLACK), np.empty(largest + SLACK), np.empty(largest + SLACK)
    upper, lower, first = np.empty(largest), np.empty(largest), np.empty(conserved)
    for row in range(-1, states.shape[0]):
        y = start if row < 0 else states[row]
        place, at = 0, 0
        for j in range(depth):
            n, before = widths[j + 1], widths[j]
            W = y[place : place + n * before].reshape(n, before)
            for i in range(n * before):
                copy[i] = y[place + i]
            if row >= 0 and j == 0:
                for i in range(n * before):
                    prefix[i] = y[i]
            elif row >= 0:
                multiply(W, prefix[: before * d].reshape(before, d), following[: n * d].reshape(n, d), scratch)
                prefix, following = following, prefix
            if j > 0:
                gram = upper[: before * before].reshape(before, before)
                multiply_transposed_left(W, copy[: n * before].reshape(n, before), gram, scratch)
                size, change = 0.0, 0.0
                for i in range(before * before):
                    difference = upper[i] - lower[i]
                    if row < 0:
                        first[at + i] = difference
                    size += difference**2
                    change += (difference - first[at + i]) ** 2
                at += before * before
                if row >= 0:
                    now[row] = max(now[row], np.sqrt(size))
                    drift[row] = max(drift[row], np.sqrt(change))
            if j < depth - 1:
                multiply_transposed_right(W, W, lower[: n * n].reshape(n, n), scratch)
            place += n * before
        if row >= 0:
            out = products[row]
            for i in range(out.shape[0]):
                for k in range(d):
                    out[i, k] = prefix[i * d + k]


def _field(t, y, parameters, out):
    size = int(carray(parameters, 1)[0])
    p = carray(parameters, size)
    depth = int(p[1])
    states = 0
    for j in range(depth):
        states += int(p[HEAD + j]) * int(p[HEAD + j + 1])
    evaluate(carray(y, states), p, carray(out, states))


@lru_cache(maxsize=1)
def _compiled_field():
    return cfunc(types.void(types.float64, POINTER, POINTER, POINTER), cache=True)(_field)


def field_address() -> int:
    """Return the C address of the field, compiling or loading it at the first call."""
    return _compiled_field().address


def pack(widths: Sequence[int], target: np.ndarray, moment: np.ndarray | None) -> np.ndarray:
    """Lay out the parameters; `target` is M or Y X^T, `moment` is X X^T or None where it is the identity."""
    d, k = widths[0], widths[-1]
    pairs = list(itertools.pairwise(widths))
    largest = max(d * d, *(max(a * b, b * d, b * k) for a, b in pairs))
    scratch = SPARE + SLACK + largest + 2 * sum(b * d for _, b in pairs) + k * d + SLACK
    head = [0.0, float(len(pairs)), float(moment is None), *map(float, widths)]
    parts = [np.array(head), *([] if moment is None else [moment.ravel()]), target.ravel(), np.zeros(scratch)]
    packed = np.concatenate(parts)
    packed[0] = packed.size
    return packed


def warm() -> None:
    """Compile the field and the kernel the door calls."""
    field_address()
    evaluate(np.ones(2), pack([1, 1, 1], np.ones((1, 1)), None), np.empty(2))
    differentiate(np.ones(2), pack([1, 1, 1], np.ones((1, 1)), None), np.empty((2, 2)))
    observe(np.ones((1, 2)), np.ones(2), np.ones(3, np.int64), np.empty((1, 1, 1)), np.zeros(1), np.zeros(1))
