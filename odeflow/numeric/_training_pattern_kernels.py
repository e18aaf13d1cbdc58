"""Training steps of a two-layer ReLU network while almost no activation changes. Arrays in, arrays out.

Between two changes of the pattern M_r of neuron r (the points on which it is active) training is linear. With one
recursion in data space, shared by all neurons (notation of `_training_kernels`, c_r = a_r / sqrt(m), rates included),

    q <- carry q + eta e,   p <- p + use q + direct eta e,                e the prediction errors,

the weights and displacements of a neuron, from the last change of its pattern on, are

    w_r = base_r + S_r memory_r - c_r X^T (M_r * p),    u_r = C_r memory_r - c_r X^T (M_r * q)

where C_r <- carry C_r and S_r <- S_r + use C_r start at 1 and 0, and the errors obey the same recursion with the kernel
H_ij = x_i.x_j sum_r c_r^2 M_ri M_rj, which costs n^2 instead of 2 m n d. A neuron is looked at only when it might have
moved as far as its nearest hyperplane w.x_i = 0,

    |w_r - w_r(then)| <= (S_r - S_r(then)) |memory_r| + |c_r| |X|_2 (length of the path of p since then),

so no change is missed: these are the steps of the plain loop in another order of sums. Errors are propagated rather
than evaluated: a loss keeps its relative accuracy below the rounding of the predictions.
"""

# mypy: ignore-errors
# Numba checks the types of what it compiles.

import math

import numpy as np
from numba import njit

from odeflow.numeric._training_kernels import momentum_weights

SUMS = {"reassoc", "contract", "nsz"}
# Looking at a neuron costs about this many of its plain steps, so more than one look in LOOK_COST steps loses.
LOOK_COST = 2.5
# A look at the nearest hyperplane alone costs this part of a look at all of them.
NEAR_LOOK = 0.1
WINDOW = 16
# After so many steps base and kernel are made anew, which keeps p small and the rounding of many changes out of H.
RENEWAL = 4096
# Of the size of a weight vector and its path: by so much a computed w.x / |x| may be wrong.
ROUNDING = 1e-13
# Denormal numbers take a hundred times as long; the loss of an error of this size is 0 in double precision.
TINY = 1e-200


@njit(cache=True, nogil=True, fastmath=SUMS)
def _combine(r, XT, offset, factor, memory, c, active, data, terms, out):
    """out = offset + factor memory_r - c X^T (M_r * data)."""
    d, n = XT.shape
    for i in range(n):
        terms[i] = c * data[i] if active[r, i] else 0.0
    for k in range(d):
        total = 0.0
        for i in range(n):
            total += terms[i] * XT[k, i]
        out[k] = offset[k] + factor * memory[r, k] - total


@njit(cache=True, nogil=True, fastmath=SUMS)
def _distances(XT, inverse_lengths, beyond, w, z, gaps):
    """Fill the pre-activations z; return the nearest hyperplane, its distance from w, and that of all others."""
    d, n = XT.shape
    for i in range(n):
        z[i] = 0.0
    for k in range(d):
        value = w[k]
        for i in range(n):
            z[i] += value * XT[k, i]
    nearest = math.inf
    for i in range(n):
        gaps[i] = abs(z[i]) * inverse_lengths[i] + beyond[i]
        nearest = min(nearest, gaps[i])
    place = 0
    while place < n - 1 and gaps[place] > nearest:
        place += 1
    gaps[place] = math.inf
    others = math.inf
    for i in range(n):
        others = min(others, gaps[i])
    return place, nearest, others


@njit(cache=True, nogil=True, fastmath=SUMS)
def _norm(v):
    total = 0.0
    for k in range(v.size):
        total += v[k] * v[k]
    return math.sqrt(total)


@njit(cache=True, nogil=True, fastmath=SUMS)
def _length_between(v, w):
    total = 0.0
    for k in range(v.size):
        total += (v[k] - w[k]) ** 2
    return math.sqrt(total)


@njit(cache=True, nogil=True, fastmath=SUMS)
def _renew_kernel(XT, gram, c, active, U, kernel, drift):
    """Build H and the drift sum_r c_r M_ri x_i.u_r of the predictions from the patterns."""
    d, n = XT.shape
    kernel[:] = 0.0
    drift[:] = 0.0
    ones = np.empty(n)
    for r in range(c.size):
        weight = c[r] * c[r]
        for i in range(n):
            ones[i] = weight if active[r, i] else 0.0
        for i in range(n):
            if active[r, i]:
                for j in range(n):
                    kernel[i, j] += ones[j]
        for k in range(d):
            value = c[r] * U[r, k]
            for i in range(n):
                if active[r, i]:
                    drift[i] += value * XT[k, i]
    for i in range(n):
        for j in range(n):
            kernel[i, j] *= gram[i, j]


