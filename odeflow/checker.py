"""Verify a certificate of a decay rate with nothing but Python's standard library.

    python -S -I checker.py CERTIFICATE.json

A certificate is data: an ODE, a class of functions f, an energy V, multipliers and a rate, all rational. From the ODE
and the
class this file derives what V' is and which inequalities f obeys, and decides the claim in exact arithmetic. No matrix
that is stored is trusted. Exit code 0: proved; 1: not a proof; 2: not a readable certificate.

The ODE is x^(k) + sum_j c_j x^(j) + beta hess f(y) y' + gamma grad f(y) = 0 with y = sum_j p_j x^(j), p_0 = 1.

Kind "exponential": constant coefficients, states z_j = x^(j) (with x* subtracted from x), g = grad f(y),
h = hess f(y) y', F = f(y) - f*. Kind "power": with s = ln t, z_j = t^j x^(j), g = t^w grad f(y),
h = t^w hess f(y) dy/ds, F = t^w (f(y) - f*)
the ODE has constant coefficients again (w - k is the power of t in gamma).

V = a F + a quadratic form in (z, g). Proved is: V' + rate V + sum_i lam_i q_i <= 0 and V - c F - sum_i nu_i q_i >= 0,
c > 0, with
lam_i, nu_i >= 0 and q_i >= 0 the inequalities of the class. Then c F <= V(start) e^(-rate t). For quadratics V depends
on the
eigenvalue, V = z' P(lam) z, and P > 0, V' + rate V <= 0 are decided for all lam in the interval by Sturm's theorem.
"""

from __future__ import annotations

import itertools
import json
import math
import re
import sys
from fractions import Fraction
from typing import Any

__all__ = ["Rejected", "Unreadable", "main", "verify", "verify_text"]

FORMAT, VERSION = "odeflow rate certificate", 1
LONGEST_FILE = 100_000
HIGHEST_ORDER = 4
HIGHEST_POWER = 12
LONGEST_NUMBER = 120
HIGHEST_DEGREE = 4
MOST_WORK = 25_000
"""Bits times squared length of polynomials, which keeps Sturm sequences below half a second."""

Vector = list[Fraction]
Matrix = list[list[Fraction]]
Polynomial = list[int]
"""Coefficients, lowest power first, without trailing zeros; [] is 0. Fractions are cleared: only signs count."""


class Unreadable(ValueError):
    """The file is not a certificate of this version."""


class Rejected(ValueError):
    """The certificate is well formed and does not prove its claim."""


def main(arguments: list[str]) -> int:
    """Check the files that are named; print one statement or reason for each."""
    if not arguments:
        print("usage: checker.py CERTIFICATE.json ...", file=sys.stderr)  # noqa: T201
        return 2
    worst = 0
    for name in arguments:
        try:
            with open(name, encoding="utf-8") as file:
                text = file.read(LONGEST_FILE + 1)
            print(f"PROVED: {verify_text(text)}")  # noqa: T201
        except (OSError, UnicodeDecodeError, Unreadable) as error:
            reason = getattr(error, "strerror", None) or error
            print(f"{name}: unreadable: {reason}", file=sys.stderr)  # noqa: T201
            worst = 2
        except Rejected as error:
            print(f"NOT PROVED: {error}")  # noqa: T201
            worst = max(worst, 1)
    return worst


def verify_text(text: str) -> str:
    """Return the statement that a certificate proves; raise Rejected or Unreadable."""
    if len(text) > LONGEST_FILE:
        raise Unreadable(f"expected at most {LONGEST_FILE} characters")
    if text.count("[") + text.count("{") > 2000:
        raise Unreadable("expected at most 2000 lists and objects")
    try:
        data = json.loads(text, object_pairs_hook=_object, parse_float=_no_number, parse_constant=_no_number)
    except Unreadable:
        raise
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"not JSON: {error}") from None
    return verify(data)


