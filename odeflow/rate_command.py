"""`odeflow rate` and `odeflow check`: the best rate of a flow in one line of text, with a certificate as a file."""

from __future__ import annotations

import contextlib
import enum
import io
import itertools
import json
import shutil
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from odeflow.door import door
from odeflow.errors import InvalidArgumentError, OdeflowError
from odeflow.files import refuse_missing_folder, write_text

if TYPE_CHECKING:
    from odeflow.flows import ConcreteFlow, EnergySpec, FlowSpec, Kind
    from odeflow.function_classes import FunctionClass
    from odeflow.rate_simulation import SimulatedRate
    from odeflow.search import RateOutcome

__all__ = ["RateFormat", "assignment", "check_certificates", "find_rate"]

PROVED, REFUTED, UNDECIDED = 0, 1, 3
MOST_POINTS = 1000


class ClassChoice(enum.StrEnum):
    """The function classes by name."""

    quadratic = "quadratic"
    convex = "convex"
    strongly_convex = "strongly-convex"
    pl = "pl"


class RateFormat(enum.StrEnum):
    """What stdout carries."""

    text = "text"
    json = "json"


@door
def find_rate(
    text: Annotated[str, typer.Argument(metavar="FLOW", help="The ODE, such as \"x'' + 2*x' + grad(x)\".")],
    function_class: Annotated[ClassChoice, typer.Option("--class", help="What is known of f.")],
    mu: Annotated[
        str | None, typer.Option(metavar="Q", help="Strong convexity (PL constant, least eigenvalue).")
    ] = None,
    smooth: Annotated[
        str | None, typer.Option(metavar="Q", help="Lipschitz constant of grad f, largest eigenvalue.")
    ] = None,
    kernel: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A frozen kernel, rows of numbers: mu and L bound its eigenvalues."),
    ] = None,
    claim: Annotated[
        str | None, typer.Option(metavar="Q", help="Decide this rate instead of finding the best.")
    ] = None,
    energy: Annotated[
        str | None, typer.Option(metavar="V", help='Decide this V, such as "f + 1/2*norm(x + v)^2".')
    ] = None,
    values: Annotated[list[str] | None, typer.Option("--set", metavar="B=Q", help="Value of a parameter.")] = None,
    grid: Annotated[
        list[str] | None, typer.Option(metavar="B=FROM:TO:STEP", help="Do it for every value of a parameter.")
    ] = None,
    family: Annotated[
        str | None,
        typer.Option(metavar="B=FROM:TO", help="Prove one formula for all values of a parameter; TO may be oo."),
    ] = None,
    format: Annotated[RateFormat, typer.Option(help="Text, or one JSON object a case.")] = RateFormat.text,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write the certificate.")
    ] = None,
) -> None:
    """Find the best provable rate of f - f* along an optimiser ODE, with an exact certificate.

    Rates are exponents of e^(-rate t), or of t^(-rate) for damping r/t. Q is an exact number: 2, 1/3 or 0.25. Exit
    code 0: proved; 1: refuted; 2: wrong usage; 3: undecided (the worst of all cases with --grid).

    \b
    Examples:
      odeflow rate "x'' + 2*x' + grad(x)" --class strongly-convex --mu 1
      odeflow rate "x'' + 3/t*x' + grad(x)" --class convex -o certificate.json
      odeflow rate "x'' + b*x' + grad(x)" --class quadratic --mu 1 --grid b=1:3:1/2
    """
    from odeflow.flow_text import parse_energy, parse_flow, parse_rational
    from odeflow.function_classes import ClassName, FunctionClass
    from odeflow.rate_text import outcome_object, page, row

    flow = parse_flow(text)
    if output is not None:
        refuse_missing_folder(output)
    if kernel is not None and (function_class is not ClassChoice.quadratic or mu is not None or smooth is not None):
        raise InvalidArgumentError("Expected --kernel with --class quadratic and without --mu and --smooth.")
    known = FunctionClass(
        ClassName(function_class.value),
        Fraction(int(kernel is not None)) if mu is None else parse_rational(mu),
        None if smooth is None else parse_rational(smooth),
    )
    if kernel is not None:
        from odeflow.kernel_spectrum import kernel_class, read_kernel

        known = kernel_class(read_kernel(kernel))
    wanted = None if claim is None else parse_rational(claim)
    V = None if energy is None else parse_energy(energy, flow)
    if family is not None:
        if claim is not None or energy is not None or values or grid or output is not None:
            raise InvalidArgumentError("Expected --family with FLOW, --class, --mu, --smooth and --format only.")
        raise typer.Exit(_family(flow, known, family, json_wanted=format is RateFormat.json))
    given = {"mu": known.mu, **({"L": known.smooth} if known.smooth is not None else {})}
    given |= dict(assignment(word) for word in values or [])
    cases = list(itertools.islice(_cases(grid or [], given), MOST_POINTS + 1))
    if len(cases) > MOST_POINTS:
        raise InvalidArgumentError(f"Expected at most {MOST_POINTS} grid points. Take a longer step.")
    if output is not None and len(cases) > 1:
        raise InvalidArgumentError("Expected one case with --output but got a grid. Drop --grid.")
    _refuse_unknown(flow, V, [*(values or []), *(grid or [])])
    worst = PROVED
    names = [word.split("=")[0].strip() for word in grid or []]
    if len(cases) > 1 and format is RateFormat.text:
        typer.echo(f"{flow}\n{known.statement()}\n")
        typer.echo("  ".join([*(f"{n:>8}" for n in names), f"{'rate':>12}", "decimal   ", "quadratics", "verdict"]))
    for case in cases:
        concrete = flow.at(case)
        outcome = _decide(concrete, known, wanted, V, case)
        simulated = _simulated(concrete, known, outcome) if len(cases) == 1 else None
        worst = max(worst, {"PROVED": PROVED, "REFUTED": REFUTED}.get(outcome.verdict.value, UNDECIDED))
        if format is RateFormat.json:
            shown = outcome_object(flow, known, outcome, {n: case[n] for n in names}, simulated)
            # a refuted V says nothing of the rate, which another V may prove
            typer.echo(json.dumps({**shown, "verdict_on": "rate" if V is None else "energy"}))
        elif len(cases) > 1:
            typer.echo(row(outcome, [case[n] for n in names]))
        else:
            title = _numbers_put_in(flow, case)
            _show(page(title, concrete, known, outcome, simulated, given_energy=V is not None))
        if output is not None and outcome.certificate is not None:
            write_text(output, outcome.certificate.to_json() + "\n")
    if output is not None and worst != PROVED:
        typer.echo(f"odeflow: {output} was not written: nothing was proved", err=True)
    raise typer.Exit(worst)


