r"""What does depth do to a gradient? The preconditioner of a deep linear network, as a Kronecker sum, exactly.

    vec(G) -> P vec(G),   P = sum_{j=1}^N [W'W]^{(N-j)/N} (x) [WW']^{(j-1)/N},   vec column by column, [.]^0 = I

With singular triples (sigma_r, u_r, v_r) of the k x d matrix W (sigma_r = 0 beyond min(k, d)) the vectors
vec(u_r v_q') = v_q (x) u_r are eigenvectors of every summand. The eigenvalue of the j-th is
sigma_q^{2(N-j)/N} sigma_r^{2(j-1)/N}: the power N - j belongs to the right singular vector. Their sum is

    (sigma_r^2 - sigma_q^2) / (sigma_r^{2/N} - sigma_q^{2/N}),   N sigma^{2-2/N} where sigma_r = sigma_q = sigma.

`SpectralMatrix` gives instances in which all fractional powers are rational: singular values are N-th powers of
rationals, singular vectors come from Cayley transforms. What one output (k = 1) makes of it is in
`preconditioners_single_output`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sympy as sp
from sympy.polys.matrices import DomainMatrix

from odeflow.errors import InvalidArgumentError
from odeflow.symbolic.decisions import Decision, Status, decide_zero
from odeflow.symbolic.derivations import Kind, Step, assume, define, show_equal_vectors
from odeflow.symbolic.inner_products import Base, Operator, OperatorWord, Vector
from odeflow.symbolic.kronecker_entries import Entries, show_same_entries, tensor, vectorised
from odeflow.symbolic.quantities import named

__all__ = [
    "DEPTH",
    "LAYER",
    "LEFT",
    "RIGHT",
    "SpectralMatrix",
    "cayley",
    "eigenvalue",
    "eigenvalue_sum",
    "kronecker",
    "kronecker_steps",
    "preconditioner",
    "show_equal_matrices",
    "spectral_steps",
    "summand",
    "summand_eigenvalue",
    "vec",
]

DEPTH = sp.Symbol("N", integer=True, positive=True)
LAYER = sp.Symbol("j", integer=True, positive=True)
LEFT = sp.Symbol("sigma_r", nonnegative=True)
RIGHT = sp.Symbol("sigma_q", nonnegative=True)


def vec(matrix: sp.Matrix) -> sp.Matrix:
    """Arrange a matrix as a column, column by column.

    Examples
    --------
    >>> import sympy as sp
    >>> list(vec(sp.Matrix([[1, 2], [3, 4]])))
    [1, 3, 2, 4]
    """
    return sp.Matrix([matrix[i, j] for j in range(matrix.cols) for i in range(matrix.rows)])


def kronecker(left: sp.Matrix, right: sp.Matrix) -> sp.Matrix:
    """Return left (x) right: blocks left_ij right, so that vec(A X B) = (B' (x) A) vec(X).

    Examples
    --------
    >>> import sympy as sp
    >>> kronecker(sp.Matrix([[1, 2]]), sp.Matrix([[1], [10]]))
    Matrix([
    [ 1,  2],
    [10, 20]])
    """
    return sp.Matrix(
        left.rows * right.rows,
        left.cols * right.cols,
        lambda i, j: left[i // right.rows, j // right.cols] * right[i % right.rows, j % right.cols],
    )


def summand_eigenvalue(
    left: sp.Expr = LEFT, right: sp.Expr = RIGHT, depth: sp.Expr = DEPTH, layer: sp.Expr = LAYER
) -> sp.Expr:
    """Return the eigenvalue of the j-th summand at vec(u_r v_q'): sigma_q^{2(N-j)/N} sigma_r^{2(j-1)/N}.

    Examples
    --------
    >>> import sympy as sp
    >>> four, one, two = map(sp.Integer, (4, 1, 2))
    >>> summand_eigenvalue(four, one, two, one), summand_eigenvalue(four, one, two, two)
    (1, 4)
    """
    return right ** (2 * (depth - layer) / depth) * left ** (2 * (layer - 1) / depth)


def eigenvalue_sum(left: sp.Expr = LEFT, right: sp.Expr = RIGHT, depth: sp.Expr = DEPTH) -> sp.Sum:
    """Return the eigenvalue of P at vec(u_r v_q'), as the unevaluated sum over the layers; 0^0 = 1.

    Examples
    --------
    >>> import sympy as sp
    >>> nought, one, two, four = map(sp.Integer, (0, 1, 2, 4))
    >>> [eigenvalue_sum(*case).doit() for case in ((four, one, two), (nought, nought, one), (nought, nought, two))]
    [5, 1, 0]
    """
    return sp.Sum(summand_eigenvalue(left, right, depth), (LAYER, 1, depth))


def eigenvalue(left: sp.Expr = LEFT, right: sp.Expr = RIGHT, depth: sp.Expr = DEPTH) -> sp.Expr:
    """Return the eigenvalue of P at vec(u_r v_q') in closed form; left and right must be the same or different.

    Examples
    --------
    >>> import sympy as sp
    >>> one, three, eight = map(sp.Integer, (1, 3, 8))
    >>> eigenvalue(eight, one, three), eigenvalue(eight, eight, three)
    (21, 48)
    """
    if left == right:
        return depth * left ** (2 - 2 / depth)
    return (left**2 - right**2) / (left ** (2 / depth) - right ** (2 / depth))


def cayley(skew: Sequence[sp.Expr], size: int) -> sp.Matrix:
    """Return the orthogonal matrix (I - S)(I + S)^{-1} of the skew matrix S with the given entries above the diagonal.

    Parameters
    ----------
    skew : size (size - 1)/2 rationals, row by row
    size : number of rows

    Examples
    --------
    >>> import sympy as sp
    >>> cayley([sp.Rational(1, 2)], 2)
    Matrix([
    [3/5, -4/5],
    [4/5,  3/5]])
    """
    if len(skew) != size * (size - 1) // 2:
        raise InvalidArgumentError(
            f"Expected {size * (size - 1) // 2} entries above the diagonal of a {size} x {size} matrix but got "
            f"{len(skew)}."
        )
    S, entries = sp.zeros(size, size), iter(skew)
    for i in range(size):
        for j in range(i + 1, size):
            S[i, j] = next(entries)
            S[j, i] = -S[i, j]
    inverse = DomainMatrix.from_Matrix(sp.eye(size) + S).to_field().inv().to_Matrix()
    return (sp.eye(size) - S) * inverse


@dataclass(frozen=True)
class SpectralMatrix:
    """A matrix W = U diag(s^N) V' whose N-th roots are rational.

    Attributes
    ----------
    left, right : U, k x k, and V, d x d, orthogonal
    roots : the min(k, d) numbers s_r >= 0; the singular values of W are s_r^N
    depth : N >= 1

    Examples
    --------
    >>> import sympy as sp
    >>> W = SpectralMatrix(sp.eye(1), sp.eye(2), (sp.Integer(2),), 3)
    >>> W.matrix, W.gram_power(1, right=True)
    (Matrix([[8, 0]]), Matrix([
    [4, 0],
    [0, 0]]))
    """

    left: sp.Matrix
    right: sp.Matrix
    roots: tuple[sp.Expr, ...]
    depth: int

    def __post_init__(self) -> None:
        if any(basis * basis.T != sp.eye(basis.rows) for basis in (self.left, self.right)):
            raise InvalidArgumentError(f"Expected orthogonal bases but got {self.left} and {self.right}.")
        smaller = min(self.left.rows, self.right.rows)
        if len(self.roots) != smaller or any(not s.is_nonnegative for s in self.roots) or self.depth < 1:
            raise InvalidArgumentError(
                f"Expected {smaller} roots >= 0 and a depth >= 1 but got roots {self.roots} and depth {self.depth}."
            )

    @property
    def matrix(self) -> sp.Matrix:
        """W itself."""
        k, d = self.left.rows, self.right.rows
        D = sp.Matrix(k, d, lambda i, j: self.roots[i] ** self.depth if i == j else 0)
        return self.left * D * self.right.T

    def singular_value(self, index: int) -> sp.Expr:
        """Return sigma_index, 0 beyond min(k, d)."""
        return self.roots[index] ** self.depth if index < len(self.roots) else sp.Integer(0)

    def gram_power(self, numerator: int, *, right: bool = False) -> sp.Matrix:
        """Return [WW']^{numerator/N}, or [W'W]^{numerator/N} if `right`; the identity for numerator = 0."""
        basis = self.right if right else self.left
        size = basis.rows
        padded = [*self.roots, *[sp.Integer(0)] * (size - len(self.roots))]
        return basis * sp.diag(*(s ** (2 * numerator) for s in padded)) * basis.T


def summand(matrix: SpectralMatrix, layer: int) -> sp.Matrix:
    """Return the j-th summand of P, kd x kd: [W'W]^{(N-j)/N} (x) [WW']^{(j-1)/N}."""
    return kronecker(matrix.gram_power(matrix.depth - layer, right=True), matrix.gram_power(layer - 1))


def preconditioner(matrix: SpectralMatrix) -> sp.Matrix:
    """Return P, kd x kd, exactly.

    Examples
    --------
    >>> import sympy as sp
    >>> preconditioner(SpectralMatrix(sp.eye(1), sp.eye(2), (sp.Integer(2),), 3))
    Matrix([
    [48,  0],
    [ 0, 16]])
    """
    total = summand(matrix, 1)
    for layer in range(2, matrix.depth + 1):
        total += summand(matrix, layer)
    return total


def show_equal_matrices(title: str, left: sp.Matrix, right: sp.Matrix, *, name: str = "") -> Step:
    """Compute that two matrices of scalar expressions are identical, entry by entry.

    `name` is what `left` is; the step then states name = right.
    """
    formula = sp.Eq(named(name, sp.ImmutableMatrix(left)), sp.ImmutableMatrix(right), evaluate=False)
    if left.shape != right.shape:
        decision = Decision(Status.FAILS, "polynomial identity", f"shapes {left.shape} and {right.shape}")
        return Step(title, formula, Kind.COMPUTED, decision)
    decisions = [decide_zero(entry) for entry in left - right]
    worst = next((d for d in decisions if not d.holds), None)
    return Step(title, formula, Kind.COMPUTED, worst or Decision(Status.HOLDS, "polynomial identity", "every entry"))


def spectral_steps() -> tuple[Step, ...]:
    """Return the steps that make vec(u_r v_q') an eigenvector of every summand, for all k, d and N.

    They compute W W' u_r = sigma_r^2 u_r and W'W v_q = sigma_q^2 v_q in symbolic dimension, and so vec(A X B) =
    (B' (x) A) vec(X) and (B (x) A)(v (x) u) = Bv (x) Au; these also in positions, on generic 2 x 2 and 3 x 3 matrices.

    Examples
    --------
    >>> all(step.decision.holds for step in spectral_steps())
    True
    """
    W = Operator("W")
    u, v = Vector.base("u_r"), Vector.base("v_q")
    A, B, X = (sp.Matrix(*shape, sp.symbols(f"{name}:{shape[0] * shape[1]}", real=True)) for name, shape in _SIZES)
    x, y = sp.Matrix(sp.symbols("x:2", real=True)), sp.Matrix(sp.symbols("y:3", real=True))
    return (
        assume("W v_q = sigma_q u_q, W' u_r = sigma_r v_r: singular vectors, sigma = 0 beyond min(k, d)"),
        show_equal_vectors("W W' u_r = sigma_r^2 u_r", _reduced(W @ _reduced(W.T @ u)), LEFT**2 * u, name="W W' u_r"),
        show_equal_vectors("W' W v_q = sigma_q^2 v_q", _reduced(W.T @ _reduced(W @ v)), RIGHT**2 * v, name="W' W v_q"),
        define("a fractional power acts on eigenvectors by the power of the eigenvalue; [.]^0 = I, 0^0 = 1"),
        show_equal_matrices("vec(A X B) = (B' (x) A) vec(X)", vec(A * X * B), kronecker(B.T, A) * vec(X)),
        show_equal_matrices(
            "(B (x) A)(v (x) u) = Bv (x) Au", kronecker(B, A) * kronecker(y, x), kronecker(B * y, A * x)
        ),
        show_equal_matrices("(B (x) A)' = B' (x) A'", kronecker(B, A).T, kronecker(B.T, A.T), name="(B (x) A)'"),
        *kronecker_steps(),
    )


def kronecker_steps() -> tuple[Step, ...]:
    """Return the three rules of the Kronecker product, entry by entry, for matrices of all sizes: (27), (28), (29).

    Examples
    --------
    >>> all(step.decision.holds for step in kronecker_steps())
    True
    """
    A, X, B = (Entries.named(*matrix) for matrix in (("A", "m", "k"), ("X", "k", "d"), ("B", "d", "n")))
    C, D = Entries.named("C", "k", "h"), Entries.named("D", "n", "l")
    return (
        define("the row (c, r) of B (x) A is row c of B and row r of A; entry (c, r) of vec(X) is X_rc"),
        show_same_entries(
            "for all sizes: vec(A X B) = (B' (x) A) vec(X)", vectorised(A @ X @ B), tensor(B.T, A) @ vectorised(X)
        ),
        show_same_entries(
            "for all sizes: (B (x) A)(D (x) C) = BD (x) AC",
            tensor(B, A) @ tensor(D, C),
            tensor(B @ D, A @ C),
            name="entry of (B (x) A)(D (x) C)",
        ),
        show_same_entries(
            "for all sizes: (B (x) A)' = B' (x) A'", tensor(B, A).T, tensor(B.T, A.T), name="entry of (B (x) A)'"
        ),
    )


_SIZES = (("a", (2, 2)), ("b", (3, 3)), ("x", (2, 3)))
_SINGULAR = {
    ("W", True, "u_r"): ("v_r", LEFT),
    ("W", False, "v_r"): ("u_r", LEFT),
    ("W", False, "v_q"): ("u_q", RIGHT),
    ("W", True, "u_q"): ("v_q", RIGHT),
}


def _reduced(vector: Vector) -> Vector:
    """Replace the innermost W v by sigma u and W' u by sigma v."""
    total = Vector()
    for (word, base), c in vector.terms.items():
        total = total + _reduced_word(word, base, c)
    return total


def _reduced_word(word: OperatorWord, base: Base, factor: sp.Expr) -> Vector:
    while word:
        name, value = _SINGULAR[word[-1].name, word[-1].transposed, base.name]
        word, base, factor = word[:-1], Base(name), factor * value
    return Vector({(word, base): factor})