def verify(data: Any) -> str:
    """Return the statement that a certificate (parsed JSON) proves; raise Rejected or Unreadable."""
    top = _fields(data, "certificate", "format version kind flow class rate valid_from energy", "floor multipliers")
    if top["format"] != FORMAT or top["version"] != VERSION or isinstance(top["version"], bool):
        raise Unreadable(f"expected format {FORMAT!r}, version {VERSION}")
    if top["kind"] not in ("exponential", "power"):
        raise Unreadable("expected kind 'exponential' or 'power'")
    flow = _Flow(top["flow"], top["kind"])
    name, mu, smooth = _function_class(top["class"])
    rate, start = _number(top["rate"]), _number(top["valid_from"])
    if rate <= 0:
        raise Rejected("the rate is not positive")
    if start < 0:
        raise Rejected("valid_from is negative")
    if name == "quadratic":
        _check_modes(flow, mu, smooth, rate, top)
        return _statement(flow, name, mu, smooth, rate, start, needs_hessian=False)
    needs_hessian = _check_multipliers(flow, name, mu, smooth, rate, start, top)
    return _statement(flow, name, mu, smooth, rate, start, needs_hessian=needs_hessian)


# --- the ODE --------------------------------------------------------------------------------------------------------


class _Flow:
    """The ODE's constant coefficients in its own time (t, or s = ln t), and how its states change."""

    def __init__(self, data: Any, kind: str) -> None:
        fields = _fields(data, "flow", "order damping gradient hessian point")
        k = fields["order"]
        if not isinstance(k, int) or isinstance(k, bool) or not 1 <= k <= HIGHEST_ORDER:
            raise Unreadable(f"expected an order from 1 to {HIGHEST_ORDER}")
        self.order, self.kind = k, kind
        self.terms = [_powers(c) for c in _list(fields["damping"], "damping", k - 1)]
        self.gradient, self.hessian = _powers(fields["gradient"]), _powers(fields["hessian"])
        points = _list(fields["point"], "point", None)
        if not 1 <= len(points) <= k:
            raise Unreadable("expected from 1 to k coefficients of the point")
        self.points = [_powers(c) for c in points]
        if self.points[0] != [(Fraction(0), Fraction(1))]:
            raise Rejected("the point's coefficient of x is not 1")
        if len(self.gradient) != 1:
            raise Rejected("the gradient's coefficient is not one power of t")
        self.weight = self.gradient[0][0] + k if kind == "power" else Fraction(0)
        if kind == "power" and self.weight <= 0:
            raise Rejected("t^w (f - f*) has w <= 0")
        in_log_time = kind == "power"
        w = self.weight
        self.gamma = self._constant(self.gradient, w - k if in_log_time else Fraction(0))
        self.beta = self._constant(self.hessian, w - k + 1 if in_log_time else Fraction(0))
        self.c = [self._constant(c, Fraction(j - k if in_log_time else 0)) for j, c in enumerate(self.terms, start=1)]
        self.p = [self._constant(c, Fraction(j if in_log_time else 0)) for j, c in enumerate(self.points)]

    @staticmethod
    def _constant(powers: list[tuple[Fraction, Fraction]], wanted: Fraction) -> Fraction:
        if any(power != wanted for power, _ in powers):
            raise Rejected("the coefficients do not become constant in the time of this kind")
        return sum((c for _, c in powers), Fraction(0))

    def unit(self, index: int) -> Vector:
        """Return a basis vector of (z_0, ..., z_{k-1}, g, h)."""
        return [Fraction(int(i == index)) for i in range(self.order + 2)]

    def change(self, index: int) -> Vector:
        """Return the derivative of z_j (index j < k) or of g (index k) in that basis."""
        k = self.order
        if index == k:  # (t^w grad f)' in s = ln t is w g + h
            return _combine([(self.weight, self.unit(k)), (Fraction(1), self.unit(k + 1))])
        parts = [(Fraction(index if self.kind == "power" else 0), self.unit(index))]
        if index < k - 1:
            parts.append((Fraction(1), self.unit(index + 1)))
        else:
            parts += [(-c, self.unit(j)) for j, c in enumerate(self.c, start=1)]
            parts += [(-self.gamma, self.unit(k)), (-self.beta, self.unit(k + 1))]
        return _combine(parts)

    def point(self) -> Vector:
        return _combine([(p, self.unit(j)) for j, p in enumerate(self.p)])

    def velocity(self) -> Vector:
        return _combine([(p, self.change(j)) for j, p in enumerate(self.p)])


# --- non-quadratic classes: multipliers -----------------------------------------------------------------------------


