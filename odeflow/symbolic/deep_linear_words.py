"""Products of matrices with symbolic dimensions: identities that hold for all matrices whose shapes chain.

A matrix is a `Letter` with a name and symbolic dimensions; products, sums, integer and symbolic powers are SymPy's own,
with letters that do not commute. Two expressions with the same normal form are equal for every choice of the matrices,
in every dimension: that is what `show_matrices` computes. A hypothesis such as `W_2^T W_2 = W_1 W_1^T` enters as a
rewriting rule, a pair of words. Powers are taken as SymPy takes them, A^r A^s = A^{r+s} at once: fractional exponents
are for positive semidefinite letters, exponents that can be negative for invertible ones; nothing here checks that.

Examples
--------
>>> A, B = Letter("A", "k", "n"), Letter("B", "n", "d")
>>> transpose(A * B)
B^T*A^T
>>> normal_form((A + A) * B - 2 * A * B)
0
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import sympy as sp

from odeflow.errors import InvalidArgumentError
from odeflow.symbolic.decisions import Decision, Status
from odeflow.symbolic.derivations import Kind, Step, equate

__all__ = [
    "Letter",
    "Rule",
    "differentiate",
    "dot",
    "evaluate",
    "normal_form",
    "require_chained",
    "show_matrices",
    "show_traces",
    "trace_form",
    "transpose",
    "write_out",
]

METHOD = "algebra of matrices in symbolic dimension"
_LOWERED = str.maketrans("0123456789+-ejmi", "₀₁₂₃₄₅₆₇₈₉₊₋ₑⱼₘᵢ")

Factor = tuple[sp.Expr, sp.Expr]  # base and exponent
Rule = tuple[sp.Expr, sp.Expr]
"""A word and the word that replaces it, both products of letters (the second may hold symbolic powers)."""


class Letter(sp.AtomicExpr):  # type: ignore[misc]
    """A matrix of symbolic dimension, one of SymPy's atoms that do not commute.

    Parameters
    ----------
    name : its name; `W_{j+1}` prints with a subscript
    rows, columns : dimensions, SymPy expressions (strings are names of symbols)
    symmetric : whether it is its own transpose
    """

    is_commutative = False
    is_number = False
    __slots__ = ("columns", "name", "rows", "symmetric", "transposed")
    name: str
    rows: sp.Expr
    columns: sp.Expr
    symmetric: bool
    transposed: bool

    def __new__(
        cls, name: str, rows: Any, columns: Any, *, symmetric: bool = False, transposed: bool = False
    ) -> Letter:
        obj: Letter = sp.AtomicExpr.__new__(cls)
        obj.name, obj.symmetric, obj.transposed = name, symmetric, transposed
        obj.rows, obj.columns = (_dimension(size) for size in (rows, columns))
        if symmetric and obj.rows != obj.columns:
            raise InvalidArgumentError(f"Expected a square symmetric matrix but got {obj.rows} x {obj.columns}.")
        return obj

    @property
    def T(self) -> Letter:
        """The transpose."""
        if self.symmetric:
            return self
        return Letter(self.name, self.columns, self.rows, transposed=not self.transposed)

    @property
    def free_symbols(self) -> set[sp.Basic]:
        """The letter itself."""
        return {self}

    def _hashable_content(self) -> tuple[Any, ...]:
        return (self.name, self.rows, self.columns, self.symmetric, self.transposed)

    def __getnewargs_ex__(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return (self.name, self.rows, self.columns), {"symmetric": self.symmetric, "transposed": self.transposed}

    def sort_key(self, order: Any = None) -> Any:
        """Order among SymPy's atoms: by printed form."""
        return self.class_key(), (1, (str(self),)), sp.Integer(1).sort_key(), sp.Integer(1)

    def _sympystr(self, printer: Any) -> str:
        return self.name + ("^T" if self.transposed else "")

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        body = self.name.replace("'", r"^{\prime}") if not self.transposed else self.name.replace("'", "")
        if self.transposed:
            body += r"^{\prime\top}" if "'" in self.name else r"^{\top}"
        return body if exp is None else rf"\left({body}\right)^{{{exp}}}"

    def _unicode(self) -> str:
        head, _, below = self.name.replace("'", "").replace("Lambda", "Λ").partition("_")
        lowered = below.strip("{}").translate(_LOWERED)
        known = not set(lowered) & set("abcdefghklnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ()")
        subscript = (lowered if known else f"_{below.strip('{}')}") if below else ""
        return head + subscript + "'" * self.name.count("'") + ("ᵀ" if self.transposed else "")

    def _pretty(self, printer: Any) -> Any:
        from sympy.printing.pretty.stringpict import prettyForm

        return prettyForm(self._unicode())

    def _odeflow_one_line(self, printer: Any) -> str:
        return self._unicode()


