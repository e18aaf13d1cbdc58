"""How many false claims does each tool accept? Energies that are almost proofs, and PEPit's four examples side by side.

Run `python tests/benchmarks/false_claims.py --peer PYTHON > tests/benchmarks/false_claims.md`, where PYTHON is an
interpreter that has PEPit (by default this one; without PEPit its columns say so).

Each claim is: along the flow V' + rate V <= 0 for every f of the class. A false one is a true one pushed a little
beyond the truth, by eps. It is false by an exact witness (a function and a state, all rational) that is checked anew.
The tools: our solver in floating point (what the search proposes), our exact search, our stand-alone checker on
certificates forged for the claim, and PEPit through its own formulation (V = 1 for exponential rates, no normalisation
for powers of t, at t = 1, as in its examples). PEPit accepts if the bound that it returns is <= 0 as printed to six
decimals, that is below 5e-7; its strict column asks for <= 0.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

__all__ = ["EPSILONS", "FAMILIES", "Claim", "Family", "by_hand", "claims", "forged", "in_floating_point", "judged"]

EPSILONS = tuple(Fraction(1, 10**n) for n in (2, 4, 6, 8, 10))
SHOWN = 5e-7
"""Below this PEPit's examples print a bound as 0.000000."""
ACCEPTED_MARGIN = -1e-7
"""A smallest eigenvalue above this is within the tolerance of semidefinite solvers (the program has trace 1)."""


@dataclass(frozen=True)
class Family:
    """A true claim and how it is pushed beyond the truth; {e} is eps, {r} is 3 - eps, {o} is 1 + eps, {d} is 2 + eps.

    Attributes
    ----------
    flow, function_class, mu, energy : in the text forms of `odeflow rate`
    rate : the rate that holds at eps = 0
    raised : whether the claim is rate (1 + eps)
    """

    name: str
    flow: str
    function_class: str
    mu: int
    energy: str
    rate: Fraction
    raised: bool = False


FAMILIES = (
    Family("gradient flow: V = f - f* at rate 2 (1 + eps)", "x' + grad(x)", "strongly-convex", 1, "f",
           Fraction(2), raised=True),
    Family("gradient flow: V = (1 + eps) t (f - f*) + |x|^2/2", "x' + grad(x)", "convex", 0,
           "{o}*t*f + 1/2*norm(x)^2", Fraction(1)),
    Family("heavy ball: V = f - f* + |x + x'|^2/2 at rate 1 + eps", "x'' + 2*x' + grad(x)", "strongly-convex", 1,
           "f + 1/2*norm(x + v)^2", Fraction(1), raised=True),
    Family("heavy ball: the V of rate 4/3 at 4/3 (1 + eps)", "x'' + 2*x' + grad(x)", "strongly-convex", 1,
           "f + 4/9*norm(x)^2 + 4/3*inner(x, v) + 1/2*norm(v)^2", Fraction(4, 3), raised=True),
    Family("Nesterov's flow at damping (3 - eps)/t: V of power 2", "x'' + {r}/t*x' + grad(x)", "convex", 0,
           "t^2*f + 1/2*norm(2*x + t*v)^2", Fraction(2)),
    Family("Nesterov's flow: V = t^2 (f - f*) + |(2 + eps) x + t x'|^2/2", "x'' + 3/t*x' + grad(x)", "convex", 0,
           "t^2*f + 1/2*norm({d}*x + t*v)^2", Fraction(2)),
    Family("Nesterov's flow: the V of power 2 at 2 (1 + eps)", "x'' + 3/t*x' + grad(x)", "convex", 0,
           "t^2*f + 1/2*norm(2*x + t*v)^2", Fraction(2), raised=True),
    Family("cubic acceleration: the V of power 3 at 3 (1 + eps)", "x'' + 4/t*x' + 9*t*grad(x)", "convex", 0,
           "t^3*f + 1/2*norm(x + 1/3*t*v)^2", Fraction(3), raised=True),
)  # fmt: skip

EXAMPLES = (
    ("gradient flow, strongly convex", "wc_gradient_flow_strongly_convex", {"mu": 1.0}, 0),
    ("gradient flow, convex", "wc_gradient_flow_convex", {"t": 1.0}, 1),
    ("accelerated, strongly convex", "wc_accelerated_gradient_flow_strongly_convex", {"mu": 1.0}, 2),
    ("accelerated, convex", "wc_accelerated_gradient_flow_convex", {"t": 1.0}, 4),
)
"""PEPit's continuous-time examples, and the family whose claim at eps = 0 is theirs."""