def _inequalities(
    flow: _Flow, name: str, mu: Fraction, smooth: Fraction | None, scale: Fraction
) -> dict[str, tuple[Fraction, Matrix]]:
    """Return the inequalities of the class, name -> (coefficient of F, quadratic form); `scale` is t^w."""
    k = flow.order
    y, d, g, h = flow.point(), flow.velocity(), flow.unit(k), flow.unit(k + 1)
    yy, yg, gg, dd, dh, hh = (_product(*pair) for pair in ((y, y), (y, g), (g, g), (d, d), (d, h), (h, h)))
    one, zero = Fraction(1), Fraction(0)
    if name == "pl":
        if flow.kind == "power":
            raise Rejected("the PL inequality is not constant in log-time")
        found = {"value": (one, _form([])), "gradient dominance": (-2 * mu, _form([(one, gg)]))}
        if smooth is not None:
            found["descent"] = (2 * smooth, _form([(-one, gg)]))
            found["curvature"] = (zero, _form([(smooth**2, dd), (-one, hh)]))
        return {key: (c, form or _form([(zero, gg)])) for key, (c, form) in found.items()}
    if smooth is None or flow.kind == "power":  # in log-time the Lipschitz constant is not used: a weaker hypothesis
        m = mu * scale
        return {
            "value": (one, _form([(-m / 2, yy)])),
            "tangent": (-one, _form([(one, yg), (-m / 2, yy)])),
            "curvature": (zero, _form([(one, dh), (-m, dd)])),
        }
    # phi = f - mu |.|^2/2 is convex with an (L - mu)-Lipschitz gradient G = g - mu y: |G|^2/(2 (L - mu)) bounds
    # phi(y) - phi(x*) from below and <G, y> - (phi(y) - phi(x*)) from below; and mu <= hess <= L
    shifted = _combine([(one, g), (-mu, y)])
    gap = _form([(1 / (2 * (smooth - mu)), _product(shifted, shifted)), (mu / 2, yy)])
    return {
        "value": (one, _form([(-one, gap)])),
        "tangent": (-one, _form([(one, yg), (-one, gap)])),
        "curvature": (
            zero,
            _form([(one, _product(_combine([(one, h), (-mu, d)]), _combine([(smooth, d), (-one, h)])))]),
        ),
    }


def _check_multipliers(
    flow: _Flow, name: str, mu: Fraction, smooth: Fraction | None, rate: Fraction, start: Fraction, top: dict[str, Any]
) -> bool:
    """Decide the two inequalities for V; return whether f must be twice differentiable."""
    if "floor" not in top or "multipliers" not in top:
        raise Unreadable("expected floor and multipliers")
    k = flow.order
    energy = _fields(top["energy"], "energy", "f matrix")
    a, floor = _number(energy["f"]), _number(top["floor"])
    P = [[_number(x) for x in _list(row, "matrix row", k + 1)] for row in _list(energy["matrix"], "matrix", k + 1)]
    if any(P[i][j] != P[j][i] for i in range(k + 1) for j in range(i)):
        raise Rejected("the energy's matrix is not symmetric")
    if floor <= 0:
        raise Rejected("the floor is not positive, so V bounds nothing")
    scale = Fraction(1)
    if flow.kind == "power" and mu > 0:
        # mu t^w grows, and enters both inequalities with the helpful sign: they hold after the start if at the start
        if start <= 0 or flow.weight.denominator != 1:
            raise Rejected("a strongly convex class in log-time needs valid_from > 0 and a whole weight")
        scale = start ** int(flow.weight)
    known = _inequalities(flow, name, mu, smooth, scale)
    tables = _fields(top["multipliers"], "multipliers", "decay positivity")
    decay, positivity = (_multipliers(tables[key], known) for key in ("decay", "positivity"))

    basis = [flow.unit(i) for i in range(k + 1)]
    changes = [flow.change(i) for i in range(k + 1)]
    shifted = rate - flow.weight  # F carries t^w already
    pairs = [(i, j) for i in range(k + 1) for j in range(k + 1) if P[i][j]]
    form_V = _sum_forms(k + 2, [(P[i][j], _product(basis[i], basis[j])) for i, j in pairs])
    form = _sum_forms(
        k + 2,
        [(2 * P[i][j], _product(basis[i], changes[j])) for i, j in pairs]
        + [(a, _product(flow.unit(k), flow.velocity())), (shifted, form_V)]
        + [(m, known[key][1]) for key, m in decay.items()],
    )
    f_part = a * flow.weight + shifted * a + sum(m * known[key][0] for key, m in decay.items())
    if f_part != 0:
        raise Rejected(f"in V' + rate V the coefficient of f - f* is {f_part} and not 0")
    if not _is_semidefinite([[-x for x in row] for row in form]):
        raise Rejected("V' + rate V <= 0 does not follow: the form is not negative semidefinite")
    rest = _sum_forms(k + 2, [(Fraction(1), form_V)] + [(-m, known[key][1]) for key, m in positivity.items()])
    f_part = a - floor - sum(m * known[key][0] for key, m in positivity.items())
    if f_part != 0:
        raise Rejected(f"in V - floor (f - f*) the coefficient of f - f* is {f_part} and not 0")
    if not _is_semidefinite(rest):
        raise Rejected("V >= floor (f - f*) does not follow: the form is not positive semidefinite")
    uses_curvature = any(table.get("curvature", 0) != 0 for table in (decay, positivity))
    return bool(flow.beta != 0 or uses_curvature or any(x != 0 for x in P[k]))