def dot(letter: Letter) -> Letter:
    """Return the letter of a matrix's time derivative.

    Examples
    --------
    >>> dot(Letter("W_1", "n", "d"))
    W_1'
    """
    return Letter(
        letter.name + "'", letter.rows, letter.columns, symmetric=letter.symmetric, transposed=letter.transposed
    )


def transpose(expression: sp.Expr) -> sp.Expr:
    """Return the transpose: words are reversed, letters transposed, scalars kept."""
    expression = sp.sympify(expression, strict=True)
    if expression.is_commutative:
        return expression
    if isinstance(expression, Letter):
        return expression.T
    if isinstance(expression, sp.Add):
        return sp.Add(*(transpose(term) for term in expression.args))
    if isinstance(expression, sp.Mul):
        return sp.Mul(*(transpose(factor) for factor in reversed(expression.args)))
    if isinstance(expression, sp.Pow):
        return sp.Pow(transpose(expression.base), expression.exp)
    if isinstance(expression, sp.Sum):
        return sp.Sum(transpose(expression.function), *expression.limits)
    raise InvalidArgumentError(f"Expected sums, products and powers of letters but got {expression}.")


def normal_form(expression: sp.Expr, rules: Iterable[Rule] = ()) -> sp.Expr:
    """Return the sum of words that an expression is, with powers merged and `rules` applied until none fits.

    Rules must shorten or move letters one way only, or the rewriting does not end (it gives up after 10,000 steps).

    Examples
    --------
    >>> W1, W2 = Letter("W_1", "n_1", "n_0"), Letter("W_2", "n_2", "n_1")
    >>> normal_form(W2 * W1 * W1.T * W2.T, [(W1 * W1.T, W2.T * W2)])
    W_2*W_2^T*W_2*W_2^T
    """
    patterns = [(_factors(left), _factors(right)) for left, right in rules]
    total: dict[tuple[Factor, ...], sp.Expr] = {}
    for word, coefficient in _words(expression):
        rewritten = _merged(_rewritten(word, patterns))
        total[rewritten] = sp.expand(total.get(rewritten, sp.Integer(0)) + coefficient)
    kept = {word: c for word, c in total.items() if sp.cancel(sp.together(c)) != 0}
    return sp.Add(*(c * sp.Mul(*(sp.Pow(base, exponent) for base, exponent in w)) for w, c in kept.items()))


def differentiate(expression: sp.Expr, rates: Mapping[Letter, sp.Expr], time: sp.Symbol | None = None) -> sp.Expr:
    """Return the time derivative by the product rule.

    Parameters
    ----------
    expression : sum of products of letters; scalar coefficients may depend on `time`
    rates : letter -> its derivative; every letter of the expression must be there, transposed or not
    time : the symbol that coefficients may depend on

    Examples
    --------
    >>> W, V = Letter("W", "n", "d"), Letter("V", "n", "d")
    >>> differentiate(W * W.T, {W: V})
    V*W^T + W*V^T
    """
    total = sp.Integer(0)
    for word, coefficient in _words(expression):
        if time is not None:
            total += sp.diff(coefficient, time) * sp.Mul(*(sp.Pow(b, e) for b, e in word))
        for position, (letter, exponent) in enumerate(word):
            if not isinstance(letter, Letter) or exponent != 1:
                raise InvalidArgumentError(f"Expected a product of letters but got {letter}**{exponent}.")
            rate = rates[letter] if letter in rates else _transposed_rate(letter, rates)
            before, after = (sp.Mul(*(sp.Pow(b, e) for b, e in w)) for w in (word[:position], word[position + 1 :]))
            total += coefficient * before * rate * after
    return normal_form(total)


def _transposed_rate(letter: Letter, rates: Mapping[Letter, sp.Expr]) -> sp.Expr:
    if letter.T not in rates:
        raise InvalidArgumentError(f"Expected the time derivative of {letter} or of its transpose but got {rates}.")
    return transpose(rates[letter.T])


