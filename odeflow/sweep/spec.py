"""What a sweep computes: a grid of settings, an observable for each cell, and a TOML file that says so."""

from __future__ import annotations

import difflib
import itertools
import json
import math
import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from odeflow.ensembles import Subject
from odeflow.errors import DataError, InvalidArgumentError, UnknownNameError
from odeflow.numeric.activations import Activation

__all__ = ["AXES", "OBSERVABLES", "Cell", "SweepSpec", "read_spec"]

LARGEST_FILE = 100_000
MOST_DOTS = 200
"""Of a line, beyond one a comma: TOML's parser takes quadratic time for keys of thousands of parts."""
MOST_CELLS = 10_000_000
MOST_VALUES = 100_000
"""Of one axis: each value is looked at, and ten million take seconds."""
LONGEST_TEXT = 500


@dataclass(frozen=True)
class Axis:
    """An axis of the grid: the type of its values, their default, unit, least and largest value."""

    kind: type
    default: Any
    unit: str
    least: float = -math.inf
    most: float = math.inf


AXES = {
    "flow": Axis(str, "gradient-flow", "name or ODE"),
    "network": Axis(str, "frozen", "frozen, relu, linear or mlp"),
    "activation": Axis(str, "relu", "of an mlp: relu, tanh, sigmoid or identity"),
    "width": Axis(int, None, "neurons; relu 1000 and mlp 64 if not given", 1.0, 1e7),
    "depth": Axis(int, 3, "layers", 1.0, 1e3),
    "samples": Axis(int, 20, "points", 1.0, 1e4),
    "features": Axis(int, 10, "inputs", 1.0, 1e5),
    "learning_rate": Axis(float, 0.0, "1/time (0: the flow itself)", 0.0),
    "horizon": Axis(float, 0.0, "flow time (0: chosen from the sharp rate)", 0.0),
    "seed": Axis(int, 0, "", 0.0, 1e15),
    "data": Axis(str, "", "file or name; empty: a teacher on the sphere"),
}
"""Axes in the order of the grid; an axis that is not given has its default."""

NAMES = {"network": [one.value for one in Subject], "activation": [one.value for one in Activation]}
"""Values of the axes that have names."""

OBSERVABLES = {
    "exponent": "measured decay rate of the loss",
    "exponent_low": "lower end of its interval",
    "exponent_high": "upper end of its interval",
    "proved": "rate proved for this spectrum",
    "sharp": "true rate on quadratics with this spectrum",
    "smallest_eigenvalue": "of the governing kernel",
    "largest_eigenvalue": "of the governing kernel",
    "first_loss": "|Delta|^2/2 at the first time",
    "last_loss": "|Delta|^2/2 at the last time",
    "last_time": "flow time",
}
"""What can be observed of a cell, and what it is."""


@dataclass(frozen=True)
class Cell:
    """One point of the grid: its place on each axis, and its values."""

    index: tuple[int, ...]
    values: Mapping[str, Any]


