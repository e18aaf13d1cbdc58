"""Runs of one flow, seed by seed, with what was measured beside what is proved; `odeflow.simulation` makes them."""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from html import escape
from textwrap import fill

import numpy as np
from jaxtyping import Float

from odeflow.figures import Figure
from odeflow.flows import Kind
from odeflow.markup import table
from odeflow.numeric.rates import RateFit
from odeflow.panels import Curve, Panel
from odeflow.promises import Bound
from odeflow.prose import prose

__all__ = ["Ensemble", "Run", "Subject", "number"]

WIDEST = 0.5
"""An interval wider than this share of its exponent measures nothing."""
SAME = 0.1
"""Share of a rate within which a measured one counts as it."""
MOST_COLOURS = 4
"""Seeds that are drawn in colours of their own."""
WIDEST_TITLE = 56
"""Letters that fit above the axes."""
ALL, SHARP, PROVED = 0, 4, 6
SUBJECTS = {
    "frozen": "frozen kernel",
    "relu": "two-layer ReLU network",
    "linear": "deep linear network",
    "mlp": "multi-layer perceptron",
}


class Subject(enum.StrEnum):
    """What the flow acts on."""

    FROZEN = "frozen"
    RELU = "relu"
    LINEAR = "linear"
    MLP = "mlp"


@dataclass(frozen=True, eq=False)
class Run:
    """One seed.

    Attributes
    ----------
    seed : of the data (unless they are the user's) and of the initial weights
    spectrum : smallest and largest eigenvalue that govern the frozen dynamics
    times, losses : the loss |Delta|^2/2 along the flow
    fit : its fitted exponent; None where the loss is too short or too rough to fit, see `reason`
    proved : rate that is proved for this spectrum, None if none is
    sharp : true rate on quadratics with this spectrum, None if unknown
    method : how the trajectory was computed, with its error
    reason : why there is no fit, or no proved rate
    parameters : values of the flow's parameters
    bound : the inequality behind the proved rate, held against the losses; None if there is none for this start
    last_sharp : true rate on quadratics with the spectrum of the tangent kernel at the end, where that was computed
    """

    seed: int
    spectrum: tuple[float, float]
    times: Float[np.ndarray, " t"]
    losses: Float[np.ndarray, " t"]
    fit: RateFit | None
    proved: Fraction | None
    sharp: float | None
    method: str
    reason: str = ""
    parameters: Mapping[str, Fraction] = field(default_factory=dict)
    bound: Bound | None = None
    last_sharp: float | None = None

    @property
    def is_measured(self) -> bool:
        """Whether the interval says anything: it leaves out 0 and spans at most half the exponent."""
        if self.fit is None:
            return False
        low, high = self.fit.interval
        return bool(low > 0.0 and high - low <= WIDEST * abs(self.fit.exponent))

    @property
    def is_below_proved(self) -> bool:
        """Whether the measured interval ends below the proved rate."""
        return bool(
            self.is_measured and self.fit is not None and self.proved is not None and self.fit.interval[1] < self.proved
        )

    @property
    def follows_last_kernel(self) -> bool:
        """Whether the measured rate is, within a tenth, the sharp one of the kernel at the end."""
        if self.fit is None or self.last_sharp is None:
            return False
        return abs(self.fit.exponent - self.last_sharp) <= SAME * self.last_sharp


