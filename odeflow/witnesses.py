"""Against a power-law rate: a convex function and an explicit solution that decays more slowly.

For f = kappa |x|^n (n even, one dimension) the flow `x^(k) + sum c_j t^(j-k) x^(j) + gamma t^(w-k) grad f(x) = 0` has
the solution x(t) = t^-alpha, alpha = w/(n - 2), for one kappa > 0; along it f - f* = kappa t^(-w n/(n - 2)).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from odeflow.flows import ConcreteFlow
from odeflow.function_classes import ClassName, FunctionClass

__all__ = ["PowerWitness", "find_power_witness"]

LARGEST_EXPONENT = 10_000


@dataclass(frozen=True)
class PowerWitness:
    """f = coefficient |x|^exponent and the solution x(t) = t^-alpha, on which f - f* decays like t^-decay.

    Attributes
    ----------
    rate : the claim that fails, > decay
    state : (x, x', ..., x^(k-1)) at t = 1
    """

    rate: Fraction
    coefficient: Fraction
    exponent: int
    alpha: Fraction
    decay: Fraction
    state: tuple[Fraction, ...]

    def check(self, flow: ConcreteFlow) -> bool:
        """Decide anew that x(t) = t^-alpha solves the ODE and that f - f* decays more slowly than the rate."""
        found = _solution(flow, self.exponent)
        return (
            self.exponent % 2 == 0
            and self.coefficient > 0
            and found == (self.coefficient, self.alpha)
            and self.decay == self.alpha * self.exponent < self.rate
        )

    def sentence(self) -> str:
        """Return how to check it by hand."""
        state = ", ".join(str(x) for x in self.state)
        return (
            f"f = {self.coefficient} x^{self.exponent} from the state ({state}) at t = 1 has the solution "
            f"x(t) = t^(-{self.alpha}), along which f - f* = {self.coefficient} t^(-{self.decay}) "
            f"is not O(t^(-{self.rate}))"
        )


def find_power_witness(flow: ConcreteFlow, function_class: FunctionClass, rate: Fraction) -> PowerWitness | None:
    """Return the least even exponent that refutes a power-law rate for convex functions, or None.

    Examples
    --------
    >>> from odeflow.flow_text import parse_flow
    >>> flow = parse_flow("x'' + 3/t*x' + grad(x)").at()
    >>> find_power_witness(flow, FunctionClass(ClassName.CONVEX), Fraction(5, 2)).exponent
    12
    """
    w = flow.log_time_weight()
    if w is None or function_class != FunctionClass(ClassName.CONVEX) or flow.hessian or len(flow.point) > 1:
        return None
    if rate <= w:
        return None
    # w n/(n - 2) < rate  iff  n > 2 rate/(rate - w)
    least = int(2 * rate / (rate - w)) + 1
    least += least % 2
    for exponent in range(max(least, 4), min(2 * least + 200, LARGEST_EXPONENT), 2):
        found = _solution(flow, exponent)
        if found is None:
            continue
        coefficient, alpha = found
        state, value = [], Fraction(1)
        for j in range(flow.order):
            state.append(value)
            value *= -(alpha + j)
        witness = PowerWitness(rate, coefficient, exponent, alpha, alpha * exponent, tuple(state))
        if witness.check(flow):
            return witness
    return None


def _solution(flow: ConcreteFlow, exponent: int) -> tuple[Fraction, Fraction] | None:
    """Return (kappa, alpha) with which x = t^-alpha solves the flow, or None if kappa <= 0."""
    w = flow.log_time_weight()
    assert w is not None
    alpha = w / (exponent - 2)
    products = [Fraction(1)]  # x^(j) = products[j] t^(-alpha - j)
    for j in range(flow.order):
        products.append(-(alpha + j) * products[-1])
    rest = products[flow.order] + sum(
        (c * products[j] for j, powers in enumerate(flow.damping, start=1) for _, c in powers), Fraction(0)
    )
    gamma = flow.gradient[0][1]
    coefficient = -rest / (gamma * exponent)
    return (coefficient, alpha) if coefficient > 0 else None