@dataclass(frozen=True)
class Claim:
    """A claim in numbers: the parsed flow and class, V's coefficients in the flow's own time, the rate."""

    family: Family
    epsilon: Fraction
    flow: Any
    known: Any
    kind: Any
    energy_f: Fraction
    energy_matrix: list[list[Fraction]]
    rate: Fraction


def claims(epsilons: Sequence[Fraction] = EPSILONS) -> list[Claim]:
    """Return every family at every eps; eps = 0 is the truth."""
    from odeflow.flow_text import parse_energy, parse_flow
    from odeflow.function_classes import ClassName, FunctionClass
    from odeflow.search import natural_kind

    found = []
    for family in FAMILIES:
        for e in epsilons:
            words = {"e": e, "r": 3 - e, "o": 1 + e, "d": 2 + e}
            spec = parse_flow(family.flow.format(**words))
            flow, known = spec.at(), FunctionClass(ClassName(family.function_class), Fraction(family.mu))
            energy = parse_energy(family.energy.format(**words), spec)
            # in log-time V's terms are those of t^w f, x and t x': the power of t is in the states
            matrix = [[sum((c for _, c in x.at({})), Fraction(0)) for x in row] for row in energy.matrix]
            f = sum((c for _, c in energy.f.at({})), Fraction(0))
            rate = family.rate * (1 + e) if family.raised else family.rate
            found.append(Claim(family, e, flow, known, natural_kind(flow, known), f, matrix, rate))
    return found


def forged(claim: Claim) -> list[str]:
    """Return certificate files for a claim, with multipliers that make the coefficient of f - f* vanish."""
    from odeflow.symbolic.rate_certificates import RateCertificate

    share = claim.energy_f * claim.rate
    files = []
    for floor in (claim.energy_f, claim.energy_f / 2, claim.energy_f / 60):
        for value in (Fraction(0), share / 10, claim.epsilon):
            certificate = RateCertificate(
                claim.flow, claim.known, claim.kind, claim.rate, Fraction(0), claim.energy_f,
                tuple(map(tuple, claim.energy_matrix)), floor,
                {"tangent": share + value, "value": value}, {"value": claim.energy_f - floor},
            )  # fmt: skip
            files.append(certificate.to_json())
    return files


def by_hand(claim: Claim) -> Any:
    """Return a witness where floating point cannot: f with f(1) = g - g^2/2, f'(1) = g = eps/3 and L = 1 at x = 1.

    Along gradient flow d/dt((1 + eps) t F + |x|^2/2) = (1 + eps) (F - g^2) - g there, eps^2 (1 - eps)/6 to the sign.
    """
    from odeflow.energy_witnesses import EnergyWitness

    if claim.family is not FAMILIES[1] or claim.epsilon == 0:
        return None
    g = claim.epsilon / 3
    gap = g - g * g / 2
    excess = claim.energy_f * (gap - g * g) - g
    return EnergyWitness(claim.rate, ((Fraction(1),), (g,)), gap, Fraction(1), excess, Fraction(1))


def in_floating_point(claim: Claim) -> float:
    """Return the smallest eigenvalue of both forms that the solver reaches for this V and rate."""
    from odeflow.program_faces import Face
    from odeflow.semidefinite import RateProgram

    program = RateProgram.build(claim.flow, claim.known, claim.kind, Fraction(0), with_gradient=False)
    face = Face.structural(program.restricted_to(claim.energy_f, claim.energy_matrix), claim.rate)
    return -1.0 if face is None else face.solve()[1]


# --- PEPit, in an interpreter of its own ----------------------------------------------------------------------------


def plain(claim: Claim) -> dict[str, Any]:
    """Return a claim in floats: what the peer gets."""
    flow = claim.flow
    constants = [float(sum(c for _, c in powers)) for powers in (*flow.damping, flow.gradient)]
    return {
        "order": flow.order, "damping": constants[:-1], "gradient": constants[-1], "power": claim.kind.value == "power",
        "weight": float(flow.log_time_weight() or 0) if claim.kind.value == "power" else 0.0, "mu": claim.family.mu,
        "a": float(claim.energy_f), "P": [[float(x) for x in row] for row in claim.energy_matrix],
        "rate": float(claim.rate),
    }  # fmt: skip


