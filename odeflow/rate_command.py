"""`odeflow rate` and `odeflow check`: the best rate of a flow in one line of text, with a certificate as a file."""

from __future__ import annotations

import enum
import functools
import itertools
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from odeflow.errors import InvalidArgumentError, OdeflowError
from odeflow.files import write_text

if TYPE_CHECKING:
    from odeflow.flows import ConcreteFlow, EnergySpec, FlowSpec, Kind
    from odeflow.function_classes import FunctionClass
    from odeflow.rate_simulation import SimulatedRate
    from odeflow.search import RateOutcome

__all__ = ["RateFormat", "assignment", "check_certificates", "door", "find_rate"]

PROVED, REFUTED, USAGE, UNDECIDED, INTERRUPTED = 0, 1, 2, 3, 130
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


def door(command: Callable[..., None]) -> Callable[..., None]:
    """Print odeflow's own errors as they are (they may carry a caret under a column) and exit with a code."""

    @functools.wraps(command)
    def guarded(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except OdeflowError as error:
            typer.echo(f"odeflow: error: {error}", err=True)
            raise typer.Exit(USAGE) from None
        except KeyboardInterrupt:
            typer.echo("odeflow: interrupted", err=True)
            raise typer.Exit(INTERRUPTED) from None

    return guarded


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

    Rates are exponents of e^(-rate t), or of t^(-rate) for damping r/t. Exit code 0: proved; 1: refuted; 2: wrong
    usage;
    3: undecided (the worst of all cases with --grid).
    """
    from odeflow.flow_text import parse_energy, parse_flow, parse_rational
    from odeflow.function_classes import ClassName, FunctionClass

    flow = parse_flow(text)
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
            typer.echo(_row(outcome, [case[n] for n in names]))
        else:
            title = _numbers_put_in(flow, case)
            typer.echo("\n".join(_page(title, concrete, known, outcome, simulated, given_energy=V is not None)))
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
    Exit code
    0: proved; 1: not a proof; 2: not readable.
    """
    from odeflow.checker import main

    raise typer.Exit(main([str(file) for file in files]))


def outcome_object(
    flow: FlowSpec,
    function_class: FunctionClass,
    outcome: RateOutcome,
    parameters: Mapping[str, Fraction],
    simulated: SimulatedRate | None = None,
) -> dict[str, Any]:
    """Return an outcome as one JSON object."""
    certificate = outcome.certificate
    data = None if certificate is None else json.loads(certificate.to_json())
    unproved = outcome.unproved_above
    return {
        "flow": str(flow),
        "parameters": {name: str(value) for name, value in parameters.items()},
        "verdict": outcome.verdict.value,
        "kind": outcome.kind.value,
        "quantity": f"f({flow.point_text()}) - f*",
        "rate": None if outcome.rate is None else str(outcome.rate),
        "rate_float": None if outcome.rate is None else float(outcome.rate),
        "unproved_above": None if unproved is None else float(unproved),
        "rate_on_quadratics": None if outcome.quadratic_rate is None else [float(x) for x in outcome.quadratic_rate],
        "simulated": None
        if simulated is None
        else {"member": simulated.member, "exponent": simulated.fit.exponent, "interval": list(simulated.fit.interval)},
        "valid_from": None if certificate is None else str(certificate.valid_from),
        "function_class": function_class.statement(),
        "energy": None if data is None else data["energy"],
        "multipliers": None if data is None else data.get("multipliers"),
        "certificate": data,
        "witness": None if outcome.witness is None else outcome.witness.sentence(),
        "reason": outcome.reason or None,
        "seconds": round(outcome.seconds, 4),
    }


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

    name, sign, ends = span.partition("=")
    low, colon, high = ends.partition(":")
    if not sign or not colon:
        raise InvalidArgumentError(f"Expected NAME=FROM:TO but got {span!r}. Write b=1/2:2 or r=3:oo.")
    name = name.strip()
    begin = time.perf_counter()
    found, reason = find_family(
        flow, known, name, parse_rational(low), None if high.strip() == "oo" else parse_rational(high)
    )
    seconds = time.perf_counter() - begin
    interval = f"{name} in [{low}, {'oo)' if high.strip() == 'oo' else high + ']'}"
    table: dict[str, Any] = {"flow": str(flow), "interval": interval, "function_class": known.statement()}
    table["verdict"] = "UNDECIDED" if found is None else "PROVED"
    if found is not None:
        table |= {
            "kind": found.kind.value,
            "rate": _in_parameter(found.rate, name),
            "energy": [[_in_parameter(p, name) for p in row] for row in found.energy_matrix],
            "floor": _in_parameter(found.floor, name),
            "multipliers": {
                key: {n: _in_parameter(p, name) for n, p in fitted.items()}
                for key, fitted in (("decay", found.decay), ("positivity", found.positivity))
            },
        }
    table |= {"reason": reason or None, "seconds": round(seconds, 4)}
    if json_wanted:
        typer.echo(json.dumps(table))
        return PROVED if found is not None else UNDECIDED
    lines = [f"{flow}   for all {interval}", known.statement(), ""]
    if found is None:
        lines.append(f"UNDECIDED   {reason}")
    else:
        power = found.kind.value == "power"
        k = flow.order
        scale = ["" if not power or j == 0 else "t " if j == 1 else f"t^{j} " for j in range(k)]
        names = [scale[j] + "x" + "'" * j for j in range(k)] + ["grad f"]
        weight = flow.at({name: found.low}).log_time_weight() if power else None
        terms = ["(f - f*)" if weight is None else f"t^{weight} (f - f*)"]
        for i in range(k + 1):
            for j in range(i, k + 1):
                if found.energy_matrix[i][j]:
                    c = _in_parameter([x * (1 if i == j else 2) for x in found.energy_matrix[i][j]], name)
                    terms.append(f"({c}) " + (f"|{names[i]}|^2" if i == j else f"<{names[i]}, {names[j]}>"))
        rate = _in_parameter(found.rate, name)
        lines.append(f"PROVED   f - f* <= C {f't^(-({rate}))' if power else f'e^(-({rate}) t)'}")
        lines.append(f"  V            {' + '.join(terms)} >= ({_in_parameter(found.floor, name)}) {terms[0]}")
        used = ", ".join(f"({_in_parameter(p, name)}) [{n}]" for n, p in found.decay.items())
        lines.append(f"  multipliers  {used}")
        lines.append("  method       entries are polynomials in the parameter; signs on the interval by isolated roots")
    lines.append(f"  time         {seconds:.2f} s")
    typer.echo("\n".join(lines))
    return PROVED if found is not None else UNDECIDED


def _in_parameter(coefficients: Sequence[Fraction], name: str) -> str:
    return _signed([(c, f"{name}^{i}" if i > 1 else name if i else "") for i, c in enumerate(coefficients)])


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


# --- text -----------------------------------------------------------------------------------------------------------


def _row(outcome: RateOutcome, values: Sequence[Fraction]) -> str:
    rate = "-" if outcome.rate is None else str(outcome.rate)
    decimal = "-" if outcome.rate is None else f"{float(outcome.rate):.6f}"
    quadratics = "-" if outcome.quadratic_rate is None else f"{float(outcome.quadratic_rate[0]):.6f}"
    cells = [
        *(f"{v!s:>8}" for v in values),
        f"{rate:>12}",
        f"{decimal:<10}",
        f"{quadratics:<10}",
        outcome.verdict.value,
    ]
    return "  ".join(cells)


def _page(
    title: str,
    flow: ConcreteFlow,
    known: FunctionClass,
    outcome: RateOutcome,
    simulated: SimulatedRate | None,
    *,
    given_energy: bool,
) -> list[str]:
    from odeflow.flows import Kind

    power = outcome.kind is Kind.POWER
    lines = [title, known.statement(), ""]
    rate = outcome.rate
    shape = "" if rate is None else f"t^(-{rate})" if power else f"e^(-{rate} t)"
    what = "f - f*" if len(flow.point) == 1 else "f(y) - f*, y the gradient's point,"
    said = f"{what} <= C {shape}" if rate is not None else outcome.reason
    if given_energy and outcome.certificate is None and rate is not None:
        # what fails is this V as a proof of the rate; the rate itself may well hold
        said = f"that this V proves {said}; nothing is said of the rate itself"
    lines.append(f"{outcome.verdict.value}   {said}")
    certificate = outcome.certificate
    if rate is not None and certificate is not None:
        since = (
            f"t >= {certificate.valid_from}" if certificate.valid_from > 0 or not power else "t >= t0, for any t0 > 0"
        )
        decimal = "" if rate.denominator == 1 else f" = {float(rate):.7g}"
        lines.append(f"  rate         {rate}{decimal}, valid for {since}")
        lines += _proof_lines(certificate, power=power)
    if outcome.witness is not None:
        lines.append(f"  witness      {outcome.witness.sentence()}")
    if outcome.reason and rate is not None:
        lines.append(f"  reason       {outcome.reason}")
    if outcome.unproved_above is not None:
        lines.append(f"  above        the search proved nothing at {float(outcome.unproved_above):.7g} and beyond")
    if outcome.quadratic_rate is not None:
        low, high = outcome.quadratic_rate
        true = f"{low}" if low == high else f"in [{float(low):.7g}, {float(high):.7g}]"
        lines.append(f"  quadratics   the supremum of the rates that hold for all quadratics of the class is {true}")
    if simulated is not None:
        first, last = simulated.fit.interval
        count = f"the slowest of {simulated.members} members" if simulated.members > 1 else "one member"
        measured = f"{simulated.fit.exponent:.4g} in [{first:.4g}, {last:.4g}]"
        lines.append(f"  simulated    exponent {measured} on {simulated.member}, {count}")
    lines.append(f"  time         {outcome.seconds:.2f} s")
    return lines


def _proof_lines(certificate: Any, *, power: bool) -> list[str]:
    from odeflow.symbolic.rate_certificates import ModalCertificate

    k = certificate.flow.order
    weight = certificate.flow.log_time_weight() if power else None
    if isinstance(certificate, ModalCertificate):
        names = ["x" + "'" * j for j in range(k)]
        terms = [
            (_polynomial_text([c * (1 if i == j else 2) for c in certificate.modes[i][j]]), names[i], names[j])
            for i in range(k)
            for j in range(i, k)
        ]
        shown = " + ".join(f"{c} {a}^2" if a == b else f"{c} {a} {b}" for c, a, b in terms if c != "(0)")
        return [
            f"  V            {shown}   on the eigenmode lam",
            f"  proof        V > 0 and V' + {certificate.rate} V <= 0",
        ]
    scale = ["" if not power or j == 0 else "t " if j == 1 else f"t^{j} " for j in range(k)]
    gap = "(f - f*)" if weight is None else f"t^{weight} (f - f*)"
    names = [scale[j] + "x" + "'" * j for j in range(k)] + ["grad f" if weight is None else f"t^{weight} grad f"]
    parts = [(certificate.energy_f, gap)]
    for i in range(k + 1):
        for j in range(i, k + 1):
            c = certificate.energy_matrix[i][j] * (1 if i == j else 2)
            parts.append((c, f"|{names[i]}|^2" if i == j else f"<{names[i]}, {names[j]}>"))
    shift = certificate.rate - (weight or 0)
    derivative = "dV/d(ln t)" if power else "V'"
    times = "" if weight is None else f"t^{weight} "
    decay = [(Fraction(1), derivative), (shift, "V"), *((c, f"{times}[{n}]") for n, c in certificate.decay.items())]
    below = [(certificate.floor, gap), *((c, f"{times}[{n}]") for n, c in certificate.positivity.items())]
    lines = [
        f"  V            {_signed(parts)}",
        f"  proof        {_signed(decay)} <= 0",
        f"               V >= {_signed(below)}",
    ]
    used = {n for table in (certificate.decay, certificate.positivity) for n, c in table.items() if c}
    for inequality in certificate.function_class.inequalities():
        if inequality.name in used:
            lines.append(f"  [{inequality.name}]".ljust(15) + f"{_inequality_text(inequality)} >= 0")
    return lines


_VECTORS = {"y": "y", "g": "grad f(y)", "d": "y'", "h": "hess f(y) y'"}


def _inequality_text(inequality: Any) -> str:
    """Return an inequality in ordinary time, for y measured from the minimiser."""
    parts = [(inequality.f_coefficient, "(f(y) - f*)")]
    for (a, b), c in inequality.products:
        parts.append((c, f"|{_VECTORS[a]}|^2" if a == b else f"<{_VECTORS[a]}, {_VECTORS[b]}>"))
    return _signed(parts)


def _signed(parts: Sequence[tuple[Fraction, str]]) -> str:
    text = ""
    for c, word in parts:
        if c == 0:
            continue
        body = word if abs(c) == 1 and word else f"{abs(c)} {word}".rstrip()
        text += f" {'-' if c < 0 else '+'} {body}" if text else f"{'-' if c < 0 else ''}{body}"
    return text or "0"


def _polynomial_text(coefficients: Sequence[Fraction]) -> str:
    text = _signed([(c, f"lam^{i}" if i > 1 else "lam" if i else "") for i, c in enumerate(coefficients)])
    return f"({text})".replace(" )", ")").replace("  ", " ")