def _multipliers(data: Any, known: dict[str, tuple[Fraction, Matrix]]) -> dict[str, Fraction]:
    table = _fields(data, "multipliers", "", " ".join(key.replace(" ", "_") for key in known))
    values = {key.replace("_", " "): _number(x) for key, x in table.items()}
    if any(x < 0 for x in values.values()):
        raise Rejected("a multiplier is negative")
    return values


# --- quadratics: one V for each eigenvalue --------------------------------------------------------------------------


def _check_modes(flow: _Flow, mu: Fraction, smooth: Fraction | None, rate: Fraction, top: dict[str, Any]) -> None:
    """Decide P(lam) > 0 and d (V' + rate V) <= 0 for all eigenvalues lam in [mu, L] or [mu, oo)."""
    if flow.kind != "exponential":
        raise Rejected("certificates for quadratics are of kind exponential")
    k = flow.order
    rows = _list(_fields(top["energy"], "energy", "modes")["modes"], "modes", k)
    read = [[_coefficients(entry) for entry in _list(row, "modes row", k)] for row in rows]
    if any(read[i][j] != read[j][i] for i in range(k) for j in range(i)):
        raise Rejected("the energy's matrix is not symmetric")
    zero, one = Fraction(0), Fraction(1)
    points = [*flow.p, *[zero] * (k - len(flow.p))]
    # (1 + beta lam p_{k-1}) x^(k) = -sum_j (c_j + beta lam p_{j-1} + gamma lam p_j) x^(j), with c_0 = p_{-1} = 0
    leading = flow.beta * points[k - 1]
    if leading < 0:
        raise Rejected("the highest derivative's coefficient can vanish")
    last = []
    for j in range(k):
        constant = flow.c[j - 1] if j else zero
        linear = flow.gamma * points[j] + (flow.beta * points[j - 1] if j else zero)
        last.append([-constant, -linear])
    (P, ((divisor, *bottom),)) = _cleared(read), _cleared([[[one, leading], *last]])
    N: list[list[Polynomial]] = [[divisor if j == i + 1 else [] for j in range(k)] for i in range(k)]
    N[k - 1] = bottom
    S: list[list[Polynomial]] = []
    for i in range(k):
        row = []
        for j in range(k):
            entry = _scale(_times(divisor, P[i][j]), -rate.numerator)
            for m in range(k):
                entry = _plus(entry, _scale(_times(N[m][i], P[m][j]), -rate.denominator))
                entry = _plus(entry, _scale(_times(P[i][m], N[m][j]), -rate.denominator))
            row.append(entry)
        S.append(row)
    entries = [entry for matrix in (P, S) for row in matrix for entry in row]
    bits = max((c.bit_length() for entry in entries for c in entry), default=0)
    if bits * max(map(len, entries)) ** 2 > MOST_WORK:
        raise Unreadable("expected smaller numbers and degrees in the energy of the modes")
    for matrix, what in ((P, "V >= 0"), (S, "V' + rate V <= 0")):
        for n, coefficient in enumerate(_characteristic(matrix)):
            if not _is_nonnegative(_scale(coefficient, (-1) ** n), mu, smooth):
                raise Rejected(f"{what} fails for an eigenvalue in the interval")
    determinant = _scale(_characteristic(P)[-1], (-1) ** k)
    if not _is_positive(determinant, mu, smooth):
        raise Rejected("V is not definite for every eigenvalue in the interval")


