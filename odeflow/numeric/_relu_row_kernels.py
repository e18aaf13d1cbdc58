"""Which pattern does one neuron have, what does it do to the errors, and which pattern comes next?

A gate is a pair (neuron r, sample i); it is OFF where u_ri = w_r.x_i < 0, ON where u_ri > 0, SLIDING while the flow
keeps u_ri = 0. With c_r = a_r / sqrt(m) and the Gram matrix G the row moves by

    u_r' (or u_r'' + friction u_r') = -c_r G z_r(Delta),   z_r(Delta)_j = Delta_j on ON gates, 0 on OFF gates,
                                                        z_r(Delta)_S = -G_SS^{-1} G_S (A_r o Delta) on sliding gates.

Filippov's rule. A sliding gate stands for the mixture theta Delta_i with 0 <= theta <= 1 of its two sides that keeps
u_ri = 0; hence sign(a_r) z_ri must stay within [0, sign(a_r) Delta_i]. Where a row arrives at a boundary, the element
of least norm of Clarke's subdifferential says what it does: a box-constrained quadratic problem on the gates at zero
(`settle_gradient_flow`). A second-order flow arrives with speed and crosses; where both sides push back it bounces
ever faster and is captured into sliding once the bounce is smaller than an amplitude (`settle_second_order`).

Dependent samples. A gate whose sample lies in the span of the row's sliding samples has u_ri = 0 for as long as they
slide. It keeps the status it had and has no certificate; any choice within the box gives the same motion.

Opposite samples. If x_o = -ratio x_i the two gates share one boundary, and one of them is on. The pair is owned by i;
o has no boundary of its own: `set_gate` keeps it the mirror image of i (both are non-ON while i slides), and the box
becomes [-ratio sign(a_r) Delta_o, sign(a_r) Delta_i]. Samples that are positive multiples of each other never get
here: the door merges them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit

# Reassociation lets LLVM vectorise the sums; the NumPy error model leaves out the checks for division by zero.
KERNEL: dict[str, Any] = {"cache": True, "fastmath": {"reassoc", "contract", "nsz"}, "error_model": "numpy"}

# The tuples below are slow to pass, and their members slow to get (every time with a reference count): loops have them
# in local variables, and what is called for every gate takes arrays and numbers.

# Typed scalars, because Numba compiles a function anew for every Python literal that it is called with.
OFF, ON, SLIDING = np.int8(0), np.int8(1), np.int8(2)
# What a certificate watches: a boundary, or the two ends of the mixture of a sliding gate.
BOUNDARY, LOWER, UPPER = np.int64(0), np.int64(1), np.int64(2)
GRADIENT_FLOW, HEAVY_BALL, NESTEROV = 0, 1, 2

# What the choice of a pattern can come to; CROWDED: no room for so many sliding gates, SINGULAR: they are dependent.
CHOSEN, CAPTURED, CROWDED, SINGULAR = 0, 1, 2, 3

# A sample whose squared distance to the span of the sliding samples is below this share of |x|^2 counts as dependent.
DEPENDENT = 1e-11


class Samples(NamedTuple):
    """The data as the rows see it (n merged samples)."""

    gram: Any  # (n, n) float64, x_i.x_j
    magnitude: Any  # (n, n) float64, |x_i.x_j|
    opposite: Any  # (n,) int64, the o with x_o = -ratio x_i, else -1
    ratio: Any  # (n,) float64, |x_o| / |x_i| (0 without an opposite)
    owner: Any  # (n,) bool, False for the mirror image of an earlier opposite sample
    norm: Any  # (n,) float64, Euclidean norms of the lines of gram
    factor: Any  # (n, p) float64 with gram = factor factor^T, where that saves work; else p = 0


class Rows(NamedTuple):
    """The state of the m neurons on a horizon: u_r = position_r + drift_r psi - c_r G z_r(J)."""

    position: Any  # (m, n) float64
    drift: Any  # (m, n) float64; zero for gradient flow
    shift: Any  # (m, n) float64: w_r - w_r(0) = -c_r X^T (shift_r + push_r psi + z_r(J))
    push: Any  # (m, n) float64
    status: Any  # (m, n) int8
    count: Any  # (m,) int64, sliding gates of a row
    sliding: Any  # (m, s) int64, their samples
    inverse: Any  # (m, s, s) float64, G_SS^{-1}


@njit(**KERNEL)
def set_gate(samples, status, i, new):
    """Give gate i of one row (its `status` vector) the status `new`, and its mirror image the matching one."""
    status[i] = new
    o = samples.opposite[i]
    if o >= 0:
        status[o] = ON if new == OFF else OFF


@njit(**KERNEL)
def mix(samples, rows, r, values, z):
    """Fill z = z_r(values): the net coefficient of every sample in the row's gradient."""
    gram = samples.gram
    status = rows.status
    n = gram.shape[0]
    k = rows.count[r]
    for j in range(n):
        z[j] = values[j] if status[r, j] == ON else 0.0
    if k == 0:
        return
    sliding = rows.sliding
    inverse = rows.inverse
    pull = np.empty(k)
    for p in range(k):
        s = sliding[r, p]
        total = 0.0
        for j in range(n):
            total += gram[s, j] * z[j]
        pull[p] = total
    for p in range(k):
        total = 0.0
        for q in range(k):
            total += inverse[r, p, q] * pull[q]
        z[sliding[r, p]] = -total


