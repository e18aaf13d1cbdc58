"""What is known of a rate, in words and as one JSON object: `odeflow rate` prints what these functions return."""

from __future__ import annotations

import dataclasses
import json
import textwrap
from collections.abc import Mapping, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, localcontext
from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from odeflow.flows import ConcreteFlow, FlowSpec
    from odeflow.function_classes import FunctionClass
    from odeflow.rate_simulation import SimulatedRate
    from odeflow.search import RateOutcome
    from odeflow.symbolic.rate_families import RateFamily

__all__ = ["family_object", "family_page", "fitted", "outcome_object", "page", "row"]

LABEL = 15
"""Columns of a label and the blanks before and after it; what does not fit a line goes on under what it labels."""


def outcome_object(
    flow: FlowSpec,
    function_class: FunctionClass,
    outcome: RateOutcome,
    parameters: Mapping[str, Fraction],
    simulated: SimulatedRate | None = None,
) -> dict[str, Any]:
    """Return an outcome as one JSON object: the same keys whatever the verdict, null where there is nothing to say.

    `witness` is a sentence to be checked by hand, `witness_data` its rationals; `certificate` is the file's content.
    """
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
        "witness_data": None if outcome.witness is None else _plain(dataclasses.asdict(outcome.witness)),
        "reason": outcome.reason or None,
        "seconds": round(outcome.seconds, 4),
    }


def family_object(
    flow: FlowSpec, function_class: FunctionClass, interval: str, found: RateFamily | None, reason: str, seconds: float
) -> dict[str, Any]:
    """Return one formula for an interval of a parameter as one JSON object with the keys of `outcome_object`.

    Polynomials in the parameter are text; `certificate` is the file at the interval's lower end, for the checker
    decides one value at a time.
    """
    table: dict[str, Any] = {
        "flow": str(flow), "interval": interval, "function_class": function_class.statement(), "verdict": "UNDECIDED",
        "kind": None, "rate": None, "rate_float": None, "valid_from": None, "energy": None, "floor": None,
        "multipliers": None, "certificate": None,
    }  # fmt: skip
    if found is not None:
        name = found.parameter
        table |= {
            "verdict": "PROVED",
            "kind": found.kind.value,
            "rate": _in_parameter(found.rate, name),
            "rate_float": float(found.rate[0]) if len(found.rate) == 1 else None,
            "valid_from": str(found.valid_from),
            "energy": [[_in_parameter(p, name) for p in row] for row in found.energy_matrix],
            "floor": _in_parameter(found.floor, name),
            "multipliers": {
                key: {n: _in_parameter(p, name) for n, p in fitted.items()}
                for key, fitted in (("decay", found.decay), ("positivity", found.positivity))
            },
            "certificate": json.loads(found.at(found.low).to_json()),
        }
    return table | {"witness": None, "reason": reason or None, "seconds": round(seconds, 4)}


def family_page(
    flow: FlowSpec, function_class: FunctionClass, interval: str, found: RateFamily | None, reason: str, seconds: float
) -> list[str]:
    """Return one formula for an interval of a parameter as lines for people."""
    lines = [f"{flow}   for all {interval}", function_class.statement(), ""]
    if found is None:
        lines.append(f"UNDECIDED   {reason}")
    else:
        name = found.parameter
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
        if found.valid_from > 0:
            lines.append(f"  valid        for t >= {found.valid_from}")
        lines.append(f"  V            {' + '.join(terms)} >= ({_in_parameter(found.floor, name)}) {terms[0]}")
        used = ", ".join(f"({_in_parameter(p, name)}) [{n}]" for n, p in found.decay.items())
        lines.append(f"  multipliers  {used}")
        lines.append("  method       entries are polynomials in the parameter; signs on the interval by isolated roots")
    lines.append(f"  time         {seconds:.2f} s")
    return lines


def fitted(lines: Sequence[str], width: int | None) -> list[str]:
    """Return lines broken between words where they are wider than `width`; None breaks nothing.

    Examples
    --------
    >>> fitted(["  V            (f - f*) + 4/9 |x|^2 + 4/3 <x, x'>"], 34)
    ['  V            (f - f*) + 4/9', "               |x|^2 + 4/3 <x, x'>"]
    """
    if width is None:
        return list(lines)
    broken = []
    for line in lines:
        labelled = line.startswith("  ")
        wrapper = textwrap.TextWrapper(
            max(width, 2 * LABEL),
            subsequent_indent=" " * (LABEL if labelled else 2),
            break_long_words=False,
            break_on_hyphens=False,
        )
        broken += wrapper.wrap(line) or [line]
    return broken


def row(outcome: RateOutcome, values: Sequence[Fraction]) -> str:
    """Return one line of the table that a grid prints: the parameters' values, the rate, the verdict."""
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


def page(
    title: str,
    flow: ConcreteFlow,
    known: FunctionClass,
    outcome: RateOutcome,
    simulated: SimulatedRate | None,
    *,
    given_energy: bool,
) -> list[str]:
    """Return an outcome as lines for people: V, the proof, the hypotheses, what is known beside it.

    Parameters
    ----------
    title : the flow with its numbers
    simulated : the slowest member that was simulated, if any
    given_energy : whether the verdict is on an energy that the user gave, and not on the rate
    """
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
        true = f"{low}" if low == high else f"in [{_rounded(low, up=False)}, {_rounded(high, up=True)}]"
        lines.append(f"  quadratics   the supremum of the rates that hold for all quadratics of the class is {true}")
    if simulated is not None:
        first, last = simulated.fit.interval
        count = f"the slowest of {simulated.members} members" if simulated.members > 1 else "one member"
        measured = f"{simulated.fit.exponent:.4g} in [{first:.4g}, {last:.4g}]"
        lines.append(f"  simulated    exponent {measured} on {simulated.member}, {count}")
    lines.append(f"  time         {outcome.seconds:.2f} s")
    return lines


def _rounded(value: Fraction, *, up: bool) -> str:
    """Write seven digits of an end of an enclosure, rounded outward."""
    with localcontext(prec=7, rounding=ROUND_CEILING if up else ROUND_FLOOR):
        digits = (Decimal(value.numerator) / Decimal(value.denominator)).normalize()
    return f"{digits:f}" if value == 0 or Fraction(1, 10**4) <= abs(value) < 10**7 else f"{digits:e}"


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


def _in_parameter(coefficients: Sequence[Fraction], name: str) -> str:
    return _signed([(c, f"{name}^{i}" if i > 1 else name if i else "") for i, c in enumerate(coefficients)])


def _plain(value: Any) -> Any:
    """Return dataclass fields as JSON: rationals as text, tuples as lists."""
    if isinstance(value, dict):
        return {key: _plain(x) for key, x in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(x) for x in value]
    return str(value) if isinstance(value, Fraction) else value


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