def _cleared(rows: list[list[Vector]]) -> list[list[Polynomial]]:
    """Return all polynomials times one positive whole number that clears every denominator."""
    scale = math.lcm(*(c.denominator for row in rows for entry in row for c in entry))
    return [[_trim([int(c * scale) for c in entry]) for entry in row] for row in rows]


def _characteristic(matrix: list[list[Polynomial]]) -> list[Polynomial]:
    """Return the coefficients of det(x I - M), highest power of x first (Faddeev and LeVerrier)."""
    k = len(matrix)
    coefficients: list[Polynomial] = [[1]]
    product: list[list[Polynomial]] = [[[] for _ in range(k)] for _ in range(k)]
    for n in range(1, k + 1):
        for i in range(k):
            product[i][i] = _plus(product[i][i], coefficients[-1])
        following: list[list[Polynomial]] = [[[] for _ in range(k)] for _ in range(k)]
        for i in range(k):
            for j in range(k):
                for m in range(k):
                    following[i][j] = _plus(following[i][j], _times(matrix[i][m], product[m][j]))
        product = following
        trace: Polynomial = []
        for i in range(k):
            trace = _plus(trace, product[i][i])
        coefficients.append([-c // n for c in trace])  # the division is exact
    return coefficients


# --- exact linear algebra -------------------------------------------------------------------------------------------


def _combine(parts: list[tuple[Fraction, Vector]]) -> Vector:
    return [sum((c * v[i] for c, v in parts), Fraction(0)) for i in range(len(parts[0][1]))]


def _product(u: Vector, v: Vector) -> Matrix:
    """Return the symmetric matrix of <u, v>."""
    return [[(u[i] * v[j] + u[j] * v[i]) / 2 for j in range(len(v))] for i in range(len(u))]


def _form(parts: list[tuple[Fraction, Matrix]]) -> Matrix:
    return _sum_forms(len(parts[0][1]), parts) if parts else []


def _sum_forms(size: int, parts: list[tuple[Fraction, Matrix]]) -> Matrix:
    return [[sum((c * m[i][j] for c, m in parts), Fraction(0)) for j in range(size)] for i in range(size)]


def _is_semidefinite(matrix: Matrix) -> bool:
    """Decide M >= 0 by symmetric elimination; a zero pivot must have a zero row."""
    rows = [list(row) for row in matrix]
    while rows:
        pivot, first = rows[0][0], rows[0]
        if pivot < 0 or (pivot == 0 and any(first)):
            return False
        rows = [
            [x - (row[0] * y / pivot if pivot else 0) for x, y in zip(row[1:], first[1:], strict=True)]
            for row in rows[1:]
        ]
    return True


# --- polynomials in one variable ------------------------------------------------------------------------------------


def _trim(p: Polynomial) -> Polynomial:
    end = len(p)
    while end and p[end - 1] == 0:
        end -= 1
    return p[:end]


def _plus(p: Polynomial, q: Polynomial) -> Polynomial:
    n = max(len(p), len(q))
    return _trim([(p[i] if i < len(p) else 0) + (q[i] if i < len(q) else 0) for i in range(n)])


def _times(p: Polynomial, q: Polynomial) -> Polynomial:
    out = [0] * max(len(p) + len(q) - 1, 0)
    for i, a in enumerate(p):
        for j, b in enumerate(q):
            out[i + j] += a * b
    return _trim(out)


def _scale(p: Polynomial, factor: int) -> Polynomial:
    return _trim([factor * c for c in p])


def _sign(p: Polynomial, x: Fraction | None) -> int:
    """Return the sign of p(x); None is plus infinity."""
    if x is None or not p:
        total = p[-1] if p else 0
    else:
        total, power = 0, 1
        for c in reversed(p):  # p(n/d) d^degree, by Horner
            total, power = total * x.numerator + c * power, power * x.denominator
    return (total > 0) - (total < 0)


def _derivative(p: Polynomial) -> Polynomial:
    return [i * c for i, c in enumerate(p)][1:]


def _divide(p: Polynomial, q: Polynomial) -> tuple[Polynomial, Polynomial]:
    """Return quotient and rest of a positive multiple of p by q."""
    quotient, rest = [0] * max(len(p) - len(q) + 1, 0), list(p)
    size, sign = abs(q[-1]), 1 if q[-1] > 0 else -1
    while len(rest) >= len(q):
        factor, shift = sign * rest[-1], len(rest) - len(q)
        quotient = [size * c for c in quotient]
        quotient[shift] += factor
        rest = _trim([size * c - (factor * q[i - shift] if i >= shift else 0) for i, c in enumerate(rest)][:-1])
    return quotient, rest


def _primitive(p: Polynomial) -> Polynomial:
    """Return p over the greatest common divisor of its coefficients."""
    content = math.gcd(*p)
    return [c // content for c in p]


def _common(p: Polynomial, q: Polynomial) -> Polynomial:
    while q:
        p, q = q, _primitive(_divide(p, q)[1])
    return p


def _quotient(p: Polynomial, q: Polynomial) -> Polynomial:
    return _primitive(_divide(p, q)[0])


def _roots_inside(p: Polynomial, low: Fraction, high: Fraction | None) -> int:
    """Count the distinct real roots of p != 0 in the open interval (low, high); high = None is infinity."""
    for end in (low, high):
        while end is not None and len(p) > 1 and _sign(p, end) == 0:
            p = _quotient(p, [-end.numerator, end.denominator])
    chain = [_primitive(p), _primitive(_derivative(p))]
    while chain[-1]:
        chain.append(_primitive([-c for c in _divide(chain[-2], chain[-1])[1]]))
    counts = []
    for end in (low, high):
        signs = [sign for sign in (_sign(q, end) for q in chain) if sign]
        counts.append(sum(a != b for a, b in itertools.pairwise(signs)))
    return counts[0] - counts[1]


def _odd_part(p: Polynomial) -> Polynomial:
    """Return the product of the distinct factors of p that occur an odd number of times."""
    at_least = []  # the products of the factors that occur at least once, at least twice, ...
    while len(p) > 1:
        common = _common(p, _derivative(p))
        at_least.append(_quotient(p, common))
        p = common
    part: Polynomial = [1]
    for times, (more, fewer) in enumerate(itertools.pairwise([*at_least, [1]]), start=1):
        if times % 2:
            part = _times(part, _quotient(more, fewer))
    return part


def _is_nonnegative(p: Polynomial, low: Fraction, high: Fraction | None) -> bool:
    """Decide p >= 0 on [low, high]."""
    if not p or high == low:
        return _sign(p, low) >= 0
    if len(p) > 1 and _roots_inside(_odd_part(_primitive(p)), low, high):
        return False
    for i in range(1, len(p) + 1):  # at one of these points p is not 0
        sign = _sign(p, low + (Fraction(i) if high is None else (high - low) * Fraction(i, len(p) + 1)))
        if sign:
            return sign > 0
    raise AssertionError("a polynomial has more roots than its degree")


def _is_positive(p: Polynomial, low: Fraction, high: Fraction | None) -> bool:
    """Decide p > 0 on [low, high]."""
    if _sign(p, low) <= 0 or (high is not None and _sign(p, high) <= 0):
        return False
    return len(p) == 1 or _roots_inside(p, low, high) == 0


# --- reading --------------------------------------------------------------------------------------------------------


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) != len(pairs):
        raise Unreadable("a key stands twice in one object")
    return dict(pairs)


def _no_number(text: str) -> Any:
    raise Unreadable(f"expected rationals as text but got {text[:20]}")


def _fields(data: Any, what: str, required: str, optional: str = "") -> dict[str, Any]:
    if not isinstance(data, dict):
        raise Unreadable(f"expected {what} to be an object")
    missing = set(required.split()) - set(data)
    unknown = set(data) - set(required.split()) - set(optional.split())
    if missing or unknown:
        raise Unreadable(f"{what}: missing {sorted(missing)}, unknown {sorted(unknown)[:5]}")
    return data


def _list(data: Any, what: str, length: int | None) -> list[Any]:
    if not isinstance(data, list) or (length is not None and len(data) != length):
        raise Unreadable(f"expected {what} to be a list{'' if length is None else f' of {length}'}")
    return data


def _number(data: Any) -> Fraction:
    """Read '-4/3'; nothing but such text is a number here."""
    if (
        not isinstance(data, str)
        or len(data) > LONGEST_NUMBER
        or not re.fullmatch(r"-?[0-9]+(/[0-9]*[1-9][0-9]*)?", data)
    ):
        raise Unreadable(f"expected a rational such as '4/3' but got {str(data)[:40]!r}")
    return Fraction(data)


def _powers(data: Any) -> list[tuple[Fraction, Fraction]]:
    """Read a sum of powers of t, [[power, coefficient], ...]."""
    found = [
        (_number(pair[0]), _number(pair[1])) for pair in (_list(x, "a power", 2) for x in _list(data, "powers", None))
    ]
    if len(found) > HIGHEST_POWER or any(abs(p) > HIGHEST_POWER for p, _ in found):
        raise Unreadable(f"expected at most {HIGHEST_POWER} powers of t, up to {HIGHEST_POWER}")
    if len({p for p, _ in found}) != len(found) or any(c == 0 for _, c in found):
        raise Unreadable("expected distinct powers with non-zero coefficients")
    return found


def _coefficients(data: Any) -> Vector:
    found = [_number(x) for x in _list(data, "a polynomial", None)]
    if len(found) > HIGHEST_DEGREE + 1:
        raise Unreadable(f"expected a degree of at most {HIGHEST_DEGREE}")
    return found


def _function_class(data: Any) -> tuple[str, Fraction, Fraction | None]:
    fields = _fields(data, "class", "name mu smooth")
    name, mu = fields["name"], _number(fields["mu"])
    smooth = None if fields["smooth"] is None else _number(fields["smooth"])
    if name not in ("quadratic", "convex", "strongly-convex", "pl"):
        raise Unreadable("expected class quadratic, convex, strongly-convex or pl")
    if (name == "convex") != (mu == 0) or mu < 0:
        raise Rejected("mu does not fit the class")
    if smooth is not None and (smooth < mu or (smooth == mu and name != "quadratic")):
        raise Rejected("L does not exceed mu")
    return name, mu, smooth


# --- the statement --------------------------------------------------------------------------------------------------


def _statement(
    flow: _Flow,
    name: str,
    mu: Fraction,
    smooth: Fraction | None,
    rate: Fraction,
    start: Fraction,
    *,
    needs_hessian: bool,
) -> str:
    """Return in one sentence what was proved, written from the numbers that were checked."""
    k = flow.order
    point = _text([(c, "x" + "'" * j) for j, c in enumerate(flow.points)])
    velocity = _text([(c, "x" + "'" * (j + 1)) for j, c in enumerate(flow.points)])
    terms = [([(Fraction(0), Fraction(1))], "x" + "'" * k)]
    terms += [(c, "x" + "'" * j) for j, c in reversed(list(enumerate(flow.terms, start=1)))]
    terms += [(flow.hessian, f"hess f({point})*({velocity})"), (flow.gradient, f"grad f({point})")]
    bound = "" if smooth is None or flow.kind == "power" else f" and L-Lipschitz gradient, L = {smooth}"
    what = {
        "quadratic": f"quadratic f with Hessian spectrum in [{mu}, {'oo)' if smooth is None else f'{smooth}]'}",
        "convex": f"convex f with a minimiser{bound}",
        "strongly-convex": f"strongly convex f with mu = {mu}{bound}",
        "pl": f"f with |grad f|^2 >= {2 * mu} (f - f*){bound}",
    }[name]
    if name != "quadratic":
        what += f", {'twice ' if needs_hessian else ''}continuously differentiable"
    decay = f"e^(-{rate} t)" if flow.kind == "exponential" else f"t^(-{rate})"
    since = f"t >= {start}" if flow.kind == "exponential" or start > 0 else "t >= t0, for any t0 > 0"
    constant = (
        "C depends on f and the initial state"
        if name == "quadratic" and smooth is None
        else ("C depends on the initial state" + (" and t0" if since.endswith("t0 > 0") else ""))
    )
    ode = f"{_text(terms)} = 0"
    return f"for every {what}, every solution of {ode} on {since} has f({point}) - f* <= C {decay} there; {constant}."


def _text(terms: list[tuple[list[tuple[Fraction, Fraction]], str]]) -> str:
    words = []
    for powers, word in terms:
        for power, c in powers:
            factor = "" if power == 0 else f"t^({power})*"
            words.append(f"{'-' if c < 0 else '+'} {'' if abs(c) == 1 else f'{abs(c)}*'}{factor}{word}")
    return " ".join(words).removeprefix("+ ")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