@njit(**KERNEL)
def mix_all(samples, rows, values, low, out):
    """Fill out[r - low] = z_r(values) for as many rows as out has."""
    m, n = out.shape
    status = rows.status
    count = rows.count
    for r in range(low, low + m):
        if count[r] > 0:
            mix(samples, rows, r, values, out[r - low])
        else:
            for j in range(n):
                out[r - low, j] = values[j] if status[r, j] == ON else 0.0


@njit(**KERNEL)
def apply_gram(samples, factor, z, out):
    """Add factor G z to out, four lines of G at a time, skipping those whose z are zero."""
    gram = samples.gram
    n = out.shape[0]
    whole = n - n % 4
    for j in range(0, whole, 4):
        z0, z1, z2, z3 = z[j], z[j + 1], z[j + 2], z[j + 3]
        if z0 != 0.0 or z1 != 0.0 or z2 != 0.0 or z3 != 0.0:
            z0, z1, z2, z3 = factor * z0, factor * z1, factor * z2, factor * z3
            for i in range(n):
                out[i] += (z0 * gram[j, i] + z1 * gram[j + 1, i]) + (z2 * gram[j + 2, i] + z3 * gram[j + 3, i])
    for j in range(whole, n):
        x = factor * z[j]
        for i in range(n):
            out[i] += x * gram[j, i]


@njit(**KERNEL)
def residual(samples, rows, r, i):
    """Return the squared distance of x_i to the span of the row's sliding samples, relative to |x_i|^2."""
    gram = samples.gram
    k = rows.count[r]
    left = gram[i, i]
    for p in range(k):
        total = 0.0
        for q in range(k):
            total += rows.inverse[r, p, q] * gram[i, rows.sliding[r, q]]
        left -= gram[i, rows.sliding[r, p]] * total
    return left / gram[i, i]


@njit(**KERNEL)
def write_certificate(samples, rows, c, r, i, kind, out):
    """Write the functional K of one certificate: BOUNDARY d(u_ri)/dJ (unsigned), LOWER and UPPER applied to Delta."""
    gram = samples.gram
    sliding = rows.sliding
    inverse = rows.inverse
    status = rows.status
    n = gram.shape[0]
    k = rows.count[r]
    out[n] = 0.0
    if kind == BOUNDARY:
        for j in range(n):
            out[j] = gram[i, j]
        factor = -c
    else:
        for j in range(n):
            out[j] = 0.0
        factor = 1.0 if c > 0.0 else -1.0
    own = 0
    for p in range(k):
        if sliding[r, p] == i:
            own = p
    for q in range(k):
        if kind == BOUNDARY:
            weight = 0.0
            for p in range(k):
                weight += gram[i, sliding[r, p]] * inverse[r, p, q]
        else:
            weight = inverse[r, own, q]
        s = sliding[r, q]
        for j in range(n):
            out[j] -= weight * gram[s, j]
    for j in range(n):
        out[j] = factor * out[j] if status[r, j] == ON else 0.0
    if kind == LOWER and samples.opposite[i] >= 0:
        out[samples.opposite[i]] += factor * samples.ratio[i]
    if kind == UPPER:
        for j in range(n):
            out[j] = -out[j]
        out[i] += factor