def peer_bound(problem: dict[str, Any]) -> tuple[float, str]:
    """Return PEPit's bound of V' + rate V at t = 1; infinite or not a number if its solver finds none."""
    from PEPit import PEP
    from PEPit.functions import ConvexFunction, StronglyConvexFunction

    pep = PEP()
    if problem["mu"]:
        f = pep.declare_function(StronglyConvexFunction, mu=float(problem["mu"]))
    else:
        f = pep.declare_function(ConvexFunction)
    x_star = f.stationary_point()
    x0 = pep.set_initial_point()
    g, value = f.oracle(x0)
    x, F, w, P = x0 - x_star, value - f(x_star), problem["weight"], problem["P"]
    states = [x]
    if problem["order"] == 1:
        slopes = [-problem["gradient"] * g]
        velocity = slopes[0]
    else:
        velocity = pep.set_initial_point()
        states.append(velocity)
        acceleration = -problem["damping"][0] * velocity - problem["gradient"] * g
        # at t = 1 the state t x' changes by x' + x''
        slopes = [velocity, velocity + acceleration if problem["power"] else acceleration]
    n = len(states)
    V = problem["a"] * F
    change = problem["a"] * (w * F + g * velocity)
    for i in range(n):
        for j in range(n):
            if P[i][j]:
                V = V + P[i][j] * (states[i] * states[j])
                change = change + 2 * P[i][j] * (states[i] * slopes[j])
    if not problem["power"]:
        pep.set_initial_condition(V == 1)
    pep.set_performance_metric(change + (problem["rate"] - w) * V)
    try:
        bound = pep.solve(wrapper="cvxpy", solver=problem.get("solver"), verbose=0)
    except Exception as error:  # an unbounded problem ends in many ways; none of them is an acceptance
        return float("inf"), type(error).__name__
    return (float("nan") if bound is None else float(bound)), ""


def peer() -> None:
    """Answer problems, one JSON line each, on standard output; time PEPit's own examples."""
    import contextlib
    import io
    import warnings

    warnings.simplefilter("ignore")
    for line in sys.stdin:
        problem = json.loads(line)
        begin = time.perf_counter()
        with contextlib.redirect_stdout(io.StringIO()):
            if "example" in problem:
                from PEPit.examples import continuous_time_models as models

                bound, error = getattr(models, problem["example"])(**problem["arguments"], verbose=-1)[0], ""
            else:
                bound, error = peer_bound(problem)
        print(json.dumps({"bound": bound, "error": error, "ms": 1000 * (time.perf_counter() - begin)}), flush=True)


def ask(python: str, problems: Sequence[dict[str, Any]]) -> list[dict[str, Any]] | None:
    """Return the peer's answers, or None if that interpreter has no PEPit."""
    here = str(Path(__file__).resolve())
    if subprocess.run([python, "-c", "import PEPit"], capture_output=True, check=False).returncode:
        return None
    text = "".join(json.dumps(p) + "\n" for p in problems)
    run = subprocess.run([python, here, "--answer"], input=text, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]


# --- the tables -----------------------------------------------------------------------------------------------------


def judged(claim: Claim) -> dict[str, Any]:
    """Return what our three routes say of a claim."""
    from odeflow.checker import Rejected, Unreadable, verify_text
    from odeflow.search import decide_energy

    begin = time.perf_counter()
    outcome = decide_energy(
        claim.flow, claim.known, claim.rate, energy_f=claim.energy_f, energy_matrix=claim.energy_matrix, kind=claim.kind
    )
    seconds = time.perf_counter() - begin
    files = forged(claim)
    if outcome.certificate is not None:
        files.append(outcome.certificate.to_json())
    accepted = 0
    for file in files:
        try:
            verify_text(file)
        except (Rejected, Unreadable):
            continue
        accepted += 1
    witness = outcome.witness or by_hand(claim)
    sure = witness is not None and witness.check(  # type: ignore[call-arg, arg-type]
        claim.flow, claim.known, claim.kind, claim.energy_f, claim.energy_matrix
    )
    return {"verdict": outcome.verdict.value, "seconds": seconds, "accepted": accepted, "files": len(files),
            "witness": sure, "margin": in_floating_point(claim)}  # fmt: skip


