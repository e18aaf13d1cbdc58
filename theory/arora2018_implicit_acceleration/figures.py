"""Figures 1-5 of Arora, Cohen and Hazan (2018) as scenarios; 2-5 on data that the reader has.

The paper's data are the gas-sensor files of the UCI repository ("Ethanol", 2565 x 128), which no package carries. Every
scenario takes a data set as its third argument: by default the bundled diabetes data, with the extra `odeflow[data]`
also "concrete" and "meats" (near-infrared spectra, collinear like the paper's), and the paper's own files through
`odeflow.datasets.read_gas_sensor(folder)`. Figure 5, right, is about classifiers and always takes the digits of
scikit-learn where they can be had.

Iterations are counted to named losses and shown for the paper's ten learning rates and for a finer grid: the coarse one
can reverse a conclusion. Medians over seeds, with the range.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float

from odeflow.datasets import Dataset, load_dataset
from odeflow.errors import DataError
from odeflow.figures import Curve, Figure, Panel, RateRow, Scenario
from odeflow.numeric.linear_flow import balanced_layers
from odeflow.numeric.linear_training import AdaDelta, AdaGrad, Adam, GradientDescent
from odeflow.theorem import Source
from theory.arora2018_implicit_acceleration._closed_curve import figure1
from theory.arora2018_implicit_acceleration._factored_networks import (
    Classifier,
    added_parameters,
    iterations_to,
    smoothed,
)
from theory.arora2018_implicit_acceleration._figure_parts import (
    ALIKE,
    alike,
    compared,
    counted,
    depth_remarks,
    faster,
    first_below,
    gap_after_shift,
    medians,
    outcome,
    product,
    said,
    said_all,
    sup_gap,
    thinned,
    tuned_curve,
    tuned_row,
)
from theory.arora2018_implicit_acceleration._regressions import (
    LEVELS,
    PAPER_GRID,
    Make,
    adadelta,
    fine_rates,
    regression,
)
from theory.arora2018_implicit_acceleration.notation import PAPER

__all__ = ["FIGURES"]

GRIDS = ("the paper's grid", "fine grid")
CLOSE = 0.05
"""Two loss curves emulate each other if they never differ by more than this share of what there is to gain."""


def figure2(full: bool, seed: int, data: Dataset | None = None) -> Figure:
    """Deep networks against the single-layer rule (12), at learning rate 1e-3, from the network's own W_e(0)."""
    steps, seeds, rate = (60_000 if full else 20_000), range(seed, seed + (5 if full else 3)), 1e-3
    panels, rows, worst_start, worst_shifted, balanced = [], [], 0.0, 0.0, 0.0
    half: dict[tuple[int, int, int], float] = {}
    for power in (2, 4):
        problem = regression(data, power)
        curves = []
        for group, (depth, width) in enumerate((N, n) for N in (2, 3) for n in (1, 100)):
            counts = []
            for number, one in enumerate(seeds):
                layers = problem.start(depth, one, width=width)
                net = problem.network(layers, rate, steps)
                rule = problem.rule(product(layers), rate, steps, depth=depth)
                counts.append((first_below(net, 0.5), first_below(rule, 0.5)))
                worst_start = max(worst_start, float(np.abs(net - rule).max()))
                worst_shifted = max(worst_shifted, gap_after_shift(net, rule, *counts[-1]))
                if number == 0:
                    label = f"N = {depth}, width {width}"
                    curves.append(thinned(label, net, group))
                    curves.append(thinned("", rule, group, theory=True))
            ours, rules = (np.array(column) for column in zip(*counts, strict=True))
            half[power, depth, width] = float(np.median(ours))
            rows.append(
                counted(
                    f"l{power}, N = {depth}, width {width}: iterations of the network to 50 %",
                    ours,
                    f"rule (12): {said_all(rules)}",
                    "as the rule; the same for widths 1 and 100",
                )
            )
            if width == 1:
                scale = 0.3 * math.sqrt(problem.X.shape[1])
                start = np.random.default_rng(seed).standard_normal((1, problem.X.shape[1])) * 0.1 / scale
                net = problem.network(balanced_layers(start, depth), rate, steps // 4)
                balanced = max(balanced, sup_gap(net, problem.rule(start, rate, steps // 4, depth=depth)))
        title = f"l{power} loss (dashed: rule (12) from the same W_e(0))"
        panels.append(Panel(title, "iteration", "loss above L*, relative", tuple(curves)))
    name = regression(data, 2).name
    deeper = all(half[p, 3, n] < half[p, 2, n] for p in (2, 4) for n in (1, 100))
    widths = all(alike(half[p, N, 1], half[p, N, 100]) for p in (2, 4) for N in (2, 3))
    return Figure(
        f"Figure 2: networks and the end-to-end rule, {name}",
        f"learning rate {rate:g}, {steps} iterations, layers N(0, 0.01^2), seeds {seeds[0]} to {seeds[-1]}; features "
        "and target standardised",
        tuple(panels),
        tuple(rows),
        (
            outcome(
                worst_start < CLOSE,
                f"the rule emulates the network from the same W_e(0) (curves differ by up to {100 * worst_start:.0f} % "
                "of L_0 - L*)",
            ),
            outcome(
                worst_shifted < CLOSE,
                "it does so up to a shift in time, where both reach 50 % (curves then differ by up to "
                f"{100 * worst_shifted:.1f} %)",
            ),
            outcome(
                balanced < CLOSE,
                f"it does so from balanced layers, the theorem's hypothesis (up to {100 * balanced:.2f} %)",
            ),
            outcome(widths, f"widths 1 and 100 reach 50 % within {100 * ALIKE:.0f} % of each other's iterations"),
            outcome(deeper, "the deeper network is faster at this learning rate"),
            "The initial layers are small, not balanced: this is what shifts time.",
        ),
    )


def figure3(full: bool, seed: int, data: Dataset | None = None) -> Figure:
    """Depths 1, 2 and 3, each at its fastest learning rate, on the paper's grid and a fine one."""
    steps, seeds = (100_000 if full else 20_000), range(seed, seed + (5 if full else 3))
    panels, rows, remarks = [], [], []
    fastest: dict[tuple[int, str, int], list[float]] = {}
    for power in (2, 4):
        problem, curves = regression(data, power), []
        for grid, rates in zip(GRIDS, (PAPER_GRID, fine_rates(GradientDescent)), strict=True):
            for depth in (1, 2, 3):
                starts = [problem.start(depth, one) for one in seeds]
                tuned = [problem.tune(layers, rates, steps) for layers in starts]
                fastest[power, grid, depth] = medians(tuned)
                label = f"N = {depth}" + (", " + grid if grid == GRIDS[0] else "")
                curves += tuned_curve(problem, label, starts[0], tuned[0], steps, depth - 1, dashed=grid == GRIDS[0])
                claim = "" if depth == 1 else f"{'slower' if power == 2 else 'faster'} than N = 1"
                rows.append(tuned_row(f"l{power}, {grid}, N = {depth}", tuned, claim))
        for grid in GRIDS:
            remarks += depth_remarks(power, grid, {N: fastest[power, grid, N] for N in (1, 2, 3)})
        panels.append(
            Panel(f"l{power} loss (dashed: the paper's grid)", "iteration + 1", "loss above L*, relative",
                  tuple(curves), xscale="log")
        )  # fmt: skip
    reversed_ = [
        f"l{power}, N = {depth}"
        for power in (2, 4)
        for depth in (2, 3)
        if len({faster(fastest[power, grid, depth], fastest[power, grid, 1]) for grid in GRIDS}) > 1
    ]
    remarks.append(
        f"The paper's coarse grid and the fine one disagree on whether depth helps for: {'; '.join(reversed_)}."
        if reversed_
        else "The paper's coarse grid and the fine one agree on whether depth helps."
    )
    return Figure(
        f"Figure 3: depth against the single layer, tuned, {regression(data, 2).name}",
        f"up to {steps} iterations, layers N(0, 0.01^2), width 1, seeds {seeds[0]} to {seeds[-1]}; grids: the paper's "
        "ten rates 1e-5 to 0.5, and 36 more from 1e-3 to 3; each level by its own fastest rate",
        tuple(panels),
        tuple(rows),
        tuple(remarks),
    )


def figure4(full: bool, seed: int, data: Dataset | None = None) -> Figure:
    """Depth 3 against AdaGrad and AdaDelta on a single layer, and Adam with depth; l4 loss."""
    steps, seeds = (100_000 if full else 20_000), range(seed, seed + (3 if full else 1))
    problem = regression(data, 4)
    methods: list[tuple[str, int, Make]] = [
        ("gradient descent, N = 1", 1, GradientDescent),
        ("gradient descent, N = 3", 3, GradientDescent),
        ("AdaGrad, N = 1", 1, AdaGrad),
        ("AdaDelta, N = 1", 1, adadelta),
        ("AdaDelta with its own paper's epsilon 1e-6, N = 1", 1, _adadelta_of_its_paper),
    ]
    left, right, rows = [], [], []
    found: dict[tuple[str, str], list[float]] = {}

    def race(name: str, depth: int, make: Make, grid: str, rates: Sequence[float], group: int) -> list[Curve]:
        starts = [problem.start(depth, one) for one in seeds]
        tuned = [problem.tune(layers, rates, steps, make=make) for layers in starts]
        found[name, grid] = medians(tuned)
        rows.append(tuned_row(f"{name}, {grid}", tuned, ""))
        return tuned_curve(problem, name, starts[0], tuned[0], steps, group, make=make)

    for group, (name, depth, make) in enumerate(methods):
        drawn = race(name, depth, make, GRIDS[0], PAPER_GRID, group)
        left += drawn if make is not _adadelta_of_its_paper else []
        race(name, depth, make, GRIDS[1], fine_rates(make), group)
    for depth in (1, 2, 3):
        right += race(f"Adam, N = {depth}", depth, Adam, "rate 1e-3", (1e-3,), depth - 1)
        race(f"Adam, N = {depth}", depth, Adam, GRIDS[1], fine_rates(Adam), depth - 1)
    remarks = []
    for grid in GRIDS:
        deep, plain = found["gradient descent, N = 3", grid], found["gradient descent, N = 1", grid]
        adagrad, delta = found["AdaGrad, N = 1", grid], found["AdaDelta, N = 1", grid]
        for statement, fast, slow in (
            ("depth 3 is faster than AdaGrad", deep, adagrad),
            ("depth 3 is faster than AdaDelta", deep, delta),
            ("AdaGrad is slower than plain gradient descent", plain, adagrad),
        ):
            remarks.append(compared(statement, fast, slow, grid))
    own = found["AdaDelta with its own paper's epsilon 1e-6, N = 1", GRIDS[0]]
    deep = found["gradient descent, N = 3", GRIDS[0]]
    remarks.append(compared("depth 3 is faster than AdaDelta with the epsilon of its own paper", deep, own, GRIDS[0]))
    remarks.append(compared("Adam on a single layer is faster than depth 3", found["Adam, N = 1", "rate 1e-3"], deep,
                             "Adam's rate 1e-3 against the paper's grid"))  # fmt: skip
    for grid in ("rate 1e-3", GRIDS[1]):
        for depth in (2, 3):
            statement = f"depth {depth} makes Adam faster"
            remarks.append(compared(statement, found[f"Adam, N = {depth}", grid], found["Adam, N = 1", grid], grid))
    return Figure(
        f"Figure 4: depth against adaptive methods, l4, {problem.name}",
        f"up to {steps} iterations, layers N(0, 0.01^2), width 1, seeds {seeds[0]} to {seeds[-1]}; left: fastest rate "
        "of the paper's grid; right: Adam at 1e-3; tables: also 36 more rates (1e-3 to 3, AdaDelta 0.01 to "
        "30, Adam 1e-4 to 1)",
        (
            Panel("paper's grid", "iteration + 1", "loss above L*, relative", tuple(left), xscale="log"),
            Panel(
                "Adam at its default rate 1e-3", "iteration + 1", "loss above L*, relative", tuple(right), xscale="log"
            ),
        ),
        tuple(rows),
        tuple(remarks),
    )


def figure5(full: bool, seed: int, data: Dataset | None = None) -> Figure:
    """Depths 4 and 8 from near-zero and near-identity layers; a classifier with factored layers."""
    steps, problem = (100_000 if full else 30_000), regression(data, 4)
    direction = np.zeros((1, problem.X.shape[1]))
    direction[0, 0] = 1.0
    settings: list[tuple[str, Sequence[Float[np.ndarray, "_ _"]]]] = [
        ("N = 1", problem.start(1, seed)),
        ("N = 4, near zero", problem.start(4, seed)),
        ("N = 8, near zero", problem.start(8, seed)),
        ("N = 4, identity", problem.start(4, seed, identity=True)),
        ("N = 8, identity", problem.start(8, seed, identity=True)),
        ("N = 1 from e_1", [direction]),
    ]
    curves, rows, found = [], [], {}
    for group, (name, layers) in enumerate(settings):
        for grid, rates in zip(GRIDS, (PAPER_GRID, fine_rates(GradientDescent)), strict=True):
            tuned = problem.tune(layers, rates, steps, levels=(0.5, *LEVELS))
            found[name, grid] = medians([tuned])
            rows.append(tuned_row(f"{name}, {grid}", [tuned], "", levels=("50", "90", "99", "99.9")))
            if grid == GRIDS[0]:
                curves += tuned_curve(problem, name, layers, tuned, steps, group)
    grid = GRIDS[0]
    stuck = found["N = 4, near zero", grid][0] > 100 * found["N = 4, identity", grid][0]
    frozen = not math.isfinite(found["N = 8, near zero", grid][0])
    remarks = [
        outcome(stuck, "depth 4 from near-zero layers waits long before it makes progress"),
        outcome(frozen, f"depth 8 from near-zero layers makes none in {steps} iterations"),
        *(
            compared(f"depth {N} from near-identity layers is faster than a single layer", found[f"N = {N}, identity",
                      one], found["N = 1", one], one)
            for one in GRIDS for N in (4, 8)
        ),
        *(
            compared(f"so it is against a single layer from the same start e_1 (control), depth {N}",
                      found[f"N = {N}, identity", grid], found["N = 1 from e_1", grid], grid)
            for N in (4, 8)
        ),
    ]  # fmt: skip
    right, more_rows, more_remarks = _factored_panel(full, seed)
    return Figure(
        f"Figure 5: vanishing gradients and residual starts, l4, {problem.name}; factored classifiers",
        f"left: up to {steps} iterations, fastest rate of the paper's grid, seed {seed}; right: ReLU network "
        "64-64-64-10 on digits, batches of 64, momentum 0.9, rate 0.05 with decay 0.95 an epoch, deviation 0.1",
        (
            Panel("deep linear networks", "iteration + 1", "loss above L*, relative", tuple(curves), xscale="log"),
            right,
        ),
        (*rows, *more_rows),
        (*remarks, *more_remarks),
    )


def _factored_panel(full: bool, seed: int) -> tuple[Panel, list[RateRow], list[str]]:
    """Train the classifier with its dense layers whole, as products, and whole with the products' initial scale."""
    count = added_parameters((3136, 512, 10))
    before = 5 * 5 * 32 + 32 + 5 * 5 * 32 * 64 + 64 + 3136 * 512 + 512 + 512 * 10 + 10
    rows = [
        RateRow(
            "parameters added to the tutorial's convolutional network, in %", 100.0 * count / before, None,
            f"{count} beside {before}, exact", "250K beside 1.6M, 15 %",
        )
    ]  # fmt: skip
    try:
        digits = load_dataset("digits")
    except DataError as error:
        return Panel("digits: not installed", "iteration", "loss", ()), rows, [f"Not run: {error}"]
    X, labels = digits.features / 16.0, digits.target.astype(np.int64)
    rates, epochs, shown = np.array([0.01, 0.02, 0.05, 0.1, 0.2]), (60 if full else 25), 2
    seeds = range(seed, seed + (5 if full else 2))
    widths = (64, 64, 64, 10)
    models = {
        "whole": Classifier(widths),
        "products of two": Classifier(widths, factored=True),
        "whole, scaled start": Classifier(widths, product_scale=True),
    }
    curves: list[Curve] = []
    same: dict[tuple[str, float], float] = {}
    best: dict[tuple[str, float], float] = {}
    for group, (name, model) in enumerate(models.items()):
        runs = [model.train(X, labels, rates, epochs, seed=one) for one in seeds]
        line = smoothed(runs[0][shown : shown + 1])[0]
        curves.append(Curve(name, np.arange(line.size, dtype=float), line, group=group))
        for level in (0.5, 0.05, 0.01):
            counts = np.array([iterations_to(losses, level) for losses in runs])
            for kind, table, which in (
                (f"rate {rates[shown]:g}", same, counts[:, shown]),
                (f"fastest of {len(rates)} rates", best, counts.min(axis=1)),
            ):
                table[name, level] = float(np.median(which))
                claim = "far fewer than whole" if name == "products of two" else ""
                rows.append(counted(f"digits, {name}, {kind}: iterations to batch loss {level:g}", which, "", claim))
    whole, products, scaled = models
    remarks = [
        *(
            outcome(table[products, level] < table[whole, level],
                     f"products of two reach batch loss {level:g} sooner, {words} ({said(table[products, level])} "
                     f"against {said(table[whole, level])} iterations)")
            for table, words in ((same, "same rate"), (best, "each at its best rate")) for level in (0.5, 0.05, 0.01)
        ),
        outcome(
            any(10 * same[products, level] < same[whole, level] for level in (0.5, 0.05)),
            "they do so by orders of magnitude (ten times), same rate",
        ),
        "Control: whole layers that start at the products' scale are "
        + ("faster" if same[scaled, 0.05] < same[whole, 0.05] else "not faster")
        + " than at their own, so the initial scale "
        + ("may be a cause." if same[scaled, 0.05] < same[whole, 0.05] else "is not what makes products faster."),
    ]  # fmt: skip
    return Panel("digits, mean of 25 batches, rate 0.05", "iteration", "batch loss", tuple(curves)), rows, remarks


def _adadelta_of_its_paper(rate: float) -> AdaDelta:
    return AdaDelta(learning_rate=rate)


def _scenario(number: str, shows: str, run: Callable[..., Figure]) -> Scenario:
    return Scenario(number, Source(PAPER, f"Figure {number}"), shows, run, takes_data=number != "1")


FIGURES = (
    _scenario("1", "the closed curve of Theorem 2, and what F gathers along it", figure1),
    _scenario("2", "deep networks against the end-to-end rule, widths 1 and 100", figure2),
    _scenario("3", "depths 1 to 3 at tuned learning rates, l2 and l4", figure3),
    _scenario("4", "depth against AdaGrad and AdaDelta, and with Adam", figure4),
    _scenario("5", "depths 4 and 8 from two starts; a classifier with factored layers", figure5),
)