@njit(**KERNEL)
def add_kernel(samples, status, k, sliding, inverse, weight, H):
    """Add weight A A^T o (G - G_S^T G_SS^{-1} G_S), the share of a row with this pattern in the kernel, to H."""
    gram = samples.gram
    n = gram.shape[0]
    on = np.empty(n)
    for j in range(n):
        on[j] = weight if status[j] == ON else 0.0
    half = np.zeros((k, n))
    for p in range(k):
        for q in range(k):
            x = inverse[p, q]
            s = sliding[q]
            for j in range(n):
                half[p, j] += x * gram[s, j] * on[j]
    for i in range(n):
        if status[i] != ON:
            continue
        for j in range(n):
            H[i, j] += on[j] * gram[i, j]
        for p in range(k):
            x = gram[i, sliding[p]]
            for j in range(n):
                H[i, j] -= x * half[p, j]


@njit(**KERNEL)
def change_kernel(samples, before, after, weight, H):
    """Add weight (A' A'^T - A A^T) o G to H for a row that does not slide: few lines and columns change."""
    gram = samples.gram
    n = gram.shape[0]
    for p in range(n):
        if before[p] == after[p]:
            continue
        for q in range(n):
            both = (after[p] == ON and after[q] == ON) - (before[p] == ON and before[q] == ON)
            if both != 0:
                H[p, q] += weight * both * gram[p, q]
                if before[q] == after[q]:
                    H[q, p] += weight * both * gram[p, q]


@njit(**KERNEL)
def invert_gram(samples, index, k, out):
    """Write G_SS^{-1} for S = index[:k] by sweeping; return False if the samples are dependent."""
    gram = samples.gram
    for p in range(k):
        for q in range(k):
            out[p, q] = gram[index[p], index[q]]
    for p in range(k):
        pivot = out[p, p]
        if pivot <= DEPENDENT * gram[index[p], index[p]]:
            return False
        for i in range(k):
            if i != p:
                x = out[i, p] / pivot
                for j in range(k):
                    if j != p:
                        out[i, j] -= x * out[p, j]
        for i in range(k):
            if i != p:
                out[i, p] /= pivot
                out[p, i] /= pivot
        out[p, p] = -1.0 / pivot
    for p in range(k):
        for q in range(k):
            out[p, q] = -out[p, q]
    return True


@njit(**KERNEL)
def solve_box(matrix, linear, lower, upper, nu, side):
    """Minimise nu.M.nu/2 + linear.nu on lower <= nu <= upper by projected Gauss-Seidel.

    `side` becomes OFF where nu ends at the lower bound, ON at the upper bound, SLIDING strictly inside.
    """
    k = linear.shape[0]
    for p in range(k):
        nu[p] = min(max(nu[p], lower[p]), upper[p])
    for _ in range(2000):
        change = 0.0
        for p in range(k):
            slope = linear[p]
            for q in range(k):
                slope += matrix[p, q] * nu[q]
            x = min(max(nu[p] - slope / matrix[p, p], lower[p]), upper[p])
            change = max(change, abs(x - nu[p]) / (upper[p] - lower[p] + 1e-300))
            nu[p] = x
        if change < 1e-15:
            break
    for p in range(k):
        side[p] = OFF if nu[p] <= lower[p] else (ON if nu[p] >= upper[p] else SLIDING)