def tables(python: str) -> str:
    """Judge everything and return the tables in Markdown."""
    false, true = claims(), claims([Fraction(0)])
    ours, truths = [judged(c) for c in false], [judged(c) for c in true]
    solvers = ("CLARABEL", "SCS")
    problems = [{**plain(c), "solver": s} for c in (*false, *true) for s in solvers]
    problems += [{"example": name, "arguments": arguments} for _, name, arguments, _ in EXAMPLES for _ in range(3)]
    answers = ask(python, problems)
    sizes = ", ".join(f"1e-{len(str(e.denominator)) - 1}" for e in EPSILONS)
    lines = [
        "# False claims, and PEPit's continuous-time examples",
        "",
        "Generated by `python tests/benchmarks/false_claims.py`. A claim is `V' + rate V <= 0` for every f of a class,",
        f"at eps = {sizes} beyond the truth. `witness`: how many are false by a function and a",
        "state in rationals that are checked anew (found by the search, but one at 1e-10 that is by hand). The other",
        "columns count who accepts: our solver in floating point within its tolerance (smallest eigenvalue above",
        f"{ACCEPTED_MARGIN:g}), our search (PROVED), our checker (any of 9 forged certificates), and PEPit where its",
        "bound prints as <= 0.000000 (in brackets: bound <= 0 exactly), with two solvers.",
        "",
        "| false claim | n | witness | our floats | our search | our checker | PEPit, Clarabel | PEPit, SCS |",
        "|---|---|---|---|---|---|---|---|",
    ]
    groups = [(f.name, [i for i, c in enumerate(false) if c.family is f]) for f in FAMILIES]
    groups.append(("**all**", list(range(len(false)))))
    for name, members in groups:
        mine = [ours[i] for i in members]
        cells = [name.replace("|", "\\|"), *_own_counts(mine)]
        for k in range(len(solvers)):
            cells.append(_counts(answers, [2 * i + k for i in members]))
        lines.append("| " + " | ".join(cells) + " |")
    cells = [f"the {len(true)} true claims, eps = 0", *_own_counts(truths)]
    cells += [_counts(answers, [2 * (len(false) + i) + k for i in range(len(true))]) for k in range(len(solvers))]
    lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "| PEPit's example | its ms | its bound | exact | our ms | our verdict | exact |",
              "|---|---|---|---|---|---|---|"]  # fmt: skip
    for n, (name, _, _, index) in enumerate(EXAMPLES):
        theirs = "not installed | - | -"
        if answers is not None:
            runs = answers[2 * (len(false) + len(true)) + 3 * n :][:3]
            theirs = f"{min(r['ms'] for r in runs):.0f} | {runs[0]['bound']:.10g} | no"
        claim, mine_ = true[index], truths[index]
        again = min(judged(claim)["seconds"] for _ in range(3))
        shape = "t^-" if claim.kind.value == "power" else "rate "
        lines.append(f"| {name} | {theirs} | {1000 * again:.0f} | {mine_['verdict']} {shape}{claim.rate} | yes |")
    lines += ["", f"PEPit: {'not installed' if answers is None else 'as installed from the package index'}."]
    return "\n".join(lines) + "\n"


def _own_counts(results: Sequence[dict[str, Any]]) -> list[str]:
    """Return how many there are, have a witness, pass in floats, are proved, are accepted by the checker."""
    tests = (
        len(results),
        sum(o["witness"] for o in results),
        sum(o["margin"] > ACCEPTED_MARGIN for o in results),
        sum(o["verdict"] == "PROVED" for o in results),
        sum(o["accepted"] > 0 for o in results),
    )
    return [str(n) for n in tests]


def _counts(answers: list[dict[str, Any]] | None, indices: Sequence[int]) -> str:
    if answers is None:
        return "not installed"
    bounds = [answers[i]["bound"] for i in indices]
    return f"{sum(b < SHOWN for b in bounds)} ({sum(b <= 0 for b in bounds)})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", default=sys.executable, help="an interpreter that has PEPit")
    parser.add_argument("--answer", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.answer:
        peer()
    else:
        sys.stdout.write(tables(arguments.peer))


if __name__ == "__main__":
    main()
