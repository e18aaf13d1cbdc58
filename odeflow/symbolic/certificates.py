"""Is this V a proof? The exact check of a quadratic Lyapunov function, with no trust in whoever proposed it.

A certificate is data: a flow, an energy V, a rate and the domain of eigenvalues. Checking it derives V' from the flow
anew and decides, for every dimension, that V >= 0 and V' + rate V <= 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

import sympy as sp

from odeflow.markup import mathml
from odeflow.prose import prose
from odeflow.symbolic.decisions import Decision, Status
from odeflow.symbolic.derivations import Step
from odeflow.symbolic.flows import Flow
from odeflow.symbolic.lyapunov import show_decay, show_energy_positive

__all__ = ["DecayCertificate"]


@dataclass(frozen=True)
class DecayCertificate:
    """The claim that V >= 0 and V' + rate V <= 0 along a flow with a constant symmetric kernel.

    Attributes
    ----------
    flow : the ODE
    energy : V, a quadratic form in the errors (inner products)
    rate : decay rate, an expression in the parameters, 1/time
    eigenvalue : symbol of the kernel's eigenvalues
    lower : the domain, eigenvalue -> lower bound

    Examples
    --------
    >>> import sympy as sp
    >>> from odeflow.symbolic.flows import gradient_flow
    >>> from odeflow.symbolic.inner_products import Vector, norm2
    >>> lam, mu = sp.symbols("lambda mu", positive=True)
    >>> energy = norm2(Vector.base("Delta")) / 2
    >>> DecayCertificate(gradient_flow(), energy, 2 * mu, lam, {lam: mu}).check().status
    <Status.HOLDS: 'holds'>
    >>> DecayCertificate(gradient_flow(), energy, 3 * mu, lam, {lam: mu}).check().status
    <Status.FAILS: 'fails'>
    """

    flow: Flow
    energy: sp.Expr
    rate: sp.Expr
    eigenvalue: sp.Symbol
    lower: Mapping[sp.Symbol, sp.Expr]

    def _repr_html_(self) -> str:
        decision = self.check()
        domain = ", ".join(f"{symbol} >= {bound}" for symbol, bound in self.lower.items())
        claims = [f"V = {sp.latex(self.energy)}", rf"V' + \left({sp.latex(self.rate)}\right) V \le 0"]
        lines = "".join(f"<p>{mathml(claim, block=True)}</p>" for claim in claims)
        said = f"{self.flow.name}; for {domain}: {decision.status.value} ({decision.method})"
        return f"<div>{lines}<p>{escape(prose(said))}</p></div>"

    def positivity(self) -> Step:
        """Decide that V >= 0."""
        return show_energy_positive(
            "V is non-negative", self.energy, sp.Integer(0), self.flow, eigenvalue=self.eigenvalue, lower=self.lower
        )

    def decay(self, formula: sp.Basic | None = None) -> Step:
        """Decide that V' + rate V <= 0; `formula` replaces the inequality that the step states."""
        return show_decay(
            f"V decays at rate {self.rate}",
            self.energy,
            self.flow,
            self.rate,
            eigenvalue=self.eigenvalue,
            lower=self.lower,
            formula=formula,
        )

    def check(self) -> Decision:
        """Decide the certificate: HOLDS only if both inequalities were decided exactly."""
        for step in (self.positivity(), self.decay()):
            if not step.decision.holds:
                return Decision(
                    step.decision.status,
                    step.decision.method,
                    f"{step.title}: {step.decision.detail}",
                    step.decision.witness,
                )
        return Decision(Status.HOLDS, "principal minors on every eigenmode", "V >= 0 and V' + rate V <= 0")