def evaluate(
    expression: sp.Expr,
    values: Mapping[sp.Basic, Any],
    identity: Callable[[int], Any],
    power: Callable[[Any, sp.Expr], Any] | None = None,
    *,
    number: Callable[[sp.Expr], Any] = sp.sympify,
    size: int = 1,
) -> Any:
    """Evaluate a matrix expression on concrete matrices, of any kind that knows `@`, `+`, `*` and `.T`.

    Parameters
    ----------
    values : letter -> matrix, symbol -> number; a transposed letter may be left out
    identity : n -> identity matrix, for powers 0 and the empty product of a square expression
    power : (matrix, exponent) -> matrix, for exponents that are not whole numbers
    number : what a scalar becomes before a matrix is multiplied by it; `float` for matrices of floats
    size : dimension of the result, where the expression is a multiple of the identity only

    Examples
    --------
    >>> import sympy as sp
    >>> W = Letter("W", "k", "d")
    >>> evaluate(2 * W * W.T, {W: sp.Matrix([[1, 2]])}, sp.eye)
    Matrix([[10]])
    """
    scalars = {k: v for k, v in values.items() if not isinstance(k, Letter)}
    whole_numbers = {k: v for k, v in scalars.items() if isinstance(k, sp.Symbol) and k.is_integer}
    expanded = write_out(expression, whole_numbers) if whole_numbers else expression

    def of(node: sp.Expr, rows: int) -> Any:
        if isinstance(node, Letter):
            return values[node] if node in values else values[node.T].T
        if node.is_commutative:
            return identity(rows) * number(node.xreplace(scalars))
        if isinstance(node, sp.Add):
            whole = next(n for n in node.args if not n.is_commutative)
            parts = [of(whole, rows)]
            parts += [of(n, parts[0].shape[0]) for n in node.args if n is not whole]
            return sum(parts[1:], parts[0])
        if isinstance(node, sp.Mul):
            scalar, factors = node.args_cnc()
            product = of(factors[0], rows)
            for factor in factors[1:]:
                product = product @ of(factor, product.shape[1])
            return product * number(sp.Mul(*scalar).xreplace(scalars)) if scalar else product
        if isinstance(node, sp.Pow):
            base = of(node.base, rows)
            if node.exp.is_Integer and node.exp >= 0:
                result = identity(base.shape[0])
                for _ in range(int(node.exp)):
                    result = result @ base
                return result
            if power is not None:
                return power(base, node.exp)
        raise InvalidArgumentError(f"Expected an expression in known letters but got {node}.")

    return of(expanded, size)


def write_out(expression: sp.Expr, values: Mapping[sp.Symbol, sp.Expr]) -> sp.Expr:
    """Put whole numbers in and write finite sums out; a power 0 becomes the identity, as everywhere here.

    Examples
    --------
    >>> import sympy as sp
    >>> N, j = sp.symbols("N j", positive=True, integer=True)
    >>> write_out(sp.Sum(Letter("A", "k", "k") ** (j - 1), (j, 1, N)), {N: sp.Integer(3)})
    1 + A + A**2
    """
    expression = sp.sympify(expression, strict=True)
    if values:
        expression = expression.xreplace(dict(values))

    def written(node: sp.Sum) -> sp.Expr:
        index, first, last = node.limits[0]
        return sp.Add(*(node.function.xreplace({index: sp.Integer(i)}) for i in range(int(first), int(last) + 1)))

    return expression.xreplace({node: written(node) for node in expression.atoms(sp.Sum)})


