"""The vocabulary: what a theorem is, what evidence about it is, what a verdict is.

A `Theorem` is a frozen value of data and plain functions. Every function takes the claim as its first argument, so
that a false twin, the same theorem with another claim or domain, runs through the very same checks.
"""

from __future__ import annotations

import enum
import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy as sp

from odeflow.codegen import compile_expression
from odeflow.errors import InvalidArgumentError
from odeflow.markup import mathml
from odeflow.numeric.compiled import CompiledExpression
from odeflow.panels import Panel
from odeflow.prose import prose
from odeflow.symbolic.certificates import DecayCertificate
from odeflow.symbolic.decisions import Status
from odeflow.symbolic.derivations import Derivation
from odeflow.symbolic.plain_words import in_words

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    from odeflow.data_case import DataCase

__all__ = [
    "Claim",
    "Evidence",
    "FalseTwin",
    "Paper",
    "Source",
    "Stage",
    "Theorem",
    "Verdict",
    "World",
]


class Verdict(enum.Enum):
    """What is known of a claim. Undecided is never green."""

    PROVED = "PROVED"
    PROVED_MODULO = "PROVED_MODULO"
    SUPPORTED = "SUPPORTED"
    REFUTED = "REFUTED"
    UNDECIDED = "UNDECIDED"


class World(enum.Enum):
    """Which world a claim speaks of; a claim that is exact in K can be false in N."""

    A = "A"
    K = "K"
    N = "N"

    @property
    def description(self) -> str:
        """The world in words."""
        return {
            "A": "algebra: no training; an identity, an inequality or a law of probability",
            "K": "frozen kernel: the error dynamics with a constant symmetric H",
            "N": "training as it is: the weights move, and the kernel with them",
        }[self.value]


class Stage(enum.Enum):
    """Where a piece of evidence comes from, in the order in which a theorem goes through."""

    DERIVATION = "derivation"
    CERTIFICATE = "certificate"
    COUNTEREXAMPLE = "counterexample"
    CONTROL = "control"
    SIMULATION = "simulation"
    PROPERTY = "property"
    DATA = "data"


@dataclass(frozen=True)
class Paper:
    """A paper of the catalogue; `folder` is the first half of its theorems' ids."""

    folder: str
    authors: str
    year: int
    title: str
    venue: str

    def citation(self) -> str:
        """Return the paper in one line."""
        return ". ".join(part for part in (f"{self.authors} ({self.year})", self.title, self.venue) if part) + "."


@dataclass(frozen=True)
class Source:
    """Where a claim stands: the paper and the item as the paper numbers it; `note` says how it was corrected."""

    paper: Paper
    item: str
    note: str = ""


@dataclass(frozen=True)
class Claim:
    """A claim, written once.

    Attributes
    ----------
    statement : one sentence
    formula : the claim as a SymPy relation; its LaTeX, its numeric bound and its report line come from it
    assumptions : the hypotheses in words
    where : what each symbol means
    """

    statement: str
    formula: sp.Basic
    assumptions: tuple[str, ...] = ()
    where: Mapping[sp.Basic, str] = field(default_factory=dict)

    @property
    def latex(self) -> str:
        """LaTeX of the formula."""
        return str(sp.latex(self.formula))

    def _repr_html_(self) -> str:
        return f"<p>{escape(prose(self.statement))}</p>{mathml(self.latex, block=True, text=str(self.formula))}"

    def bound(self, values: Mapping[sp.Basic, Any]) -> np.ndarray:
        """Evaluate the right-hand side of the formula in floats.

        Parameters
        ----------
        values : mapping from every free symbol or applied function of the right-hand side to a number or an array;
            arrays broadcast

        Returns
        -------
        float64 array of the broadcast shape

        Examples
        --------
        >>> import sympy as sp
        >>> t, r = sp.symbols("t r", positive=True)
        >>> loss, start = sp.Function("L")(t), sp.Function("L")(0)
        >>> claim = Claim("decays", sp.Le(loss, sp.exp(-r * t) * start, evaluate=False))
        >>> float(claim.bound({t: 1.0, r: 0.0, start: 3.0}))
        3.0
        """
        if not isinstance(self.formula, (sp.core.relational.Relational)):
            raise InvalidArgumentError(f"Expected a relation with a right-hand side but the claim is {self.formula}.")
        compiled = _compiled_bound(self.formula.rhs, tuple(values))
        return np.asarray(compiled(*(np.asarray(value, dtype=np.float64) for value in values.values())))


@functools.lru_cache(maxsize=256)
def _compiled_bound(bound: sp.Expr, atoms: tuple[sp.Basic, ...]) -> CompiledExpression:
    names = [sp.Symbol(f"v{i}", real=True) for i in range(len(atoms))]
    return compile_expression(bound.xreplace(dict(zip(atoms, names, strict=True))), names)


