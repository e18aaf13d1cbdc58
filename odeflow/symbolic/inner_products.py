"""Linear algebra in symbolic dimension: vectors, operators, their inner products and time derivatives.

A theorem "for all n, m, p" is not checked at one size. Here a vector is a formal sum of words `A B ... u` (operators
applied to a base vector), and an inner product is a formal generator `<u, A v>` in canonical form: operators move to
the right factor as transposes, and `<u, A v>` is the same generator as `<v, A' u>`. Two expressions that agree as
polynomials in these generators agree for every dimension and every choice of the operators.

Examples
--------
>>> import sympy as sp
>>> H, error, velocity = Operator("H", symmetric=True), Vector.base("e"), Vector.base("v")
>>> inner(H @ error, velocity) - inner(error, H @ velocity)
0
>>> inner(error + 2 * velocity, error)
<e, e> + 2*<e, v>
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sympy as sp
from sympy.printing.precedence import PRECEDENCE

from odeflow.errors import InvalidArgumentError

__all__ = [
    "Base",
    "Dynamics",
    "InnerProduct",
    "Operator",
    "Vector",
    "Word",
    "evaluate_at",
    "inner",
    "linear_in_words",
    "map_inner_products",
    "norm2",
]


@dataclass(frozen=True, order=True)
class Operator:
    """A linear operator with a name; constant in time unless `varying`.

    `Operator.T` is its transpose (itself if `symmetric`); `operator @ vector` applies it.
    """

    name: str
    symmetric: bool = False
    varying: bool = False
    transposed: bool = False
    derivative: int = 0

    @property
    def T(self) -> Operator:
        """The transpose."""
        if self.symmetric:
            return self
        return Operator(self.name, False, self.varying, not self.transposed, self.derivative)

    def __matmul__(self, vector: Vector) -> Vector:
        return Vector({((self, *word), base): c for (word, base), c in vector.terms.items()})

    def __str__(self) -> str:
        return self.name + "'" * self.derivative + ("^T" if self.transposed else "")

    def latex(self) -> str:
        """LaTeX of the operator."""
        body = rf"\dot {self.name}" if self.derivative else self.name
        return body + (r"^\top" if self.transposed else "")


OperatorWord = tuple[Operator, ...]


@dataclass(frozen=True, order=True)
class Base:
    """A base vector: a name and how many times it was differentiated in time."""

    name: str
    order: int = 0

    def __str__(self) -> str:
        return self.name + "'" * self.order

    def latex(self) -> str:
        """LaTeX of the vector, dots for derivatives."""
        letter = str(sp.latex(sp.Symbol(self.name)))
        if self.order == 0:
            return letter
        dots = {1: r"\dot", 2: r"\ddot"}
        return f"{dots[self.order]}{{{letter}}}" if self.order in dots else f"{letter}^{{({self.order})}}"


@dataclass(frozen=True)
class Vector:
    """A formal linear combination of words applied to base vectors, with SymPy coefficients."""

    terms: Mapping[tuple[OperatorWord, Base], sp.Expr] = field(default_factory=dict)

    @classmethod
    def base(cls, name: str, order: int = 0) -> Vector:
        """Return the base vector `name`, differentiated `order` times."""
        return cls({((), Base(name, order)): sp.Integer(1)})

    def __add__(self, other: Vector) -> Vector:
        total = dict(self.terms)
        for key, coefficient in other.terms.items():
            total[key] = sp.expand(total.get(key, sp.Integer(0)) + coefficient)
        return Vector({k: c for k, c in total.items() if c != 0})

    def __mul__(self, scalar: Any) -> Vector:
        factor = sp.sympify(scalar, strict=True)
        return Vector({k: sp.expand(c * factor) for k, c in self.terms.items() if factor != 0})

    __rmul__ = __mul__

    def __neg__(self) -> Vector:
        return self * -1

    def __sub__(self, other: Vector) -> Vector:
        return self + (-other)

    def __truediv__(self, scalar: Any) -> Vector:
        return self.__mul__(sp.Integer(1) / scalar)

    @property
    def is_zero(self) -> bool:
        """Whether every coefficient is identically zero as a rational function."""
        return all(sp.cancel(sp.together(c)) == 0 for c in self.terms.values())

    def as_expr(self) -> sp.Expr:
        """Return the vector as a SymPy sum of `coefficient * Word`, to be put into an equation."""
        return sp.Add(*(c * Word(word, base) for (word, base), c in self.terms.items()))

    def __str__(self) -> str:
        return self._joined(str, lambda w: "".join(f"{o} " for o in w), str) or "0"

    def latex(self) -> str:
        """LaTeX of the vector."""
        return self._joined(sp.latex, lambda w: "".join(o.latex() + " " for o in w), lambda b: b.latex()) or "0"

    def _joined(
        self, number: Callable[[Any], str], word_text: Callable[[OperatorWord], str], base_text: Callable[[Base], str]
    ) -> str:
        parts = []
        for (word, base), c in sorted(self.terms.items(), key=lambda kv: (-kv[0][1].order, kv[0])):
            body = word_text(word) + base_text(base)
            sign, size = ("-", -c) if c.could_extract_minus_sign() else ("+", c)
            factor = "" if size == 1 else f"{number(size)} " if not size.is_Add else f"({number(size)}) "
            parts.append(f" {sign} {factor}{body}")
        text = "".join(parts).strip()
        return text[2:] if text.startswith("+ ") else text


class InnerProduct(sp.AtomicExpr):  # type: ignore[misc]
    """The generator `<left, word right>`: a real number, one of SymPy's atoms."""

    is_commutative = True
    is_real = True
    is_number = False
    _diff_wrt = True
    __slots__ = ("left", "right", "word")
    left: Base
    word: OperatorWord
    right: Base

    def __new__(cls, left: Base, word: OperatorWord, right: Base) -> InnerProduct:
        mirrored = tuple(o.T for o in reversed(word))
        obj: InnerProduct = sp.AtomicExpr.__new__(cls)
        obj.left, obj.word, obj.right = min((left, word, right), (right, mirrored, left))
        return obj

    @property
    def free_symbols(self) -> set[sp.Basic]:
        """The generator itself: it is independent of every symbol."""
        return {self}

    @property
    def is_square(self) -> bool:
        """Whether this is `|A u|^2` for some word A, hence nonnegative for every dimension."""
        half, odd = divmod(len(self.word), 2)
        mirrored = tuple(o.T for o in reversed(self.word[half:]))
        return self.left == self.right and not odd and self.word[:half] == mirrored

    @property
    def precedence(self) -> int:
        """How tightly it binds in print: `|u|^2` is a power, and `<u, v>` has brackets of its own."""
        return int(PRECEDENCE["Pow" if self.is_square else "Atom"])

    def word_vector(self) -> Vector:
        """Return the right factor, `word right`."""
        return Vector({(self.word, self.right): sp.Integer(1)})

    def _eval_is_nonnegative(self) -> bool | None:
        return True if self.is_square else None

    def _hashable_content(self) -> tuple[Any, ...]:
        return (self.left, self.word, self.right)

    def __getnewargs__(self) -> tuple[Any, ...]:
        return (self.left, self.word, self.right)

    def sort_key(self, order: Any = None) -> Any:
        """Order among SymPy's atoms: by printed form."""
        return self.class_key(), (1, (str(self),)), sp.Integer(1).sort_key(), sp.Integer(1)

    def _sympystr(self, printer: Any) -> str:
        return f"<{self.left}, {''.join(f'{o} ' for o in self.word)}{self.right}>"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        word = "".join(o.latex() + " " for o in self.word)
        if self.is_square and self.left == self.right:
            half = "".join(o.latex() + " " for o in self.word[len(self.word) // 2 :])
            body = rf"\lVert {half}{self.right.latex()}\rVert^2"
        else:
            body = rf"\langle {self.left.latex()}, {word}{self.right.latex()}\rangle"
        return body if exp is None else rf"\left({body}\right)^{{{exp}}}"

    def _pretty(self, printer: Any) -> Any:
        word = "".join(f"{o} " for o in self.word)
        if self.is_square:
            half = "".join(f"{o} " for o in self.word[len(self.word) // 2 :])
            return _pretty_form(f"‖{half}{_pretty_name(self.right)}‖²")
        return _pretty_form(f"⟨{_pretty_name(self.left)}, {word}{_pretty_name(self.right)}⟩")


class Word(sp.AtomicExpr):  # type: ignore[misc]
    """A vector `A B ... u` as one of SymPy's atoms, so that equations between vectors can be written and printed."""

    is_commutative = True
    is_number = False
    __slots__ = ("base", "word")
    word: OperatorWord
    base: Base

    def __new__(cls, word: OperatorWord, base: Base) -> Word:
        obj: Word = sp.AtomicExpr.__new__(cls)
        obj.word, obj.base = word, base
        return obj

    @property
    def free_symbols(self) -> set[sp.Basic]:
        """The atom itself."""
        return {self}

    def _hashable_content(self) -> tuple[Any, ...]:
        return (self.word, self.base)

    def __getnewargs__(self) -> tuple[Any, ...]:
        return (self.word, self.base)

    def sort_key(self, order: Any = None) -> Any:
        """Highest derivative first, then by name."""
        return self.class_key(), (1, (-self.base.order, str(self))), sp.Integer(1).sort_key(), sp.Integer(1)

    def _sympystr(self, printer: Any) -> str:
        return f"{''.join(f'{o} ' for o in self.word)}{self.base}"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        body = "".join(o.latex() + " " for o in self.word) + self.base.latex()
        return body if exp is None else rf"\left({body}\right)^{{{exp}}}"

    def _pretty(self, printer: Any) -> Any:
        return _pretty_form("".join(f"{o} " for o in self.word) + _pretty_name(self.base))


def inner(left: Vector, right: Vector) -> sp.Expr:
    """Return the inner product as a polynomial in canonical generators.

    Parameters
    ----------
    left, right : Vector
        Vectors of the same (symbolic) dimension.

    Returns
    -------
    sympy.Expr
        Sum of coefficient x `InnerProduct`.
    """
    total = sp.Integer(0)
    for (word_u, base_u), a in left.terms.items():
        for (word_v, base_v), b in right.terms.items():
            word = tuple(o.T for o in reversed(word_u)) + word_v
            total += a * b * InnerProduct(base_u, word, base_v)
    return sp.expand(total)


def norm2(vector: Vector) -> sp.Expr:
    """Return the squared norm `<vector, vector>`."""
    return inner(vector, vector)


def map_inner_products(expression: sp.Expr, replace: Callable[[InnerProduct], sp.Expr]) -> sp.Expr:
    """Return `expression` with every inner product replaced by `replace(product)`, expanded."""
    found = {g: replace(g) for g in expression.atoms(InnerProduct)}
    return sp.expand(expression.xreplace(found))


def evaluate_at(
    expression: sp.Expr, bases: Mapping[Base, sp.Matrix], operators: Mapping[str, sp.Matrix]
) -> sp.Expr | sp.Matrix:
    """Evaluate an expression in words and inner products on concrete matrices, exactly: a second route.

    Parameters
    ----------
    expression : scalar expression with `InnerProduct` atoms, or a sum of coefficient x `Word`
    bases : base vector -> column matrix
    operators : operator name -> matrix, `J'` for the time derivative of J (transposes are taken where the word says so)

    Examples
    --------
    >>> import sympy as sp
    >>> H, e = Operator("H", symmetric=True), Vector.base("e")
    >>> evaluate_at(inner(e, H @ e), {Base("e"): sp.Matrix([1, 2])}, {"H": sp.diag(3, 5)})
    23
    """

    def applied(word: OperatorWord, base: Base) -> sp.Matrix:
        vector = bases[base]
        for operator in reversed(word):
            matrix = operators[operator.name + "'" * operator.derivative]
            vector = (matrix.T if operator.transposed else matrix) * vector
        return vector

    def number(scalar: sp.Expr) -> sp.Expr:
        return map_inner_products(scalar, lambda g: (bases[g.left].T * applied(g.word, g.right))[0, 0])

    if not expression.has(Word):
        return number(expression)
    parts = [number(c) * applied(atom.word, atom.base) for atom, c in linear_in_words(expression).items()]
    return sum(parts[1:], parts[0])


def linear_in_words(expression: sp.Expr) -> dict[Word, sp.Expr]:
    """Return the coefficient of every word of a vector expression; refuse scalar parts and products of words.

    Examples
    --------
    >>> H, e = Operator("H", symmetric=True), Vector.base("e")
    >>> linear_in_words((2 * (H @ e)).as_expr() + e.as_expr())
    {H e: 2, e: 1}
    """
    expanded = sp.expand(expression)
    found = {atom: expanded.coeff(atom) for atom in sorted(expanded.atoms(Word), key=str)}
    rest = sp.expand(expanded - sp.Add(*(c * atom for atom, c in found.items())))
    if rest != 0 or any(c.has(Word) for c in found.values()):
        raise InvalidArgumentError(
            f"Expected a sum of coefficient x word but got {expression}. Every term must be one vector."
        )
    return found


@dataclass(frozen=True)
class Dynamics:
    """How base vectors move: `rules[name] = (k, v)` says that the k-th derivative of the vector `name` is v.

    Operators are constant in time unless `varying`; differentiating a varying one gives a new operator. `time` is
    the symbol that coefficients may depend on.

    Examples
    --------
    Gradient flow on errors, and the decay of the loss, in every dimension:

    >>> import sympy as sp
    >>> H, e = Operator("H", symmetric=True), Vector.base("e")
    >>> flow = Dynamics({"e": (1, -(H @ e))}, time=sp.Symbol("t"))
    >>> flow.derivative(norm2(e) / 2)
    -<e, H e>
    """

    rules: Mapping[str, tuple[int, Vector]]
    time: sp.Symbol

    def differentiate(self, vector: Vector) -> Vector:
        """Return the time derivative of a vector, reduced by the rules."""
        total = Vector()
        for (word, base), c in vector.terms.items():
            total = total + Vector({(word, base): sp.diff(c, self.time)}) + c * self._moved(word, base)
        return total

    def derivative(self, expression: sp.Expr) -> sp.Expr:
        """Return the time derivative of a scalar expression in inner products and `time`, expanded."""
        total = sp.diff(expression, self.time)
        for product in expression.atoms(InnerProduct):
            moved = inner(self._moved((), product.left), product.word_vector()) + inner(
                Vector({((), product.left): sp.Integer(1)}), self._moved(product.word, product.right)
            )
            total += sp.diff(expression, product) * moved
        return sp.expand(total)

    def _moved(self, word: OperatorWord, base: Base) -> Vector:
        """Return the derivative of `word base` by the product rule."""
        raised = Base(base.name, base.order + 1)
        if base.name in self.rules and self.rules[base.name][0] < raised.order:
            raise InvalidArgumentError(
                f"Expected derivatives of {base.name} below order {self.rules[base.name][0]} but got {raised}. "
                "Reduce the expression by the dynamics first."
            )
        top, rule = self.rules.get(base.name, (-1, Vector()))
        moved = rule if raised.order == top else Vector({((), raised): sp.Integer(1)})
        for operator in reversed(word):
            moved = operator @ moved
        for position, operator in enumerate(word):
            if operator.varying:
                dotted = Operator(operator.name, operator.symmetric, True, operator.transposed, operator.derivative + 1)
                changed = (*word[:position], dotted, *word[position + 1 :])
                moved = moved + Vector({(changed, base): sp.Integer(1)})
        return moved


def _pretty_name(base: Base) -> str:
    return str(sp.pretty(sp.Symbol(base.name))) + "'" * base.order


def _pretty_form(text: str) -> Any:
    from sympy.printing.pretty.stringpict import prettyForm

    return prettyForm(text.replace("^T", "ᵀ"))