@njit(**KERNEL)
def resolve(samples, rows, c, r, gates, count, errors):
    """Choose the statuses of `gates[:count]` of row r, all at u = 0, by the element of least norm.

    Returns CHOSEN, CROWDED or SINGULAR.
    """
    gram = samples.gram
    n = gram.shape[0]
    status = rows.status[r]
    sign = 1.0 if c > 0.0 else -1.0
    for p in range(count):
        set_gate(samples, status, gates[p], OFF)
        if samples.opposite[gates[p]] >= 0:
            status[samples.opposite[gates[p]]] = OFF
    matrix = np.empty((count, count))
    linear = np.zeros(count)
    lower = np.zeros(count)
    upper = np.empty(count)
    nu = np.zeros(count)
    side = np.empty(count, np.int8)
    for p in range(count):
        i = gates[p]
        for j in range(n):
            if status[j] == ON:
                linear[p] += sign * gram[i, j] * errors[j]
        for q in range(count):
            matrix[p, q] = gram[i, gates[q]]
        upper[p] = sign * errors[i]
        if samples.opposite[i] >= 0:
            lower[p] = -sign * samples.ratio[i] * errors[samples.opposite[i]]
    solve_box(matrix, linear, lower, upper, nu, side)
    k = np.int64(0)
    for p in range(count):
        set_gate(samples, status, gates[p], side[p])
        if side[p] == SLIDING:
            if k == rows.sliding.shape[1]:
                return CROWDED
            rows.sliding[r, k] = gates[p]
            k += 1
    rows.count[r] = k
    return CHOSEN if invert_gram(samples, rows.sliding[r], k, rows.inverse[r]) else SINGULAR


@njit(**KERNEL)
def surplus(samples, c, i, errors):
    """Return sign(a_r) times the jump Delta_i + ratio Delta_o of the force: positive where a boundary can attract."""
    x = errors[i]
    if samples.opposite[i] >= 0:
        x += samples.ratio[i] * errors[samples.opposite[i]]
    return x if c > 0.0 else -x


@njit(**KERNEL)
def settle_gradient_flow(samples, rows, c, r, i, errors):
    """Choose the row's pattern when gate i arrives at its boundary; return what `resolve` does."""
    k = rows.count[r]
    gates = np.empty(k + 1, np.int64)
    for p in range(k):
        gates[p] = rows.sliding[r, p]
    if surplus(samples, c, i, errors) > 0.0:
        gates[k] = i
        return resolve(samples, rows, c, r, gates, k + 1, errors)
    set_gate(samples, rows.status[r], i, OFF if rows.status[r, i] == ON else ON)
    if k > 0:
        return resolve(samples, rows, c, r, gates, k, errors)
    return CHOSEN


@njit(**KERNEL)
def settle_second_order(samples, rows, c, r, i, errors, speed, amplitude):
    """Let gate i cross, or capture it if it bounces with less than `amplitude`: CHOSEN, CAPTURED or CROWDED.

    With forces below > 0 > above on the two sides a bounce of speed v reaches v^2 / (2 min(below, -above)).
    """
    gram = samples.gram
    n = gram.shape[0]
    status = rows.status[r]
    k = rows.count[r]
    crossed = OFF if status[i] == ON else ON
    if surplus(samples, c, i, errors) > 0.0:
        z = np.empty(n)
        below = 0.0
        above = 0.0
        set_gate(samples, status, i, OFF)
        mix(samples, rows, r, errors, z)
        for j in range(n):
            below -= c * gram[i, j] * z[j]
        set_gate(samples, status, i, ON)
        mix(samples, rows, r, errors, z)
        for j in range(n):
            above -= c * gram[i, j] * z[j]
        if below > 0.0 and above < 0.0 and speed * speed < 2.0 * amplitude * min(below, -above):
            if k == rows.sliding.shape[1]:
                return CROWDED
            rows.sliding[r, k] = i
            trial = np.empty((k + 1, k + 1))
            if invert_gram(samples, rows.sliding[r], k + 1, trial):
                set_gate(samples, status, i, SLIDING)
                rows.count[r] = k + 1
                for p in range(k + 1):
                    for q in range(k + 1):
                        rows.inverse[r, p, q] = trial[p, q]
                return CAPTURED
    set_gate(samples, status, i, crossed)
    return CHOSEN


@njit(**KERNEL)
def leave_sliding(samples, rows, r, i, new):
    """Turn the sliding gate i OFF or ON (its mixture has reached that end) and shrink G_SS^{-1}: CHOSEN or SINGULAR."""
    k = rows.count[r]
    left = np.int64(0)
    for p in range(k):
        if rows.sliding[r, p] != i:
            rows.sliding[r, left] = rows.sliding[r, p]
            left += 1
    rows.count[r] = left
    set_gate(samples, rows.status[r], i, new)
    return CHOSEN if invert_gram(samples, rows.sliding[r], left, rows.inverse[r]) else SINGULAR