@dataclass(frozen=True)
class SweepSpec:
    """A grid and what is observed.

    Attributes
    ----------
    axes : values of each axis that is given, in the order of `AXES`
    observables : what is kept of each cell, names of `OBSERVABLES`
    seed : enters every cell's random numbers beside its own seed

    Examples
    --------
    >>> spec = SweepSpec.checked({"width": [10, 100], "seed": [0, 1, 2]}, ["exponent"])
    >>> spec.shape, next(spec.cells()).values["width"]
    ((2, 3), 10)
    """

    axes: Mapping[str, tuple[Any, ...]]
    observables: tuple[str, ...]
    seed: int = 0

    @classmethod
    def checked(cls, axes: Mapping[str, Any], observables: Sequence[str], seed: int = 0) -> SweepSpec:
        """Return a spec, or raise an error that says which entry is wrong."""
        for name in axes:
            if name not in AXES:
                raise UnknownNameError("axis of a sweep", str(name), AXES)
        cells = math.prod(_count(name, given) for name, given in axes.items())
        if cells > MOST_CELLS:  # before a list of them is made
            raise InvalidArgumentError(f"Expected at most {MOST_CELLS} cells but the grid has {cells}.")
        checked = {name: _values(name, axes[name]) for name in AXES if name in axes}
        if not observables:
            raise InvalidArgumentError(f"Expected at least one observable among {', '.join(OBSERVABLES)}.")
        for name in observables:
            if name not in OBSERVABLES:
                raise UnknownNameError("observable", str(name), OBSERVABLES)
        if type(seed) is not int or not 0 <= seed <= AXES["seed"].most:
            raise InvalidArgumentError(f"Expected a seed that is a whole number >= 0, <= 1e15 but got {_shown(seed)}.")
        return cls(checked, tuple(dict.fromkeys(observables)), seed)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of values on each axis."""
        return tuple(len(values) for values in self.axes.values())

    @property
    def size(self) -> int:
        """Number of cells."""
        return math.prod(self.shape)

    def cells(self) -> Iterator[Cell]:
        """Yield every cell, the last axis fastest."""
        names, defaults = list(self.axes), {name: axis.default for name, axis in AXES.items()}
        places = [range(len(values)) for values in self.axes.values()]
        for index in itertools.product(*places):
            chosen = {name: self.axes[name][k] for name, k in zip(names, index, strict=True)}
            yield Cell(index, {**defaults, **chosen, "sweep_seed": self.seed})

    def to_json(self) -> str:
        """Return the spec as JSON; equal specs give equal text."""
        described = {"axes": {k: list(v) for k, v in self.axes.items()}, "observables": list(self.observables)}
        return json.dumps({**described, "seed": self.seed}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> SweepSpec:
        """Read what `to_json` wrote."""
        try:
            found = json.loads(text)
            axes, observables = found["axes"], found["observables"]
            if not isinstance(axes, dict) or not isinstance(observables, list):
                raise TypeError("axes or observables of the wrong type")
            return cls.checked(axes, observables, found["seed"])
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise DataError(f"Expected a sweep's spec as JSON but got something else ({error}).") from None


def read_spec(path: str | os.PathLike[str]) -> SweepSpec:
    """Read a sweep from a TOML file with the tables [grid] and [sweep].

        [sweep]
        observables = ["exponent", "sharp"]

        [grid]
        flow = ["gradient-flow", "x'' + 3/t*x' + grad(x)"]
        width = [100, 1000]
        seed = {from = 0, to = 9}

    Raises
    ------
    DataError
        The file cannot be read or is not TOML.
    InvalidArgumentError, UnknownNameError
        A name or a value is wrong.
    """
    source = Path(path)
    try:
        with source.open(encoding="utf-8", newline="") as file:
            text = file.read(LARGEST_FILE + 1)
        if len(text) > LARGEST_FILE:
            raise DataError(f"Expected a spec of at most {LARGEST_FILE} characters but {source} is larger.")
        if any(line.count(".") - line.count(",") > MOST_DOTS for line in text.split("\n")):
            raise DataError(f"Expected at most {MOST_DOTS} dots in a line of {source}. Keys here have one part.")
        table = tomllib.loads(text)
    except DataError:
        raise
    except OSError as error:
        raise DataError(f"Could not read {source}: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:  # TOML's parser also passes on what int() refuses
        raise DataError(f"Expected TOML in {source} but {error}.") from None
    _only(table, ("sweep", "grid"), str(source))
    sweep, grid = table.get("sweep", {}), table.get("grid", {})
    if not isinstance(sweep, dict) or not isinstance(grid, dict) or not grid:
        raise DataError(f"Expected tables [sweep] and [grid] in {source}, with at least one axis in [grid].")
    _only(sweep, ("observables", "seed"), f"[sweep] of {source}")
    observables = sweep.get("observables", ["exponent", "exponent_low", "exponent_high", "proved", "sharp"])
    if not isinstance(observables, list) or not all(isinstance(o, str) for o in observables):
        raise DataError(f"Expected observables = [names] in {source} but got {_shown(observables)}.")
    return SweepSpec.checked(grid, observables, sweep.get("seed", 0))


def _only(table: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    for name in table:
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            hint = f" Did you mean {close[0]}?" if close else ""
            raise DataError(f"Expected {', '.join(known)} in {where} but got {name[:80]!r}.{hint}")


def _values(name: str, given: Any) -> tuple[Any, ...]:
    axis = AXES[name]
    if isinstance(given, dict):
        given = _range(name, given)
    if isinstance(given, (list, tuple, range)) and len(given) > MOST_VALUES:
        raise InvalidArgumentError(f"Expected at most {MOST_VALUES} values of {name} but got {len(given)}.")
    listed = list(given) if isinstance(given, (list, tuple, range)) else [given]
    if not listed:
        raise InvalidArgumentError(f"Expected at least one value of {name} but got none.")
    found = tuple(_value(name, axis, one) for one in listed)
    if len(set(found)) < len(found):
        raise InvalidArgumentError(f"Expected different values of {name} but one is given twice.")
    return found


def _value(name: str, axis: Axis, given: Any) -> Any:
    if axis.kind is float and isinstance(given, int) and not isinstance(given, bool):
        given = float(given) if abs(given) < 1e300 else math.inf
    wrong_type = not isinstance(given, axis.kind) or isinstance(given, bool)
    if wrong_type or (axis.kind is not str and not (axis.least <= given <= axis.most and given != math.inf)):
        wanted = "text" if axis.kind is str else f"a {'whole ' if axis.kind is int else ''}number >= {axis.least:g}"
        wanted += f", <= {axis.most:g}" if math.isfinite(axis.most) else ""
        raise InvalidArgumentError(f"Expected {name} to be {wanted} but got {_shown(given)}.")
    if axis.kind is str and len(given) > LONGEST_TEXT:
        raise InvalidArgumentError(f"Expected {name} of at most {LONGEST_TEXT} characters but got {len(given)}.")
    if name in NAMES and given not in NAMES[name]:
        raise UnknownNameError(name, given, NAMES[name])
    return given


def _range(name: str, given: Mapping[str, Any]) -> range:
    ends = [given.get("from"), given.get("to"), given.get("step", 1)]
    if set(given) - {"from", "to", "step"} or not all(type(e) is int for e in ends) or ends[2] < 1 or ends[1] < ends[0]:
        raise InvalidArgumentError(
            f"Expected {name} = {{from = A, to = B, step = C}}, whole numbers A <= B, C >= 1, but got {_shown(given)}."
        )
    if (ends[1] - ends[0]) // ends[2] >= MOST_VALUES:  # before its length, which may not be a machine's number
        raise InvalidArgumentError(f"Expected at most {MOST_VALUES} values of {name}.")
    return range(ends[0], ends[1] + 1, ends[2])


def _count(name: str, given: Any) -> int:
    """Return how many values an axis has, before they are looked at."""
    if isinstance(given, dict):
        given = _range(name, given)
    return max(1, len(given)) if isinstance(given, (list, tuple, range)) else 1


def _shown(given: object) -> str:
    """Return the beginning of a value as text; whole numbers of thousands of digits have none."""
    try:
        return repr(str(given)[:80])
    except (ValueError, RecursionError):
        return f"a very large {type(given).__name__}"