@njit(cache=True, nogil=True, fastmath=SUMS)
def _advance_errors(kernel, error, drift, q, p, force, carry, use, direct, scale):
    """Apply one step to errors, drift, q and p; return the length of the step of p."""
    n = error.size
    for i in range(n):
        total = 0.0
        for j in range(n):
            total += kernel[i, j] * error[j]
        force[i] = scale * total
    squares = 0.0
    for i in range(n):
        q[i] = carry * q[i] + scale * error[i]
        step = use * q[i] + direct * scale * error[i]
        p[i] += step
        squares += step * step
        drift[i] = carry * drift[i] - force[i]
        error[i] += use * drift[i] - direct * force[i]
        if abs(error[i]) < TINY:
            error[i], drift[i], q[i] = 0.0, 0.0, 0.0
    return math.sqrt(squares)


@njit(cache=True, nogil=True, fastmath=SUMS)
def _advance_bounds(C, S, memory_norms, reach, bounds, limits, path, carry, use, due):
    """Advance C and S and list the neurons that may have reached a hyperplane; return how many they are."""
    for r in range(C.size):
        C[r] = C[r] * carry if C[r] > TINY else 0.0
        S[r] += use * C[r]
        bounds[r] = S[r] * memory_norms[r] + reach[r] * path
    count = 0
    for r in range(C.size):
        if not bounds[r] < limits[r]:
            due[count] = r
            count += 1
    return count


@njit(cache=True, nogil=True, fastmath=SUMS)
def _value(r, i, X, gram, base, factor, memory, c, active, data):
    """Return x_i.(base_r + factor memory_r - c X^T (M_r * data)), at the cost of one row of the Gram matrix."""
    n, d = X.shape
    own, across = 0.0, 0.0
    for k in range(d):
        own += X[i, k] * (base[r, k] + factor * memory[r, k])
    for j in range(n):
        across += gram[i, j] * data[j] if active[r, j] else 0.0
    return own - c * across


@njit(cache=True, nogil=True, fastmath=SUMS)
def _toggle(r, i, z, c, X, gram, active, base, memory, C, S, error, drift, kernel, q, p):
    """Change the activation of neuron r on point i, where z = w_r.x_i, and carry it into errors, drift and kernel."""
    n, d = X.shape
    sign = -1.0 if active[r, i] else 1.0
    speed, across = 0.0, 0.0
    for k in range(d):
        speed += X[i, k] * memory[r, k]
    for j in range(n):
        across += gram[i, j] * q[j] if active[r, j] else 0.0
    error[i] += sign * c * z
    drift[i] += sign * c * (C[r] * speed - c * across)
    now = not active[r, i]
    active[r, i] = True
    weight = sign * c * c
    for j in range(n):
        if active[r, j]:
            kernel[i, j] += weight * gram[i, j]
            kernel[j, i] = kernel[i, j]
    active[r, i] = now
    for k in range(d):
        base[r, k] += S[r] * memory[r, k] + sign * c * p[i] * X[i, k]
        memory[r, k] = C[r] * memory[r, k] + sign * c * q[i] * X[i, k]
    C[r], S[r] = 1.0, 0.0


@njit(cache=True, nogil=True)
def _largest_movement(first, c, W0, bounds, moved, moved_at, XT, active, base, memory, S, p, w, work):
    """Return the neuron that has moved farthest; computed anew only where the bound on the path leaves it in doubt."""
    farthest, largest = first, -1.0
    for turn in range(c.size + 1):
        r = first if turn == 0 else turn - 1
        if moved[r] + (bounds[r] - moved_at[r]) > largest:
            if bounds[r] > moved_at[r]:
                _combine(r, XT, base[r], S[r], memory, c[r], active, p, work, w)
                moved[r], moved_at[r] = _length_between(w, W0[r]), bounds[r]
            if moved[r] > largest:
                farthest, largest = r, moved[r]
    return farthest