@dataclass(frozen=True)
class Evidence:
    """One finding about a claim: what was claimed, what was observed, how sure that is.

    Attributes
    ----------
    stage : where it comes from
    status : HOLDS, FAILS (the claim is contradicted) or UNDECIDED
    claimed, observed : in words and numbers
    error_bar : "exact", or the uncertainty of `observed` with its meaning
    cases : how many cases stand behind it
    seed : the seed that reproduces it, None if nothing is random
    detail : the witness, the method, the reason
    lemmas : cited lemmas that it rests on
    picture : the observation drawn beside the claim, where that says something
    """

    stage: Stage
    status: Status
    claimed: str
    observed: str
    error_bar: str
    cases: int = 1
    seed: int | None = None
    detail: str = ""
    lemmas: tuple[str, ...] = ()
    picture: Panel | None = field(default=None, compare=False)

    @classmethod
    def measured(
        cls,
        claim: Claim,
        observed: str,
        *,
        contradicted: bool | np.bool_ | None,
        error_bar: str,
        cases: int = 1,
        seed: int | None = None,
        detail: str = "",
        picture: Panel | None = None,
    ) -> Evidence:
        """Return what a simulation found about `claim`.

        Parameters
        ----------
        contradicted : whether the observation contradicts the claim by more than its error bar; None if the
            simulation could not tell
        detail : the witness; `observed` by default
        picture : the observation beside the claim, for instance from `odeflow.panels.against_claim`

        Examples
        --------
        >>> import sympy as sp
        >>> rate = sp.Symbol("k", positive=True)
        >>> claim = Claim("decays at least like e^{-t}", sp.Ge(rate, 1))
        >>> Evidence.measured(claim, "fitted rate 0.5", contradicted=True, error_bar="0.01").status.name
        'FAILS'
        """
        status = Status.UNDECIDED if contradicted is None else Status.FAILS if contradicted else Status.HOLDS
        return cls(
            Stage.SIMULATION,
            status,
            in_words(claim.formula),
            observed,
            error_bar,
            cases,
            seed,
            detail or observed,
            picture=picture,
        )

    @property
    def exact(self) -> bool:
        """Whether no float had a part in it."""
        return self.error_bar == "exact"


@dataclass(frozen=True)
class FalseTwin:
    """A near-miss of a theorem that the theorem's own checks must refute.

    Attributes
    ----------
    name : what was changed
    changes : fields of the theorem to replace (`claim`, `domain`, `counterexample`, ...)
    """

    name: str
    changes: Mapping[str, Any]

    def of(self, theorem: Theorem) -> Theorem:
        """Return the twin as a theorem of its own."""
        fields: dict[str, Any] = {"twins": (), "control": None, "on_data": None, **self.changes}
        return replace(theorem, name=f"{theorem.name}~{self.name}", recorded=Verdict.REFUTED, **fields)


@dataclass(frozen=True)
class Theorem:
    """A theorem: its claim, its source, and the functions that check it.

    Attributes
    ----------
    name : second half of the id, the file's name
    source, world, claim : where it stands, what it speaks of, what it says
    recorded : the verdict this catalogue records for it
    derive : claim -> Derivation; proves the claim's formula, or not
    certificate : claim -> DecayCertificate, where the proof rests on one
    counterexample : claim -> Derivation that concludes the negation of the claim, exactly
    control : the corrected claim; it must stand at the very instance that refutes the claim
    simulate : (claim, seed) -> Evidence, from the compiled field, the closed form or the network
    domain : () -> Hypothesis strategy that yields only what the assumptions allow
    holds : (claim, case) -> bool, the property
    on_data : (claim, DataCase) -> Evidence about the user's own data
    twins : false twins
    related : names of sibling theorems (as printed, corrected, sharper)
    """

    name: str
    source: Source
    world: World
    claim: Claim
    recorded: Verdict
    derive: Callable[[Claim], Derivation] | None = None
    certificate: Callable[[Claim], DecayCertificate] | None = None
    counterexample: Callable[[Claim], Derivation] | None = None
    control: Claim | None = None
    simulate: Callable[[Claim, int], Evidence] | None = None
    domain: Callable[[], SearchStrategy[Any]] | None = None
    holds: Callable[[Claim, Any], bool] | None = None
    on_data: Callable[[Claim, DataCase], Evidence] | None = None
    twins: tuple[FalseTwin, ...] = ()
    related: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.domain is None) != (self.holds is None):
            raise InvalidArgumentError(
                f"Expected theorem {self.name} to give both `domain` and `holds`, or neither, but got one of them."
            )

    @property
    def id(self) -> str:
        """Full id, `paper/name`."""
        return f"{self.source.paper.folder}/{self.name}"

    @property
    def can_be_refuted(self) -> bool:
        """Whether a check can come out against a claim; a derivation or certificate that fails proves nothing else."""
        return any(attack is not None for attack in (self.counterexample, self.simulate, self.holds))

    def _repr_html_(self) -> str:
        heading = f"{self.id}: {prose(self.source.item)}, world {self.world.value}, recorded as {self.recorded.value}"
        return f"<p><strong>{escape(heading)}</strong></p>{self.claim._repr_html_()}"