@door
def check_certificates(
    files: Annotated[list[Path], typer.Argument(metavar="CERTIFICATE.json", help="Files written by odeflow rate -o.")],
) -> None:
    """Verify certificates with nothing but Python's standard library.

    The same check runs without odeflow: python -S -I checker.py CERTIFICATE.json, with the file odeflow/checker.py.
    Exit code 0: proved; 1: not a proof; 2: not readable.
    """
    from odeflow.checker import main

    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        code = main([str(file) for file in files])
    _show(said.getvalue().splitlines())
    raise typer.Exit(code)


def _show(lines: Sequence[str]) -> None:
    """Print lines, broken to the width of a terminal; a pipe gets them whole."""
    from odeflow.rate_text import fitted

    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for line in fitted(lines, width):
        typer.echo(line)


def _decide(
    flow: ConcreteFlow,
    known: FunctionClass,
    claim: Fraction | None,
    energy: EnergySpec | None,
    values: Mapping[str, Fraction],
) -> RateOutcome:
    from odeflow.search import best_rate, best_rate_of_energy, decide_energy, decide_rate, natural_kind

    if energy is None:
        return best_rate(flow, known) if claim is None else decide_rate(flow, known, claim)
    kind = natural_kind(flow, known)
    f, matrix = _energy_in_own_time(flow, energy, kind, values)
    if claim is None:
        return best_rate_of_energy(flow, known, energy_f=f, energy_matrix=matrix)
    return decide_energy(flow, known, claim, energy_f=f, energy_matrix=matrix)


def _simulated(flow: ConcreteFlow, known: FunctionClass, outcome: RateOutcome) -> SimulatedRate | None:
    """Measure the slowest exponent among members of the class, if a rate was proved."""
    if outcome.certificate is None or outcome.rate is None:
        return None
    from odeflow.rate_simulation import slowest_simulated

    try:
        return slowest_simulated(flow, known, outcome.kind, outcome.rate)
    except OdeflowError:  # what a simulation cannot do does not touch what was proved
        return None


