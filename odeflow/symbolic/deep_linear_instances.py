r"""Balanced deep linear networks in rational numbers: every identity is checked on them with equality, not tolerance.

    W_j = U_j diag(s) U_{j-1}^T,   U_j orthogonal with rational entries (Cayley),   s rational

so that the fractional powers of W_e W_e^T = U_N diag(s^{2N}) U_N^T are rational as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import sympy as sp

from odeflow.errors import InvalidArgumentError
from odeflow.symbolic.deep_linear import DECAY, DEPTH, END, GRADIENT, STEP
from odeflow.symbolic.deep_linear_words import evaluate

__all__ = ["BalancedNetwork", "end_to_end_gap", "layer_rates", "layered_rate", "products_around", "rational_rotation"]


def rational_rotation(parameters: Sequence[sp.Rational], size: int) -> sp.MatrixBase:
    """Return the Cayley transform (I - S)(I + S)^{-1} of the skew matrix with these entries above its diagonal.

    Parameters
    ----------
    parameters : size (size - 1)/2 rationals, row by row
    size : dimension

    Examples
    --------
    >>> import sympy as sp
    >>> rational_rotation([sp.Rational(1, 2)], 2)
    Matrix([
    [3/5, -4/5],
    [4/5,  3/5]])
    """
    if len(parameters) != size * (size - 1) // 2:
        raise InvalidArgumentError(f"Expected {size * (size - 1) // 2} parameters but got {len(parameters)}.")
    skew, entries = sp.zeros(size), iter(parameters)
    for i in range(size):
        for j in range(i + 1, size):
            skew[i, j] = sp.Rational(next(entries))
            skew[j, i] = -skew[i, j]
    return (sp.eye(size) - skew) * (sp.eye(size) + skew).inv()


@dataclass(frozen=True)
class BalancedNetwork:
    """A balanced network in rational numbers.

    Attributes
    ----------
    frames : U_0, ..., U_N, orthogonal, n_j x n_j
    singular : the layers' common singular values s >= 0, at most min n_j of them; those beyond are 0
    """

    frames: tuple[sp.ImmutableMatrix, ...]
    singular: tuple[sp.Rational, ...]

    def __post_init__(self) -> None:
        crooked = next((frame for frame in self.frames if frame * frame.T != sp.eye(frame.rows)), None)
        if crooked is not None:
            raise InvalidArgumentError(f"Expected orthogonal frames but got {crooked}.")
        if len(self.singular) > min(frame.rows for frame in self.frames) or len(self.frames) < 2:
            raise InvalidArgumentError(
                f"Expected at most min n_j singular values and one layer or more but got {len(self.singular)} and "
                f"widths {[frame.rows for frame in self.frames]}."
            )

    @property
    def depth(self) -> int:
        """N."""
        return len(self.frames) - 1

    @property
    def widths(self) -> tuple[int, ...]:
        """n_0, ..., n_N."""
        return tuple(int(frame.rows) for frame in self.frames)

    @cached_property
    def layers(self) -> tuple[sp.MatrixBase, ...]:
        """W_1, ..., W_N."""
        pairs = zip(self.frames, self.frames[1:], strict=False)
        return tuple(new * self._diagonal(1, new.rows, old.rows) * old.T for old, new in pairs)

    @cached_property
    def product(self) -> sp.MatrixBase:
        """W_e."""
        above, _ = products_around(self.layers, 0)
        return above * self.layers[0]

    def power(self, gram: sp.MatrixBase, exponent: sp.Expr) -> sp.MatrixBase:
        """Return [gram]^exponent for gram = W_e W_e^T or W_e^T W_e and exponent a multiple of 1/N, [.]^0 = I.

        It is symmetric, and its N-th power is gram^{N exponent}; both are checked.
        """
        whole = self.depth * exponent
        if not whole.is_Integer or whole < 0:
            raise InvalidArgumentError(f"Expected an exponent j/N with N = {self.depth} but got {exponent}.")
        for frame in (self.frames[-1], self.frames[0]):
            size = frame.rows
            if gram == frame * self._diagonal(2 * self.depth, size, size) * frame.T:
                squares = [s ** (2 * whole) for s in self.singular] + [sp.Integer(0) ** whole] * (
                    size - len(self.singular)
                )
                root = frame * sp.diag(*squares) * frame.T
                assert root == root.T
                assert root**self.depth == gram**whole
                return root
        raise InvalidArgumentError("Expected W_e W_e^T or W_e^T W_e but got another matrix.")

    def _diagonal(self, power: int, rows: int, columns: int) -> sp.MatrixBase:
        diagonal = sp.zeros(rows, columns)
        for i, s in enumerate(self.singular):
            diagonal[i, i] = s**power
        return diagonal


def products_around(layers: Sequence[sp.MatrixBase], j: int) -> tuple[sp.MatrixBase, sp.MatrixBase]:
    """Return the products of the layers above and below layer j (counted from 0); empty products are I."""
    above, below = sp.eye(layers[-1].rows), sp.eye(layers[0].cols)
    for layer in layers[j + 1 :][::-1]:
        above = above * layer
    for layer in layers[:j]:
        below = layer * below
    return above, below


def layer_rates(
    layers: Sequence[sp.MatrixBase], gradient: sp.MatrixBase, step: sp.Expr, decay: sp.Expr
) -> tuple[sp.MatrixBase, ...]:
    """Return W_j' of every layer by (6) and (16)."""
    around = [products_around(layers, j) for j in range(len(layers))]
    return tuple(
        -step * decay * W - step * above.T * gradient * below.T
        for W, (above, below) in zip(layers, around, strict=True)
    )


def layered_rate(
    layers: Sequence[sp.MatrixBase], gradient: sp.MatrixBase, step: sp.Expr, decay: sp.Expr
) -> sp.MatrixBase:
    """Return W_e' of any network, balanced or not: the product rule on (6).

    Examples
    --------
    >>> import sympy as sp
    >>> layered_rate([sp.Matrix([[2]]), sp.Matrix([[3]])], sp.Matrix([[1]]), sp.Integer(1), sp.Integer(0))
    Matrix([[-13]])
    """
    total = sp.zeros(layers[-1].rows, layers[0].cols)
    for j, rate in enumerate(layer_rates(layers, gradient, step, decay)):
        above, below = products_around(layers, j)
        total += above * rate * below
    return total


def end_to_end_gap(
    right: sp.Expr, network: BalancedNetwork, gradient: sp.MatrixBase, step: sp.Expr, decay: sp.Expr
) -> sp.MatrixBase:
    """Return a claimed W_e', an expression in W_e and G, minus the true one, exactly.

    Examples
    --------
    >>> import sympy as sp
    >>> one = sp.ImmutableMatrix([[1]])
    >>> network = BalancedNetwork((one, one, one), (sp.Integer(2),))
    >>> end_to_end_gap(-STEP * GRADIENT * (END.T * END), network, sp.Matrix([[1]]), sp.Integer(1), sp.Integer(0))
    Matrix([[-8]])
    """
    values = {
        END: network.product, GRADIENT: gradient, STEP: step, DECAY: decay, DEPTH: sp.Integer(network.depth)
    }  # fmt: skip
    claimed = evaluate(right, values, sp.eye, network.power)
    return claimed - layered_rate(network.layers, gradient, step, decay)