def require_chained(expression: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """Return the shape of an expression; raise if neighbours do not fit, terms differ, or I stands by no square.

    Examples
    --------
    >>> A = Letter("A", "k", "n")
    >>> require_chained(A * A.T)
    (k, k)
    """
    shapes: set[tuple[sp.Expr, sp.Expr]] = set()
    plain = False
    for word, _ in _words(expression):
        inside = [(b.function if isinstance(b, sp.Sum) else b, e) for b, e in word]
        ends = [(b.rows, b.columns) if isinstance(b, Letter) else require_chained(b) for b, _ in inside]
        fits = all(a[1] == b[0] for a, b in itertools.pairwise(ends))
        square = all(a == b for (a, b), (_, e) in zip(ends, inside, strict=True) if e != 1)
        if not fits or not square:
            text = sp.Mul(*(sp.Pow(b, e) for b, e in word))
            raise InvalidArgumentError(f"Expected matrices whose shapes chain but got {text} with shapes {ends}.")
        if ends:
            shapes.add((ends[0][0], ends[-1][1]))
        plain = plain or not ends
    if plain and any(rows != columns for rows, columns in shapes):
        raise InvalidArgumentError(f"Expected a square matrix beside a multiple of I but got {expression}.")
    if len(shapes) != 1:
        raise InvalidArgumentError(f"Expected terms of one shape but got shapes {shapes} in {expression}.")
    return shapes.pop()


def show_matrices(
    title: str,
    formula: sp.Basic,
    definitions: Mapping[sp.Basic, sp.Expr] | None = None,
    *,
    rules: Iterable[Rule] = (),
) -> Step:
    """Compute that two matrix expressions are equal for all matrices that obey `rules`.

    The step states `formula`, an equation or a conjunction of equations, as it is written; `definitions` replace its
    letters before it is computed. Without rules an equation that fails is refuted by an exact instance.

    Examples
    --------
    >>> A, B = Letter("A", "k", "n"), Letter("B", "k", "n")
    >>> show_matrices("transposes", equate(transpose(A * B.T), B * A.T)).decision.status
    <Status.HOLDS: 'holds'>
    >>> show_matrices("no", equate(A * B.T, B * A.T)).decision.status
    <Status.FAILS: 'fails'>
    """
    parts = formula.args if isinstance(formula, sp.And) else (formula,)
    decisions = [_decide_matrices(part, dict(definitions or {}), tuple(rules)) for part in parts]
    worst = min(decisions, key=lambda part: (Status.FAILS, Status.UNDECIDED, Status.HOLDS).index(part.status))
    return Step(title, formula, Kind.COMPUTED, worst)


def _decide_matrices(formula: sp.Basic, known: dict[sp.Basic, sp.Expr], rules: tuple[Rule, ...]) -> Decision:
    if not isinstance(formula, sp.Equality):
        return Decision(Status.UNDECIDED, METHOD, f"only equations between matrices are computed, not {formula}")
    left, right = (side.xreplace(known) for side in (formula.lhs, formula.rhs))
    for one, other in ((formula.lhs, formula.rhs), (left, right), *known.items(), *rules):
        _require_alike(one, other)
    for name, value in known.items():
        if not isinstance(name, Letter) or not name.symmetric or name.rows == 1:  # 1 x 1: a number
            continue
        if normal_form(value - transpose(value), rules) != 0:
            raise InvalidArgumentError(f"Expected a symmetric matrix for {name}, which is its own transpose: {value}.")
    rest = normal_form(left - right, rules)
    if rest == 0:
        return Decision(Status.HOLDS, METHOD, "every word cancels")
    witness = {} if rules else _witness(rest)
    return Decision(Status.FAILS if witness else Status.UNDECIDED, METHOD, f"left over: {rest}", witness)


def _require_alike(one: sp.Expr, other: sp.Expr) -> None:
    """Raise unless two expressions that are said to be equal have one shape, or one of them is a number times I."""
    shapes = [require_chained(side) for side in (one, other) if not side.is_commutative]
    square = len(shapes) == 2 or all(rows == columns for rows, columns in shapes) or 0 in (one, other)
    if len(set(shapes)) > 1 or not square:
        raise InvalidArgumentError(f"Expected two matrices of one shape but got {one} and {other}: {shapes}.")


def trace_form(expression: sp.Expr) -> sp.Expr:
    """Return a canonical word sum for tr(expression): words up to rotation and transposition.

    Letters to whole powers only: tr(A^r) with a symbolic r, or of anything that is not square, is an error.

    Examples
    --------
    >>> A, B = Letter("A", "k", "n"), Letter("B", "k", "n")
    >>> trace_form(A.T * B) - trace_form(A * B.T)
    0
    """
    total = sp.Integer(0)
    for word, coefficient in _words(expression):
        if any(not isinstance(letter, Letter) or exponent != 1 for letter, exponent in word):
            raise InvalidArgumentError(f"Expected a trace of products of letters but got tr({expression}).")
        letters = [letter for letter, _ in word]
        if letters and letters[0].rows != letters[-1].columns:
            raise InvalidArgumentError(f"Expected the trace of a square matrix but got {sp.Mul(*letters)}.")
        mirrored = [letter.T for letter in reversed(letters)]
        turns = [w[i:] + w[:i] for w in (letters, mirrored) for i in range(max(len(w), 1))]
        total += coefficient * sp.Mul(*min(turns, key=lambda w: [str(x) for x in w]))
    return sp.expand(total)


def show_traces(title: str, left: sp.Expr, right: sp.Expr, formula: sp.Equality | None = None) -> Step:
    """Compute that tr(left) = tr(right) for all matrices; the step states `formula`, or the traces as they are."""
    for side in (left, right):
        require_chained(side)
    rest = sp.expand(trace_form(left) - trace_form(right))
    status = Status.HOLDS if rest == 0 else Status.UNDECIDED
    detail = "every trace cancels" if rest == 0 else f"left over: tr({rest})"
    trace = sp.Function("tr")
    stated = formula if formula is not None else equate(trace(left), trace(right))
    return Step(title, stated, Kind.COMPUTED, Decision(status, METHOD, detail))


def _words(expression: sp.Expr) -> list[tuple[tuple[Factor, ...], sp.Expr]]:
    """Return the words of an expression, letters with whole powers written out, with their coefficients."""
    expanded = sp.expand(sp.sympify(expression, strict=True))
    found = []
    for term in sp.Add.make_args(expanded):
        scalar, factors = term.args_cnc()
        found.append((tuple(f for factor in factors for f in _factors(factor)), sp.Mul(*scalar)))
    return [(word, c) for word, c in found if c != 0]


def _factors(factor: sp.Expr) -> list[Factor]:
    if isinstance(factor, sp.Mul):
        return [f for part in factor.args for f in _factors(part)]
    if isinstance(factor, sp.Sum):
        return [(sp.Sum(normal_form(factor.function), *factor.limits), sp.Integer(1))]
    base, exponent = factor.as_base_exp()
    if factor == 1 or exponent == 0:
        return []
    if exponent.is_Integer and exponent > 0:
        return (_factors(base) if base != factor else [(base, sp.Integer(1))]) * int(exponent)
    if isinstance(base, sp.Pow) and base.exp.is_integer and exponent.is_integer:
        return _factors(sp.Pow(base.base, sp.expand(base.exp * exponent)))
    return [(base, exponent)]


def _rewritten(word: Sequence[Factor], patterns: Sequence[tuple[list[Factor], list[Factor]]]) -> list[Factor]:
    current = list(word)
    for _ in range(10_000):
        for attempt in (current, list(_merged(current))):  # a rule may speak of A^{r} A or of A^{r+1}
            found = _applied(attempt, patterns)
            if found is not None:
                current = found
                break
        else:
            return current
    raise InvalidArgumentError(f"Expected rules that end but got a word that keeps changing: {patterns}.")


def _applied(word: list[Factor], patterns: Sequence[tuple[list[Factor], list[Factor]]]) -> list[Factor] | None:
    """Return the word after the first rule that fits, or None."""
    for pattern, replacement in patterns:
        size = len(pattern)
        for i in range(len(word) - size + 1):
            if word[i : i + size] == pattern:
                return [*word[:i], *replacement, *word[i + size :]]
    return None


def _merged(word: Sequence[Factor]) -> tuple[Factor, ...]:
    """Merge neighbouring powers of one base."""
    merged: list[Factor] = []
    for base, exponent in word:
        if merged and merged[-1][0] == base:
            exponent = sp.expand(sp.cancel(merged.pop()[1] + exponent))
        if exponent != 0:
            merged.append((base, exponent))
    return tuple(merged)


def _dimension(size: Any) -> sp.Expr:
    if isinstance(size, str):
        return sp.Symbol(size, positive=True, integer=True)
    return sp.sympify(size, strict=True)


def _witness(rest: sp.Expr) -> dict[sp.Basic, sp.Basic]:
    """Return integer matrices and numbers at which a word sum is not zero, or nothing."""
    letters = sorted({min(a, a.T, key=str) for a in rest.atoms(Letter)}, key=str)
    if len(letters) != len({a.name for a in letters}) or rest.has(sp.Sum):
        return {}
    names = sorted({s for a in letters for d in (a.rows, a.columns) for s in d.free_symbols}, key=str)
    sizes = {name: sp.Integer(1 + (i + 1) % 2) for i, name in enumerate(names)}
    values: dict[sp.Basic, Any] = {}
    for k, letter in enumerate(letters, start=1):
        shape = [letter.rows.xreplace(sizes), letter.columns.xreplace(sizes)]
        if not all(size.is_Integer and size > 0 for size in shape):
            return {}
        if letter.symmetric:
            values[letter] = sp.ImmutableMatrix(*shape, lambda i, j, k=k: k + i + j + 2 * i * j)
        else:
            values[letter] = sp.ImmutableMatrix(*shape, lambda i, j, k=k: k + 2 * i - 3 * j + i * j)
    scalars = {s: sp.Rational(2 + i, 3) for i, s in enumerate(sorted(rest.free_symbols - rest.atoms(Letter), key=str))}
    if any(s.is_integer for s in scalars):
        return {}
    found = evaluate(rest, {**values, **scalars}, sp.eye)
    return {**values, **scalars} if any(entry != 0 for entry in found) else {}
