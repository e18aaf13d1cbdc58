"""Is this identically zero? Is this nonnegative there? Three-valued answers by named exact methods.

`HOLDS` is only ever the outcome of an exact argument; `FAILS` comes with a witness, a point at which the statement is
false, evaluated exactly; everything else is `UNDECIDED` with a reason.
"""

from __future__ import annotations

import enum
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import sympy as sp

from odeflow.symbolic.exact import points_between_roots
from odeflow.symbolic.inner_products import InnerProduct, Word, evaluate_at
from odeflow.symbolic.plain_words import in_words

__all__ = [
    "Decision",
    "Status",
    "decide_nonnegative",
    "decide_positive_semidefinite",
    "decide_zero",
    "is_admissible",
    "is_exact",
]


class Status(enum.Enum):
    """Outcome of a check."""

    HOLDS = "holds"
    FAILS = "fails"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Decision:
    """An outcome, the exact method that reached it, and the witness if the statement fails.

    `witness` maps symbols to exact values at which the statement is false.
    """

    status: Status
    method: str
    detail: str = ""
    witness: Mapping[sp.Basic, sp.Basic] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether the statement was proved."""
        return self.status is Status.HOLDS


_PROBES = tuple(sp.Rational(*q) for q in ((1, 1), (2, 1), (1, 2), (3, 1), (1, 3), (5, 1), (7, 3), (1, 10), (10, 1)))


_ASSUMPTIONS = ("real", "integer", "even", "positive", "nonnegative", "zero", "nonpositive", "negative")


def is_admissible(symbol: sp.Basic, value: sp.Basic) -> bool:
    """Return whether `value` is known to meet every assumption that `symbol` carries.

    Examples
    --------
    >>> import sympy as sp
    >>> k = sp.Symbol("k", integer=True, positive=True)
    >>> is_admissible(k, sp.Integer(2)), is_admissible(k, sp.Rational(1, 2)), is_admissible(k, sp.Integer(-1))
    (True, False, False)
    """
    asked = {name: getattr(symbol, f"is_{name}", None) for name in _ASSUMPTIONS}
    return all(getattr(value, f"is_{name}", None) is truth for name, truth in asked.items() if truth is not None)


def is_exact(expression: sp.Basic) -> bool:
    """Return whether an expression is free of floats, infinities and undefined values."""
    return not expression.has(sp.Float, sp.nan, sp.zoo, sp.oo, -sp.oo)


def decide_zero(expression: sp.Expr) -> Decision:
    """Decide whether `expression` is identically zero in all its symbols.

    The numerator over a common denominator is expanded as a polynomial in its symbols, inner products and elementary
    functions. If every coefficient cancels the expression is zero. If not, an exact evaluation at a rational point
    where it is non-zero refutes it.

    Examples
    --------
    >>> import sympy as sp
    >>> x, w, t = sp.symbols("x w t", positive=True)
    >>> decide_zero((x + 1) ** 2 - x**2 - 2 * x - 1).status
    <Status.HOLDS: 'holds'>
    >>> decide_zero(sp.cos(w * t) ** 2 + sp.sin(w * t) ** 2 - 1).status
    <Status.HOLDS: 'holds'>
    >>> decide_zero(x**2 - x).status
    <Status.FAILS: 'fails'>
    """
    if not is_exact(expression):
        return _inexact("polynomial identity")
    numerator, denominator = sp.fraction(sp.together(sp.expand(expression)))
    if denominator.is_zero is not False and any(form == 0 for form in _normal_forms(denominator)):
        return Decision(Status.UNDECIDED, "polynomial identity", "a denominator is identically zero")
    for form in _normal_forms(numerator):
        if form == 0:
            return Decision(Status.HOLDS, "polynomial identity", "every coefficient of the numerator cancels")
    if expression.has(sp.Indexed):
        # entries of a sequence inside sums are no independent symbols: a point for them would witness nothing
        detail = f"{numerator} did not cancel, and it has indexed terms"
        return Decision(Status.UNDECIDED, "polynomial identity", detail)
    concrete, vectors = _realised(expression)
    symbols = sp.Tuple(*concrete).free_symbols
    for point in _rational_points(sorted(symbols, key=sp.default_sort_key)):
        if not all(is_admissible(symbol, at) for symbol, at in point.items()):
            continue
        values = [sp.cancel(sp.together(entry.xreplace(point))) for entry in concrete]
        value = next((v for v in values if v.is_zero is False and not v.has(sp.nan, sp.zoo, sp.oo)), None)
        if value is not None:
            return Decision(
                Status.FAILS, "exact evaluation", f"the two sides differ by {in_words(value)}", {**vectors, **point}
            )
    return Decision(Status.UNDECIDED, "polynomial identity", f"{numerator} did not cancel and no witness was found")


def decide_nonnegative(expression: sp.Expr, lower: Mapping[sp.Symbol, sp.Expr] | None = None) -> Decision:
    """Decide whether a rational function is >= 0 on a domain of independent half-lines.

    Parameters
    ----------
    expression : rational function of its symbols and of inner products
    lower : mapping symbol -> lower bound (an expression in the other symbols); symbols that are not named must be
        `positive` or `nonnegative` in SymPy's sense and range over that half-line, squared norms over [0, oo).

    Returns
    -------
    Decision
        By non-negative coefficients after shifting to the origin, or, with one free symbol (or one up to scaling), by
        exact isolation of all real roots; FAILS with a rational witness.

    Examples
    --------
    >>> import sympy as sp
    >>> lam, r = sp.symbols("lambda r", positive=True)
    >>> decide_nonnegative(lam**2 - r**4, {lam: r**2}).method
    'shifted coefficients'
    >>> decide_nonnegative(lam - 2 * r**2, {lam: r**2}).witness
    {r: 1, lambda: 1}
    """
    bounds = dict(lower or {})
    if not all(is_exact(e) for e in (expression, *bounds.values())):
        return _inexact("shifted coefficients")
    shifts = {symbol: sp.Dummy(f"s_{symbol}", nonnegative=True) for symbol in bounds}
    shifted = expression
    for symbol, bound in bounds.items():
        shifted = shifted.xreplace({symbol: bound + shifts[symbol]})
    for symbol, bound in bounds.items():  # a bound may name another bounded symbol
        shifted = shifted.xreplace({symbol: bound + shifts[symbol]})
    numerator, denominator = sp.fraction(sp.cancel(sp.together(shifted)))
    symbols = sorted(numerator.free_symbols | denominator.free_symbols, key=sp.default_sort_key)
    if any(not s.is_nonnegative for s in symbols):
        named = [s for s in symbols if not s.is_nonnegative]
        return Decision(Status.UNDECIDED, "shifted coefficients", f"no domain is known for {named}")
    outcome = _sign_on_orthant(numerator * denominator, symbols)
    witness: dict[sp.Basic, sp.Basic] = {}
    if outcome.witness:
        point = {**dict.fromkeys(shifts.values(), sp.Integer(0)), **outcome.witness}
        witness = {s: v for s, v in point.items() if s not in shifts.values()}
        for symbol, bound in bounds.items():
            at = sp.expand((bound + shifts[symbol]).xreplace(point))
            witness[symbol] = at.xreplace({s: sp.Integer(1) for s in at.free_symbols})
            witness |= {s: sp.Integer(1) for s in at.free_symbols}
    if outcome.status is Status.FAILS and not _refutes(expression, bounds, witness):
        detail = f"{outcome.detail}, but no point of the domain with a negative value was found there"
        return Decision(Status.UNDECIDED, outcome.method, detail)
    return Decision(outcome.status, outcome.method, outcome.detail, witness)


def decide_positive_semidefinite(matrix: sp.Matrix, lower: Mapping[sp.Symbol, sp.Expr] | None = None) -> Decision:
    """Decide whether a symmetric matrix of rational functions is positive semidefinite on a domain.

    A symmetric matrix has only real eigenvalues, so it is positive semidefinite iff every coefficient of its
    characteristic polynomial has the sign (-1)^k, that is, iff all sums of principal k x k minors are >= 0.

    Examples
    --------
    >>> import sympy as sp
    >>> lam, r = sp.symbols("lambda r", positive=True)
    >>> decide_positive_semidefinite(sp.Matrix([[lam, r], [r, 1]]), {lam: r**2}).status
    <Status.HOLDS: 'holds'>
    """
    if (matrix - matrix.T).applyfunc(lambda e: sp.cancel(sp.together(e))) != sp.zeros(*matrix.shape):
        return Decision(Status.UNDECIDED, "principal minors", "the matrix is not symmetric")
    coefficients = matrix.charpoly().all_coeffs()
    undecided: Decision | None = None
    for k, coefficient in enumerate(coefficients[1:], start=1):
        decision = decide_nonnegative((-1) ** k * coefficient, lower)
        if decision.status is Status.FAILS:
            return Decision(
                Status.FAILS, "principal minors", f"the sum of principal {k}x{k} minors is negative", decision.witness
            )
        if decision.status is Status.UNDECIDED:
            undecided = decision
    if undecided is not None:
        return undecided
    return Decision(Status.HOLDS, "principal minors", f"all {matrix.rows} sums of principal minors are >= 0")


def _inexact(method: str) -> Decision:
    return Decision(Status.UNDECIDED, method, "floats, infinities and undefined values are not exact")


def _refutes(expression: sp.Expr, bounds: Mapping[sp.Symbol, sp.Expr], witness: Mapping[sp.Basic, sp.Basic]) -> bool:
    """Return whether `expression` is negative at `witness`, and `witness` a point of the domain.

    Squared norms |A u|^2 and |u|^2 of one vector are not independent. Where every vector is in one of them only, each
    value can be had: the operators are the identity.
    """
    products = [symbol for symbol in witness if isinstance(symbol, InnerProduct)]
    vectors = [product.left for product in products]
    if len(set(vectors)) < len(vectors) or not all(product.is_square for product in products):
        return False
    if not all(is_admissible(symbol, value) for symbol, value in witness.items()):
        return False
    if not all((witness[symbol] - bound.xreplace(dict(witness))).is_nonnegative for symbol, bound in bounds.items()):
        return False
    return sp.sympify(expression, strict=True).xreplace(dict(witness)).is_negative is True


def _normal_forms(numerator: sp.Expr) -> Iterator[sp.Expr]:
    """Yield equal forms of an expression, cheapest first; one that is literally 0 proves it zero."""
    yield sp.expand(numerator)
    yield sp.expand(sp.powsimp(sp.expand(sp.expand_power_base(sp.expand_power_exp(numerator)))))
    if numerator.has(sp.gamma, sp.factorial):
        yield sp.expand(sp.expand_func(numerator))
    if numerator.has(sp.cos, sp.sin, sp.cosh, sp.sinh, sp.tanh):
        yield sp.expand(sp.powsimp(sp.expand(sp.expand(numerator, trig=True).rewrite(sp.exp))))
    roots = sorted(
        (p for p in numerator.atoms(sp.Pow) if p.exp.is_Rational and not p.exp.is_Integer), key=sp.default_sort_key
    )
    if roots:
        yield _reduce_radicals(sp.expand(numerator), roots)


def _reduce_radicals(expression: sp.Expr, roots: Sequence[sp.Pow]) -> sp.Expr:
    """Replace each radical q^(a/b) by a power of one symbol per radicand and reduce by symbol^b = q."""
    degrees: dict[sp.Expr, int] = {}
    for root in roots:
        degrees[root.base] = sp.ilcm(degrees.get(root.base, 1), root.exp.q)
    names = {base: sp.Dummy(f"root_{i}") for i, base in enumerate(degrees)}
    replaced = expression.xreplace({root: names[root.base] ** (root.exp * degrees[root.base]) for root in roots})
    numerator = sp.numer(sp.together(sp.expand(replaced)))
    for base, name in names.items():
        degree = degrees[base]
        numerator = sp.rem(sp.expand(numerator), name**degree - base, name) if numerator.has(name) else numerator
    return sp.expand(numerator)


def _realised(expression: sp.Expr) -> tuple[tuple[sp.Expr, ...], dict[sp.Basic, sp.Basic]]:
    """Put fixed vectors and operators of the plane into an expression, so that a witness exists.

    Returns
    -------
    The value of a scalar expression, or both entries of a vector; and what was put in.
    """
    products, words = expression.atoms(InnerProduct), expression.atoms(Word)
    if not products and not words:
        return (expression,), {}
    bases = sorted({b for g in products for b in (g.left, g.right)} | {w.base for w in words})
    operators = sorted({o for atom in products | words for o in atom.word}, key=lambda o: o.name)
    at = {base: sp.Matrix([i + 1, 2 - i * i]) for i, base in enumerate(bases)}
    by_name = {
        o.name + "'" * o.derivative: sp.Matrix([[2 + i, 1], [1 if o.symmetric else 0, 3]])
        for i, o in enumerate(operators)
    }
    witness: dict[sp.Basic, sp.Basic] = {sp.Symbol(str(b)): sp.Tuple(*v) for b, v in at.items()}
    witness |= {sp.Symbol(name): sp.Tuple(*(sp.Tuple(*m.row(i)) for i in range(2))) for name, m in by_name.items()}
    value = evaluate_at(expression, at, by_name)
    return (tuple(value) if isinstance(value, sp.MatrixBase) else (value,)), witness


def _rational_points(symbols: Sequence[sp.Basic], limit: int = 400) -> Iterator[dict[sp.Basic, sp.Expr]]:
    """Yield rational test points, diagonal ones first."""
    if not symbols:
        yield {}
        return
    whole = tuple(p for p in _PROBES if p.is_integer)
    probes = [whole if s.is_integer else _PROBES for s in symbols]
    for shift in range(len(_PROBES)):
        yield {s: own[(i * 2 + shift) % len(own)] for i, (s, own) in enumerate(zip(symbols, probes, strict=True))}
    for values in itertools.islice(itertools.product(*(own[:6] for own in probes)), limit):
        yield dict(zip(symbols, values, strict=True))


def _sign_on_orthant(polynomial: sp.Expr, symbols: Sequence[sp.Basic]) -> Decision:
    """Decide `polynomial >= 0` for all symbols >= 0 (those that are strictly positive: > 0)."""
    if not symbols:
        value = polynomial
        if value.is_nonnegative:
            return Decision(Status.HOLDS, "exact evaluation", f"{in_words(value)} >= 0")
        if value.is_negative:
            return Decision(Status.FAILS, "exact evaluation", f"{in_words(value)} < 0")
        return Decision(Status.UNDECIDED, "exact evaluation", f"the sign of {in_words(value)} was not decided")
    try:
        poly = sp.Poly(polynomial, *symbols)
    except sp.PolynomialError:
        return Decision(Status.UNDECIDED, "shifted coefficients", "not a rational function of its symbols")
    if all(c.is_nonnegative for c in poly.coeffs()):
        return Decision(Status.HOLDS, "shifted coefficients", "every coefficient is >= 0 after the shift")
    if not all(c.is_Rational for c in poly.coeffs()):
        return Decision(Status.UNDECIDED, "shifted coefficients", "coefficients of mixed sign are not rational")
    scaled = _scaled_away(poly)
    if scaled is not None and len(scaled.gens) == 1:
        decision = _sign_on_half_line(scaled)
        fixed = {s: sp.Integer(1) for s in symbols if s not in scaled.gens} if decision.witness else {}
        return Decision(decision.status, decision.method, decision.detail, {**fixed, **decision.witness})
    for point in itertools.product((sp.Integer(0), *_PROBES), repeat=len(symbols)):
        at = dict(zip(symbols, point, strict=True))
        if not all(is_admissible(s, v) for s, v in at.items()):
            continue
        value = poly.as_expr().xreplace(at)
        if value < 0:
            return Decision(Status.FAILS, "exact evaluation", f"the value there is {value}", at)
    return Decision(Status.UNDECIDED, "shifted coefficients", "coefficients of mixed sign in several symbols")


def _scaled_away(poly: sp.Poly) -> sp.Poly | None:
    """Return a polynomial in one symbol with the same sign, when `poly` has one symbol or is homogeneous in two.

    If poly(c^a x, c^b y) = c^d poly(x, y) for some a, b > 0 then its sign for x > 0 is that of poly(1, y).
    """
    if len(poly.gens) == 1:
        return poly
    if len(poly.gens) != 2 or (not poly.gens[0].is_positive and not poly.gens[1].is_positive):
        return None
    (i0, j0), *rest = poly.monoms()
    fixed = 0 if poly.gens[0].is_positive else 1
    slopes = {(i - i0, j - j0) for i, j in rest}
    if not slopes:
        return None
    di, dj = next(iter(slopes))
    if any(di * b - dj * a for a, b in slopes) or di * dj >= 0:
        return None
    other = poly.gens[1 - fixed]
    return sp.Poly(poly.as_expr().xreplace({poly.gens[fixed]: sp.Integer(1)}), other)


def _sign_on_half_line(poly: sp.Poly) -> Decision:
    """Decide a univariate rational polynomial on (0, oo), and at 0, by isolating its real roots exactly."""
    (symbol,) = poly.gens
    # multiplying by the symbol makes 0 a root: every sample point then lies strictly inside one interval of (0, oo)
    candidates = [q for q in points_between_roots(poly * sp.Poly(symbol, symbol)) if q > 0]
    points = [sp.Rational(q.numerator, q.denominator) for q in candidates]
    if not symbol.is_positive:
        points.insert(0, sp.Integer(0))
    for point in points:
        if poly.eval(point) < 0:
            near = [p for p in (point, sp.floor(point), sp.ceiling(point)) if is_admissible(symbol, p)]
            at = next((p for p in near if poly.eval(p) < 0), None)
            if at is None:
                detail = f"negative at {symbol} = {point}, which is not in the domain"
                return Decision(Status.UNDECIDED, "real root isolation", detail)
            return Decision(Status.FAILS, "real root isolation", f"negative at {symbol} = {at}", {symbol: at})
    return Decision(
        Status.HOLDS, "real root isolation", f"non-negative between all real roots ({len(points)} intervals)"
    )