@njit(cache=True, nogil=True)
def pattern_run(
    points, norm, W, U, W0, error, c, kind, rate, momentum, first_scale, step, record_steps, errors, losses, movement
):
    """Take steps as long as few neurons need a look; return the step reached and whether it is not finite.

    points = (X (n, d), its transpose, its Gram matrix, 1 / |x_i| or 0 for x_i = 0, inf for x_i = 0 or 0) and
    norm >= |X|_2. W, U (m, d) and error (n,) are those of `step` and become those of the step that is returned, which
    is `step` itself if it is not worth beginning. Records as in `_training_kernels.train_run`.
    """
    X, XT, gram, inverse_lengths, beyond = points
    d, n = XT.shape
    m = c.size
    active, base, memory, C, S = np.empty((m, n), dtype=np.bool_), W.copy(), U.copy(), np.ones(m), np.zeros(m)
    # The bound of the module on the path of a neuron, S |memory| + reach path, is kept against what it may be before
    # the nearest hyperplane and before any other one. Movement is since step 0, known for a former bound.
    sizes, memory_norms, reach, bounds = np.empty(m), np.empty(m), norm * np.abs(c), np.zeros(m)
    near, limits, far_limits = np.empty(m, dtype=np.int64), np.empty(m), np.empty(m)
    moved, moved_at, farthest = np.empty(m), np.zeros(m), 0
    z, work, w = np.empty(n), np.empty(n), np.empty(d)
    carry, use, direct = momentum_weights(kind, momentum, step)
    first_path = (use + direct) * rate * _norm(error)
    looks = 0.0
    for r in range(m):
        near[r], limits[r], far_limits[r] = _distances(XT, inverse_lengths, beyond, W[r], z, work)
        for i in range(n):
            active[r, i] = z[i] > 0.0
        sizes[r], memory_norms[r] = _norm(W[r]), _norm(U[r])
        limits[r] -= ROUNDING * sizes[r]
        far_limits[r] -= ROUNDING * sizes[r]
        moved[r] = _length_between(W[r], W0[r])
        ahead = use * carry * memory_norms[r] + reach[r] * first_path
        looks += min(1.0, ahead / max(far_limits[r], TINY)) + NEAR_LOOK * min(1.0, ahead / max(limits[r], TINY))
    if LOOK_COST * looks > m:
        return step, False
    kernel, drift, q, p = np.empty((n, n)), np.empty(n), np.zeros(n), np.zeros(n)
    _renew_kernel(XT, gram, c, active, U, kernel, drift)
    due = np.empty(m, dtype=np.int64)
    record = np.searchsorted(record_steps, step, side="right")
    path, begun, looks, finite = 0.0, step, 0.0, True
    while finite and step < record_steps[-1]:
        carry, use, direct = momentum_weights(kind, momentum, step)
        scale = rate * first_scale if step == 0 else rate
        step += 1
        path += _advance_errors(kernel, error, drift, q, p, work, carry, use, direct, scale)
        for index in range(_advance_bounds(C, S, memory_norms, reach, bounds, limits, path, carry, use, due)):
            r = due[index]
            i, changed = near[r], False
            bound = bounds[r] - ROUNDING * (bounds[r] + sizes[r])
            if bound < far_limits[r]:
                value = _value(r, i, X, gram, base, S[r], memory, c[r], active, p)
                distance = abs(value) * inverse_lengths[i]
                if (value > 0.0) != active[r, i]:
                    _toggle(r, i, value, c[r], X, gram, active, base, memory, C, S, error, drift, kernel, q, p)
                    changed = True
                looks += NEAR_LOOK
            else:
                _combine(r, XT, base[r], S[r], memory, c[r], active, p, work, w)
                near[r], distance, others = _distances(XT, inverse_lengths, beyond, w, z, work)
                far_limits[r] = bound + others
                moved[r], moved_at[r] = _length_between(w, W0[r]), bounds[r]
                for i in range(n):
                    if (z[i] > 0.0) != active[r, i]:
                        _toggle(r, i, z[i], c[r], X, gram, active, base, memory, C, S, error, drift, kernel, q, p)
                        changed = True
                looks += 1.0
            limits[r] = min(bound + distance, far_limits[r])
            if changed:  # S is 0 again
                passed = bounds[r] - reach[r] * path
                limits[r] -= passed
                far_limits[r] -= passed
                moved_at[r] -= passed
                bounds[r] -= passed
                memory_norms[r] = _norm(memory[r])
        loss = 0.5 * _norm(error) ** 2
        finite = math.isfinite(loss)
        if finite and step == record_steps[record]:
            farthest = _largest_movement(
                farthest, c, W0, bounds, moved, moved_at, XT, active, base, memory, S, p, w, work
            )
            errors[record] = error
            losses[record] = loss
            movement[record] = moved[farthest]
            record += 1
        if (step - begun) % RENEWAL == 0:
            break
        if (step - begun) % WINDOW == 0:
            if LOOK_COST * looks > m * WINDOW:
                break
            looks = 0.0
    for r in range(m):
        _combine(r, XT, base[r], S[r], memory, c[r], active, p, work, W[r])
        _combine(r, XT, np.zeros(d), C[r], memory, c[r], active, q, work, U[r])
    return step, not finite


def warm() -> None:
    """Compile (or load) every kernel for the types that the public functions pass."""
    one = np.ones((1, 1))
    pattern_run(
        (one, one, one, np.ones(1), np.zeros(1)), 1.0, one.copy(), one.copy(), one, np.ones(1), np.ones(1),
        0, 0.1, 0.0, 1.0, 0, np.array([0, 1]), np.empty((2, 1)), np.empty(2), np.empty(2),
    )  # fmt: skip