def _energy_in_own_time(
    flow: ConcreteFlow, energy: EnergySpec, kind: Kind, values: Mapping[str, Fraction]
) -> tuple[Fraction, list[list[Fraction]]]:
    """Return V's coefficients in the flow's own time: in log-time of t^j x^(j), t^w (f - f*) and t^w grad f."""
    from odeflow.flows import Kind

    weight = flow.log_time_weight() if kind is Kind.POWER else None
    scales = [Fraction(j if weight is not None else 0) for j in range(flow.order)] + [weight or Fraction(0)]
    entries = [(energy.f.at(values), weight or Fraction(0))]
    for i, row in enumerate(energy.matrix):
        entries += [(entry.at(values), scales[i] + scales[j]) for j, entry in enumerate(row)]
    extra = {power - natural for powers, natural in entries for power, _ in powers}
    if len(extra) > 1:
        hint = f" Here t^{weight}*f goes with |x|^2 and t*x'." if weight is not None else ""
        raise InvalidArgumentError(f"Expected an energy whose terms scale alike with t in the time of this flow.{hint}")
    numbers = [sum((c for _, c in powers), Fraction(0)) for powers, _ in entries]
    size = flow.order + 1
    return numbers[0], [numbers[1 + i * size : 1 + (i + 1) * size] for i in range(size)]


def assignment(word: str) -> tuple[str, Fraction]:
    """Read NAME=VALUE exactly."""
    from odeflow.flow_text import parse_rational

    name, sign, value = word.partition("=")
    if not sign or not name.strip().isidentifier():
        raise InvalidArgumentError(f"Expected NAME=VALUE but got {word!r}. Write b=3/2.")
    return name.strip(), parse_rational(value)


def _cases(grid: Sequence[str], given: Mapping[str, Fraction]) -> Iterator[dict[str, Fraction]]:
    from odeflow.flow_text import parse_rational

    axes = []
    for word in grid:
        name, sign, span = word.partition("=")
        ends = span.split(":")
        if not sign or len(ends) != 3:
            raise InvalidArgumentError(f"Expected NAME=FROM:TO:STEP but got {word!r}. Write b=1/2:4:1/4.")
        first, last, step = (parse_rational(end) for end in ends)
        if step <= 0 or last < first:
            raise InvalidArgumentError(f"Expected FROM <= TO and STEP > 0 but got {word!r}.")
        count = min(int((last - first) / step) + 1, MOST_POINTS + 1)
        axes.append([(name.strip(), first + i * step) for i in range(count)])
    for point in itertools.product(*axes):
        yield {**given, **dict(point)}


def _family(flow: FlowSpec, known: FunctionClass, span: str, *, json_wanted: bool) -> int:
    """Search and print a formula for a whole interval; return the exit code."""
    from odeflow.family_search import find_family
    from odeflow.flow_text import parse_rational
    from odeflow.rate_text import family_object, family_page

    name, sign, ends = span.partition("=")
    low, colon, high = (part.strip() for part in ends.partition(":"))
    if not sign or not colon:
        raise InvalidArgumentError(f"Expected NAME=FROM:TO but got {span!r}. Write b=1/2:2 or r=3:oo.")
    name = name.strip()
    begin = time.perf_counter()
    end = None if high == "oo" else parse_rational(high)
    found, reason = find_family(flow, known, name, parse_rational(low), end)
    seconds = time.perf_counter() - begin
    interval = f"{name} in [{low}, {'oo)' if high == 'oo' else high + ']'}"
    if json_wanted:
        typer.echo(json.dumps(family_object(flow, known, interval, found, reason, seconds)))
    else:
        _show(family_page(flow, known, interval, found, reason, seconds))
    return PROVED if found is not None else UNDECIDED


def _refuse_unknown(flow: FlowSpec, energy: EnergySpec | None, words: Sequence[str]) -> None:
    names = {word.partition("=")[0].strip() for word in words}
    used = set(flow.parameters)
    if energy is not None:
        used |= {n for s in (energy.f, *(x for row in energy.matrix for x in row)) for n in s.parameters}
    if names - used:
        raise InvalidArgumentError(
            f"Expected parameters of the flow but got {', '.join(sorted(names - used))}. "
            f"It has {', '.join(sorted(used)) or 'none'}."
        )


def _numbers_put_in(flow: FlowSpec, values: Mapping[str, Fraction]) -> str:
    shown = [f"{name} = {values[name]}" for name in sorted(flow.parameters)]
    return f"{flow}" + (f"   with {', '.join(shown)}" if shown else "")