@dataclass(frozen=True, eq=False)
class Ensemble:
    """Runs of one flow on one subject.

    Attributes
    ----------
    flow : as text
    subject : what it acts on
    setting : sizes and data in words
    kind : the law that was fitted
    runs : by seed
    wanted : how many seeds were asked for; more than there are runs after an interrupt
    chosen : how a parameter was chosen that was not given
    """

    flow: str
    subject: Subject
    setting: str
    kind: Kind
    runs: tuple[Run, ...]
    wanted: int
    chosen: str = ""

    @property
    def measured(self) -> tuple[Run, ...]:
        """The runs whose exponent was measured."""
        return tuple(run for run in self.runs if run.is_measured)

    def mean_exponent(self) -> tuple[float, float] | None:
        """Return the mean measured exponent and its standard error over the seeds, None if nothing was measured."""
        found = [run.fit.exponent for run in self.measured if run.fit is not None]
        if not found:
            return None
        spread = float(np.std(found, ddof=1) / math.sqrt(len(found))) if len(found) > 1 else float("nan")
        return float(np.mean(found)), spread

    def parameter_words(self) -> str:
        """Return the parameters' values, one for all seeds or one a seed; empty if the flow has none.

        Examples
        --------
        >>> from odeflow.simulation import simulate
        >>> simulate("x'' + b*x' + grad(x)", parameters={"b": Fraction(3, 2)}, samples=4, features=4).parameter_words()
        'b = 1.5'
        """
        words = []
        for name in self.runs[0].parameters:
            values = list(dict.fromkeys(number(float(run.parameters[name])) for run in self.runs))
            shown = ", ".join(values) if len(values) <= MOST_COLOURS else f"{_least(values)} .. {_most(values)}"
            said = f"{name} = {shown}"
            if self.chosen and name == "b":
                said += f" ({self.chosen}{', by seed' if len(values) > 1 else ''})"
            words.append(said)
        return "; ".join(words)

    def figure(self) -> Figure:
        """Return the loss curves, with the first seed's proved and sharp rates as dashed lines that name it."""
        one_by_one = len(self.runs) <= MOST_COLOURS
        every = f"seeds {self.runs[0].seed} .. {self.runs[-1].seed}"
        curves = [
            Curve(f"seed {run.seed}", run.times, run.losses, group=k)
            if one_by_one
            else Curve("" if k else every, run.times, run.losses, group=ALL)
            for k, run in enumerate(self.runs)
        ]
        curves += self._promises(self.runs[0])
        scale = "log" if self.kind is Kind.POWER else "linear"
        title = fill(f"{SUBJECTS[self.subject]}; {self.setting}", WIDEST_TITLE)
        panel = Panel(title, "t", "loss", tuple(curves), xscale=scale)
        parameters = self.parameter_words()
        heading = prose(self.flow) + (f"\n{prose(parameters)}" if parameters else "")
        return Figure(heading, self.setting, (panel,), ())

    def _promises(self, run: Run) -> list[Curve]:
        """Return a run's proved and sharp rates as lines; one line where they cannot be told apart."""
        rates = {"proved": None if run.proved is None else float(run.proved), "sharp on quadratics": run.sharp}
        known = [(label, rate, PROVED if label == "proved" else SHARP) for label, rate in rates.items() if rate]
        if len(known) == 2 and abs(known[0][1] - known[1][1]) <= 5e-3 * known[1][1]:
            known = [("proved = sharp", known[0][1], PROVED)]
        elapsed = np.log(run.times / run.times[0]) if self.kind is Kind.POWER else run.times - run.times[0]
        whose = f", seed {run.seed}" if len(self.runs) > 1 else ""
        return [
            Curve(f"{label}{whose}: {rate:.3g}", run.times, run.losses[0] * np.exp(-rate * elapsed), True, group)
            for label, rate, group in known
        ]

    def _repr_html_(self) -> str:
        from odeflow.plots import panel_svg

        heads = ("seed", "spectrum", "measured", "interval", "proved", "sharp", "largest loss / bound")
        rows = [
            (
                str(run.seed),
                f"{run.spectrum[0]:.3g} .. {run.spectrum[1]:.3g}",
                f"{run.fit.exponent:.4g}" if run.fit is not None and run.is_measured else "not measured",
                "" if run.fit is None else f"[{run.fit.interval[0]:.3g}, {run.fit.interval[1]:.3g}]",
                "" if run.proved is None else f"{float(run.proved):.4g}",
                "" if run.sharp is None else f"{run.sharp:.4g}",
                "" if run.bound is None else number(run.bound.largest),
            )
            for run in self.runs
        ]
        drawn = panel_svg(self.figure().panels[0])
        parameters = self.parameter_words()
        said = escape(prose(self.setting + (f"; {parameters}" if parameters else "")))
        title = f"<p><strong>{escape(prose(self.flow))}</strong>, {said}</p>"
        return f"{title}{drawn[drawn.index('<svg') :]}{table(rows, heads=heads)}"


def number(value: float) -> str:
    """Write a number with three or four digits.

    Examples
    --------
    >>> [number(x) for x in (0.98765432, 12.0, 3.2e-8)]
    ['0.9877', '12', '3.2e-08']
    """
    return f"{value:.4g}" if 1e-3 <= abs(value) < 1e4 else f"{value:.2g}"


def _least(values: list[str]) -> str:
    return min(values, key=float)


def _most(values: list[str]) -> str:
    return max(values, key=float)
