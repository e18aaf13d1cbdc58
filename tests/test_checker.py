"""Zero false PROVED: the stand-alone checker against perturbed truths, damaged files and a second checker."""

from __future__ import annotations

import copy
import itertools
import json
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st
from sympy.polys.domains import QQ
from sympy.polys.matrices import DomainMatrix

import odeflow.checker as checker
from odeflow.checker import Rejected, Unreadable, verify, verify_text
from odeflow.flow_text import parse_flow
from odeflow.flows import Kind
from odeflow.function_classes import ClassName, FunctionClass
from odeflow.search import best_rate
from odeflow.symbolic.exact import is_positive_semidefinite
from odeflow.symbolic.mode_rates import find_modal_certificate

LONGEST_SECONDS = 1.0
"""Whatever the file, it is accepted or refused within this."""
USUAL_SECONDS = 0.01
"""A certificate of usual size is checked within this (the fastest of several runs)."""
Z3_MILLISECONDS = 2000
RAISES = [Fraction(1, 10**n) for n in range(3, 13)]

CASES: dict[str, tuple[str, ClassName, int, int | None]] = {
    "gradient flow, strongly convex": ("x' + grad(x)", ClassName.STRONGLY_CONVEX, 1, None),
    "gradient flow, convex": ("x' + grad(x)", ClassName.CONVEX, 0, None),
    "gradient flow, PL": ("x' + grad(x)", ClassName.PL, 1, None),
    "heavy ball": ("x'' + 2*x' + grad(x)", ClassName.STRONGLY_CONVEX, 1, None),
    "heavy ball, smooth": ("x'' + 2*x' + grad(x)", ClassName.STRONGLY_CONVEX, 1, 10),
    "heavy ball, PL": ("x'' + 2*x' + grad(x)", ClassName.PL, 1, 4),
    "Nesterov": ("x'' + 3/t*x' + grad(x)", ClassName.CONVEX, 0, None),
    "Nesterov, little damping": ("x'' + 2/t*x' + grad(x)", ClassName.CONVEX, 0, None),
    "Nesterov, strongly convex": ("x'' + 3/t*x' + grad(x)", ClassName.STRONGLY_CONVEX, 1, None),
    "Hessian damping": ("x'' + 2*x' + 1/2*hess*x' + grad(x)", ClassName.STRONGLY_CONVEX, 1, None),
    "quadratics, heavy ball": ("x'' + 2*x' + grad(x)", ClassName.QUADRATIC, 2, 9),
    "quadratics, third order": ("x''' + 3*x'' + 3*x' + grad(x)", ClassName.QUADRATIC, 1, 4),
}
TIGHT = ["gradient flow, strongly convex", "gradient flow, convex", "gradient flow, PL", "heavy ball", "Nesterov",
         "Nesterov, little damping", "Nesterov, strongly convex", "quadratics, heavy ball"]  # fmt: skip
"""Cases whose certified rate is the supremum of what holds for V of this form: no higher rate may pass."""


@pytest.fixture(scope="module")
def certificates() -> dict[str, dict[str, Any]]:
    pytest.importorskip("clarabel")
    found = {}
    for name, (text, kind, mu, smooth) in CASES.items():
        known = FunctionClass(kind, Fraction(mu), None if smooth is None else Fraction(smooth))
        outcome = best_rate(parse_flow(text).at(), known)
        assert outcome.certificate is not None, name
        found[name] = json.loads(outcome.certificate.to_json())
    return found


def accepted(data: Any) -> bool:
    try:
        verify(copy.deepcopy(data))
    except (Rejected, Unreadable):
        return False
    return True


def changed(data: dict[str, Any], path: tuple[Any, ...], change: Callable[[Fraction], Fraction]) -> dict[str, Any]:
    """Return a copy with the rational at `path` changed; the mirror entry of a symmetric matrix with it."""
    copied = copy.deepcopy(data)
    paths = {path}
    if path[0] == "energy" and path[1] in ("matrix", "modes"):
        paths.add((path[0], path[1], path[3], path[2], *path[4:]))
    for way in paths:
        place = copied
        for key in way[:-1]:
            place = place[key]
        place[way[-1]] = str(change(Fraction(place[way[-1]])))
    return copied


# --- the second checker: SymPy, mode-free and by another route -------------------------------------------------------


def derived_forms(data: dict[str, Any]) -> list[list[list[Any]]] | None:
    """Return the matrices over QQ that must be semidefinite, with V' by differentiating a polynomial, or None."""
    q = lambda text: sp.Rational(text)  # noqa: E731
    flow, cls, power = data["flow"], data["class"], data["kind"] == "power"
    k = flow["order"]
    z = sp.symbols(f"z:{k}")
    g, h, F = sp.symbols("g h F")
    mu, rate = q(cls["mu"]), q(data["rate"])
    weight = q(flow["gradient"][0][0]) + k if power else sp.Integer(0)
    one = lambda powers: sum((q(c) for _, c in powers), sp.Integer(0))  # noqa: E731
    top = -one(flow["gradient"]) * g - one(flow["hessian"]) * h
    for j, c in enumerate(flow["damping"], start=1):
        top -= one(c) * z[j]
    motion = {z[j]: (j * z[j] if power else 0) + (z[j + 1] if j < k - 1 else top) for j in range(k)}
    motion[g] = weight * g + h
    y = sum(one(c) * z[j] for j, c in enumerate(flow["point"]))
    d = sp.expand(sum(sp.diff(y, v) * motion[v] for v in z))
    motion[F] = weight * F + g * d
    m = mu * (q(data["valid_from"]) ** weight if power and mu > 0 else 1)
    L = None if cls["smooth"] is None or power else q(cls["smooth"])
    if cls["name"] == "pl":
        rows = {"value": F, "gradient_dominance": g**2 - 2 * mu * F}
        if L is not None:
            rows |= {"descent": 2 * L * F - g**2, "curvature": L**2 * d**2 - h**2}
    elif L is None:
        rows = {"value": F - m * y**2 / 2, "tangent": g * y - F - m * y**2 / 2, "curvature": h * d - m * d**2}
    else:
        gap = m * y**2 / 2 + (g - m * y) ** 2 / (2 * (L - m))
        rows = {"value": F - gap, "tangent": g * y - F - gap, "curvature": (h - m * d) * (L * d - h)}
    e = [*z, g]
    V = q(data["energy"]["f"]) * F + sum(
        q(data["energy"]["matrix"][i][j]) * e[i] * e[j] for i in range(k + 1) for j in range(k + 1)
    )
    derivative = sum(sp.diff(V, v) * motion[v] for v in (*e, F))
    tables = data["multipliers"]
    if any(q(x) < 0 for t in tables.values() for x in t.values()) or q(data["floor"]) <= 0 or rate <= 0:
        return None
    matrices = []
    decay = derivative + (rate - weight) * V + sum(q(x) * rows[n] for n, x in tables["decay"].items())
    rest = V - q(data["floor"]) * F - sum(q(x) * rows[n] for n, x in tables["positivity"].items())
    variables = [*z, g, h]
    for form in (-decay, rest):
        polynomial = sp.Poly(sp.expand(form), *variables, F, domain=QQ)
        if any(powers[-1] for powers in polynomial.monoms()):
            return None
        n = len(variables)
        entries = [[QQ(0)] * n for _ in range(n)]
        for powers, c in polynomial.terms():
            at = [i for i, p in enumerate(powers[:-1]) for _ in range(p)]
            if len(at) != 2:
                assert c == 0
                continue
            entries[at[0]][at[1]] += QQ(c.p, c.q) / 2
            entries[at[1]][at[0]] += QQ(c.p, c.q) / 2
        matrices.append(entries)
    return matrices


def sympy_accepts(data: dict[str, Any]) -> bool:
    """Decide a certificate: signs by a characteristic polynomial over QQ."""
    matrices = derived_forms(data)
    return matrices is not None and all(
        c * (-1) ** i >= 0
        for entries in matrices
        for i, c in enumerate(DomainMatrix(entries, (len(entries), len(entries)), QQ).charpoly())
    )


def z3_accepts(data: dict[str, Any]) -> bool | None:
    """Decide a certificate by asking z3 for a vector at which a form is negative; None if it does not know."""
    import z3

    matrices = derived_forms(data)
    if matrices is None:
        return False
    for entries in matrices:
        x = z3.Reals(" ".join(f"x{i}" for i in range(len(entries))))
        number = lambda c: z3.Q(int(c.numerator), int(c.denominator))  # noqa: E731
        terms = [number(c) * x[i] * x[j] for i, row in enumerate(entries) for j, c in enumerate(row) if c]
        solver = z3.SolverFor("QF_NRA")
        solver.set("timeout", Z3_MILLISECONDS)
        solver.add(sum(terms, z3.RealVal(0)) < 0)
        answer = solver.check()
        if answer == z3.sat:
            return False
        if answer != z3.unsat:
            return None
    return True


# --- second checkers for quadratics: all principal minors, signs on an interval by SymPy or z3 ------------------------


def mode_minors(data: dict[str, Any]) -> tuple[list[sp.Poly], sp.Poly] | None:
    """Return all principal minors of P and of -(V' + rate V), and det P, as polynomials in the eigenvalue."""
    lam = sp.Symbol("lam", real=True)
    flow = data["flow"]
    k = flow["order"]
    z = sp.symbols(f"z:{k + 1}")
    one = lambda powers: sum((sp.Rational(c) for _, c in powers), sp.Integer(0))  # noqa: E731
    y = lambda shift: sum(one(c) * z[j + shift] for j, c in enumerate(flow["point"]))  # noqa: E731
    ode = z[k] + sum(one(c) * z[j] for j, c in enumerate(flow["damping"], start=1))
    ode += lam * (one(flow["gradient"]) * y(0) + one(flow["hessian"]) * y(1))
    top = sp.solve(ode, z[k])[0]
    clear = sp.denom(sp.together(top))
    entries = data["energy"]["modes"]
    P = sp.Matrix(k, k, lambda i, j: sum(sp.Rational(c) * lam**n for n, c in enumerate(entries[i][j])))
    if P != P.T or sp.Rational(data["rate"]) <= 0:
        return None
    V = (sp.Matrix([z[:k]]) * P * sp.Matrix(z[:k]))[0]
    change = sum(sp.diff(V, z[j]) * (z[j + 1] if j < k - 1 else top) for j in range(k))
    S = sp.hessian(-sp.cancel(sp.expand((change + sp.Rational(data["rate"]) * V) * clear)), z[:k]) / 2
    rows = [c for n in range(1, k + 1) for c in itertools.combinations(range(k), n)]
    minors = [M.extract(list(c), list(c)).det(method="berkowitz") for M in (P, S) for c in rows]
    return [sp.Poly(sp.expand(m), lam) for m in minors], sp.Poly(sp.expand(P.det(method="berkowitz")), lam)


def sympy_accepts_modes(data: dict[str, Any]) -> bool:
    """Decide a certificate for quadratics: a minor is >= 0 iff no factor of odd order has a root inside."""
    found = mode_minors(data)
    if found is None:
        return False
    minors, determinant = found
    low = sp.Rational(data["class"]["mu"])
    high = None if data["class"]["smooth"] is None else sp.Rational(data["class"]["smooth"])

    def inside(p: sp.Poly) -> int:
        ends = [e for e in (low, high) if e is not None and p.eval(e) == 0]
        return int(p.count_roots(low, high)) - len(ends)

    for minor in minors:
        if minor.is_zero:
            continue
        if any(m % 2 and factor.degree() > 0 and inside(factor) for factor, m in minor.sqf_list()[1]):
            return False
        samples = (low + (n if high is None else (high - low) / n) for n in range(1, 99))
        values = (minor.eval(q) for q in samples)
        if next(v for v in values if v != 0) < 0:
            return False
    return not determinant.is_zero and (determinant.degree() == 0 or determinant.count_roots(low, high) == 0)


def z3_accepts_modes(data: dict[str, Any]) -> bool | None:
    """Decide a certificate for quadratics by asking z3 for an eigenvalue at which a minor is negative or det P is 0."""
    import z3

    found = mode_minors(data)
    if found is None:
        return False
    minors, determinant = found
    x = z3.Real("x")

    def value(p: sp.Poly) -> Any:
        total = z3.RealVal(0)
        for c in p.all_coeffs():
            total = total * x + z3.Q(int(c.p), int(c.q))
        return total

    solver = z3.SolverFor("QF_NRA")
    solver.set("timeout", Z3_MILLISECONDS)
    low, high = data["class"]["mu"], data["class"]["smooth"]
    solver.add(x >= z3.Q(*Fraction(low).as_integer_ratio()))
    if high is not None:
        solver.add(x <= z3.Q(*Fraction(high).as_integer_ratio()))
    solver.add(z3.Or(*(value(m) < 0 for m in minors), value(determinant) == 0))
    answer = solver.check()
    return None if answer == z3.unknown else bool(answer == z3.unsat)


def rational_paths(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all rationals of the energy, the multipliers, the floor and the rate."""
    if isinstance(data, dict):
        chosen = data if path else {k: data[k] for k in ("energy", "multipliers", "floor", "rate") if k in data}
        return [p for key, value in chosen.items() for p in rational_paths(value, (*path, key))]
    if isinstance(data, list):
        return [p for i, value in enumerate(data) for p in rational_paths(value, (*path, i))]
    return [path]


# --- truths, and truths pushed too far ------------------------------------------------------------------------------


def test_every_certificate_is_accepted_by_both_checkers(certificates: dict[str, dict[str, Any]]) -> None:
    for name, data in certificates.items():
        assert accepted(data), name
        assert (sympy_accepts_modes if "modes" in data["energy"] else sympy_accepts)(data), name


@pytest.mark.parametrize("name", TIGHT)
def test_a_rate_beyond_the_truth_is_rejected_however_little(name: str, certificates: dict[str, dict[str, Any]]) -> None:
    for excess in RAISES:
        raised = changed(certificates[name], ("rate",), lambda r, e=excess: r * (1 + e))
        assert not accepted(raised)
        # the liar also repairs the coefficient of f - f*: every multiplier in turn absorbs the difference
        for key in raised.get("multipliers", {}).get("decay", {}):
            a = Fraction(raised["energy"]["f"])
            gap = a * (Fraction(raised["rate"]) - Fraction(certificates[name]["rate"]))
            for factor in (1, -1, Fraction(1, 2 * Fraction(raised["class"]["mu"]) or 1)):
                path = ("multipliers", "decay", key)
                assert not accepted(changed(raised, path, lambda m, x=gap * factor: m + x))


@pytest.mark.parametrize("name", ["heavy ball", "Nesterov", "gradient flow, convex"])
def test_a_wrong_constant_of_the_energy_is_rejected_down_to_a_billionth(
    name: str, certificates: dict[str, dict[str, Any]]
) -> None:
    data = certificates[name]
    for path in rational_paths(data["energy"]):
        for excess in (Fraction(1, 10**3), Fraction(1, 10**9), Fraction(-1, 10**9)):
            for change in (lambda x, e=excess: x * (1 + e), lambda x, e=excess: x + e):
                wrong = changed(data, ("energy", *path), change)
                if wrong != data:
                    assert accepted(wrong) == sympy_accepts(wrong)
    # with these the statement itself is false: V of the convex flows is unique up to its factor
    for path in (("energy", "f"), ("energy", "matrix", 0, 0)):
        if name != "heavy ball" or path[-1] == "f":
            assert not accepted(changed(data, path, lambda x: x * (1 + Fraction(1, 10**9))))


def generated(pool: list[dict[str, Any]], rng: random.Random) -> dict[str, Any]:
    """Return a certificate with a few numbers changed, sometimes at a lower rate that a multiplier makes good."""
    data = copy.deepcopy(rng.choice(pool))
    paths = rational_paths(data)
    for _ in range(rng.choice([1, 1, 2, 3])):
        size = Fraction(rng.choice([1, -1]), 10 ** rng.randrange(12))
        path = rng.choice(paths)
        data = changed(data, path, rng.choice([lambda x, s=size: x + s, lambda x, s=size: x * (1 + s), lambda x: -x]))
    if rng.random() < 0.5:  # lower the rate and let a multiplier repair f - f*: many of these remain proofs
        drop = Fraction(data["rate"]) * Fraction(rng.randrange(5), 10)
        data["rate"] = str(Fraction(data["rate"]) - drop)
        for key, factor in (
            ("tangent", 1),
            ("gradient_dominance", 1 / (2 * Fraction(data["class"]["mu"] or 1) or 1)),
        ):
            if key in data.get("multipliers", {}).get("decay", {}):
                shift = drop * Fraction(data["energy"]["f"]) * factor
                data = changed(data, ("multipliers", "decay", key), lambda m, s=shift: m - s)
    return data


def test_the_two_checkers_agree_on_generated_certificates(certificates: dict[str, dict[str, Any]]) -> None:
    rng = random.Random(5)
    pool = [d for d in certificates.values() if "modes" not in d["energy"]]
    agreed = {True: 0, False: 0}
    for _ in range(600):
        data = generated(pool, rng)
        verdict = accepted(data)
        assert verdict == sympy_accepts(data), data
        agreed[verdict] += 1
    assert min(agreed.values()) > 30, agreed


@pytest.mark.parametrize("count", [60, pytest.param(2000, marks=pytest.mark.slow)])
def test_z3_agrees_on_generated_certificates(certificates: dict[str, dict[str, Any]], count: int) -> None:
    pytest.importorskip("z3")
    rng = random.Random(11)
    pool = [d for d in certificates.values() if "modes" not in d["energy"]]
    agreed: dict[bool | None, int] = {True: 0, False: 0, None: 0}
    for _ in range(count):
        data = generated(pool, rng)
        verdict, second = accepted(data), z3_accepts(data)
        assert second is None or verdict == second, data
        agreed[second if second is None else verdict] += 1
    assert agreed[None] < count / 20, agreed
    assert min(agreed[True], agreed[False]) > count / 20, agreed


def modal_certificate(text: str, mu: Fraction, smooth: Fraction | None, rate: Fraction) -> dict[str, Any] | None:
    """Return the file of a certificate for quadratics, if the Hermite energy is one."""
    known = FunctionClass(ClassName.QUADRATIC, mu, smooth)
    found = find_modal_certificate(parse_flow(text).at(), known, rate)
    return None if found is None else json.loads(found.to_json())


@pytest.fixture(scope="module")
def modal_pool() -> list[dict[str, Any]]:
    cases = [
        ("x' + grad(x)", "1", None, "2"), ("x' + 1/2*hess*x' + grad(x)", "1", "4", "1/2"),
        ("x'' + 2*x' + grad(x)", "2", "9", "2"), ("x'' + 2*x' + grad(x)", "1", None, "3/2"),
        ("x'' + 2*x' + 1/2*hess*x' + grad(x)", "1", "10", "9/10"), ("x'' + 5*x' + grad(x)", "3", "6", "1"),
        ("x'' + 2*x' + grad(x + 1/2*x')", "1", "5", "4/5"), ("x''' + 3*x'' + 3*x' + grad(x)", "1", "4", "1/2"),
        ("x''' + 4*x'' + 6*x' + grad(x)", "1", "3", "1/4"),
    ]  # fmt: skip
    pool = [modal_certificate(t, Fraction(a), None if b is None else Fraction(b), Fraction(r)) for t, a, b, r in cases]
    assert None not in pool
    return [d for d in pool if d is not None]


def generated_modes(pool: list[dict[str, Any]], rng: random.Random) -> dict[str, Any]:
    """Return a certificate for quadratics with its rate, its spectrum or an entry of V changed."""
    data = copy.deepcopy(rng.choice(pool))
    size = Fraction(rng.choice([1, -1]), 10 ** rng.randrange(12))
    choice = rng.random()
    if choice < 0.3:
        data = changed(data, ("rate",), lambda x: x * (1 + size))
    elif choice < 0.6:
        ends = ["mu"] if data["class"]["smooth"] is None else ["mu", "smooth"]
        data = changed(data, ("class", rng.choice(ends)), lambda x: x * (1 + size))
    else:
        data = changed(data, rng.choice(rational_paths(data["energy"], ("energy",))), lambda x: x + size)
    low, high = Fraction(data["class"]["mu"]), data["class"]["smooth"]
    if low <= 0 or (high is not None and Fraction(high) < low):
        return generated_modes(pool, rng)
    return data


@pytest.mark.parametrize("count", [60, pytest.param(2000, marks=pytest.mark.slow)])
def test_the_two_checkers_agree_on_generated_certificates_for_quadratics(
    modal_pool: list[dict[str, Any]], count: int
) -> None:
    rng = random.Random(13)
    agreed = {True: 0, False: 0}
    for _ in range(count):
        data = generated_modes(modal_pool, rng)
        verdict = accepted(data)
        assert verdict == sympy_accepts_modes(data), data
        agreed[verdict] += 1
    assert min(agreed.values()) > count / 8, agreed


@pytest.mark.parametrize("count", [40, pytest.param(1000, marks=pytest.mark.slow)])
def test_z3_agrees_on_generated_certificates_for_quadratics(modal_pool: list[dict[str, Any]], count: int) -> None:
    pytest.importorskip("z3")
    rng = random.Random(17)
    agreed: dict[bool | None, int] = {True: 0, False: 0, None: 0}
    for _ in range(count):
        data = generated_modes(modal_pool, rng)
        verdict, second = accepted(data), z3_accepts_modes(data)
        assert second is None or verdict == second, data
        agreed[second if second is None else verdict] += 1
    assert agreed[None] < count / 20, agreed
    assert min(agreed[True], agreed[False]) > count / 8, agreed


@pytest.mark.slow
def test_the_two_checkers_agree_on_thousands_of_random_energies() -> None:
    rng = random.Random(7)
    flows = ["x'' + 2*x' + grad(x)", "x' + grad(x)", "x'' + x' + 1/3*hess*x' + grad(x)", "x'' + 3/t*x' + grad(x)"]
    numbers = [Fraction(n, d) for n in range(-2, 5) for d in (1, 2, 3)]
    proved = 0
    for _ in range(4000):
        flow = parse_flow(rng.choice(flows)).at()
        power = flow.log_time_weight() is not None and not flow.is_autonomous
        smooth = rng.choice([None, Fraction(4)])
        known = (
            FunctionClass(ClassName.CONVEX) if power else FunctionClass(ClassName.STRONGLY_CONVEX, Fraction(1), smooth)
        )
        a, rate, nu = Fraction(1), abs(rng.choice(numbers)) + Fraction(1, 9), abs(rng.choice(numbers)) / 4
        k = flow.order
        P = [[Fraction(0)] * (k + 1) for _ in range(k + 1)]
        for i in range(k):
            for j in range(i, k):
                P[i][j] = P[j][i] = rng.choice(numbers) / (1 + (i != j))
        from odeflow.symbolic.rate_certificates import RateCertificate

        certificate = RateCertificate(
            flow, known, Kind.POWER if power else Kind.EXPONENTIAL, rate, Fraction(0), a,
            tuple(map(tuple, P)), a - nu if a > nu else a, {"tangent": rate * a},
            {"value": nu if a > nu else Fraction(0)},
        )  # fmt: skip
        data = json.loads(certificate.to_json())
        verdict = accepted(data)
        assert verdict == sympy_accepts(data) == certificate.check().holds
        proved += verdict
    assert proved > 10


def test_claims_that_other_tools_accept_are_rejected() -> None:
    """Nesterov's energy at damping 3 - 1e-8, and V = (1 + 1e-4) t (f - f*) + |x|^2/2 for gradient flow."""

    def power(flow: dict[str, Any], rate: str, f: str, matrix: list[list[str]], tangent: Fraction) -> dict[str, Any]:
        return {
            "format": checker.FORMAT, "version": 1, "kind": "power", "flow": flow,
            "class": {"name": "convex", "mu": "0", "smooth": None}, "rate": rate, "valid_from": "0",
            "energy": {"f": f, "matrix": matrix}, "floor": f,
            "multipliers": {"decay": {"tangent": str(tangent)}, "positivity": {}},
        }  # fmt: skip

    for damping, true in ((Fraction(3), True), (3 - Fraction(1, 10**8), False), (3 + Fraction(1, 10**8), True)):
        flow = {
            "order": 2,
            "damping": [[["-1", str(damping)]]],
            "gradient": [["0", "1"]],
            "hessian": [],
            "point": [[["0", "1"]]],
        }
        r = damping - 1
        exact = [[str(r * r / 2), str(r / 2), "0"], [str(r / 2), "1/2", "0"], ["0", "0", "0"]]
        for two in (Fraction(2), r):
            data = power(flow, "2", "1", exact, two)
            assert accepted(data) == (true and two == 2 and damping == 3), damping
    flow = {"order": 1, "damping": [], "gradient": [["0", "1"]], "hessian": [], "point": [[["0", "1"]]]}
    half = [["1/2", "0"], ["0", "0"]]
    for factor in (Fraction(1), 1 + Fraction(1, 10**4), 1 + Fraction(1, 10**9)):
        for tangent in (Fraction(1), factor):
            assert accepted(power(flow, "1", str(factor), half, tangent)) == (factor == 1 == tangent)


def test_quadratics_reject_a_higher_rate_and_a_wider_spectrum(certificates: dict[str, dict[str, Any]]) -> None:
    data = certificates["quadratics, heavy ball"]
    for excess in RAISES:
        assert not accepted(changed(data, ("rate",), lambda r, e=excess: r + e))
    third = certificates["quadratics, third order"]
    assert accepted(third)
    for path, value in ((("class", "smooth"), "5"), (("class", "smooth"), "4001/1000"), (("class", "mu"), "1/2")):
        wider = copy.deepcopy(third)
        wider[path[0]][path[1]] = value
        assert not accepted(wider), (path, value)
    wider = copy.deepcopy(third)
    wider["class"]["smooth"] = None
    assert not accepted(wider)


def test_a_negative_multiplier_would_prove_anything_and_is_rejected(certificates: dict[str, dict[str, Any]]) -> None:
    # V = f - f*, V' = -|g|^2 = -|g|^2 + (|g|^2 - 2 F) - F + 3 F - 3 V: with -1 times "F >= 0" the rate would be 3
    data = copy.deepcopy(certificates["gradient flow, PL"])
    data |= {"rate": "3", "energy": {"f": "1", "matrix": [["0", "0"], ["0", "0"]]}, "floor": "1"}
    data["multipliers"] = {"decay": {"gradient_dominance": "1", "value": "-1"}, "positivity": {}}
    with pytest.raises(Rejected, match="multiplier is negative"):
        verify(data)
    assert accepted({**data, "rate": "2", "multipliers": {"decay": {"gradient_dominance": "1"}, "positivity": {}}})


def test_an_energy_that_bounds_nothing_is_rejected(certificates: dict[str, dict[str, Any]]) -> None:
    data = copy.deepcopy(certificates["quadratics, heavy ball"])
    for modes in ([[["0"], ["0"]], [["0"], ["0"]]], [[["-2", "1"], ["0"]], [["0"], ["0"]]]):
        data["energy"]["modes"] = modes
        with pytest.raises(Rejected):
            verify(data)
    zero = copy.deepcopy(certificates["heavy ball"])
    zero["energy"] = {"f": "0", "matrix": [["0"] * 3] * 3}
    zero |= {"floor": "0", "multipliers": {"decay": {}, "positivity": {}}}
    with pytest.raises(Rejected, match="floor"):
        verify(zero)


# --- exact decisions ------------------------------------------------------------------------------------------------


def test_elimination_agrees_with_the_characteristic_polynomial_on_singular_and_nearly_singular_matrices() -> None:
    rng = random.Random(3)
    seen = {True: 0, False: 0}
    for _ in range(1500):
        n, rank = rng.randrange(1, 6), rng.randrange(6)
        columns = [[Fraction(rng.randrange(-3, 4), rng.randrange(1, 4)) for _ in range(n)] for _ in range(rank)]
        matrix = [[sum((c[i] * c[j] for c in columns), Fraction(0)) for j in range(n)] for i in range(n)]
        i, j = rng.randrange(n), rng.randrange(n)
        nudge = rng.choice([Fraction(0), Fraction(1, 10**12), Fraction(-1, 10**12), Fraction(1, 10**40)])
        matrix[i][j] += nudge
        matrix[j][i] = matrix[i][j]
        verdict = checker._is_semidefinite(matrix)
        assert verdict == is_positive_semidefinite(matrix)
        seen[verdict] += 1
    assert min(seen.values()) > 100


fractions = st.fractions(min_value=-4, max_value=4, max_denominator=6)


@given(
    st.lists(fractions, max_size=5),
    fractions,
    st.lists(st.integers(1, 3), min_size=5, max_size=5),
    fractions,
    fractions,
)
def test_signs_of_polynomials_agree_with_sympy_at_multiple_roots_and_at_the_ends(
    roots: list[Fraction], lead: Fraction, powers: list[int], low: Fraction, width: Fraction
) -> None:
    x = sp.Symbol("x", real=True)
    rational = lambda q: sp.Rational(q.numerator, q.denominator)  # noqa: E731
    polynomial = sp.Poly(
        rational(lead) * sp.prod((x - rational(r)) ** p for r, p in zip(roots, powers, strict=False)), x
    )
    rationals = [Fraction(int(c.p), int(c.q)) for c in reversed(polynomial.all_coeffs())]
    ((coefficients,),) = checker._cleared([[rationals]])
    for high in (None, low + abs(width)):
        inside = [r for r in roots if r >= low and (high is None or r <= high)]
        cuts = sorted({low, *inside, *([] if high is None else [high])})
        points = [
            *cuts,
            *((a + b) / 2 for a, b in itertools.pairwise(cuts)),
            *([cuts[-1] + 1] if high is None else []),
        ]
        values = [polynomial.eval(rational(p)) for p in points]
        assert checker._is_nonnegative(coefficients, low, high) == all(v >= 0 for v in values)
        assert checker._is_positive(coefficients, low, high) == all(v > 0 for v in values)


# --- damaged files --------------------------------------------------------------------------------------------------


def mutations(data: dict[str, Any], rng: random.Random, count: int) -> list[Any]:
    """Return copies with one value of the tree deleted, replaced by a wrong type, duplicated or made huge."""
    hostile: list[Any] = [None, True, 1, -1, 0.5, "", "x", "1/0", "1e9", "0x1", " 1", "1 ", "٣", "-", "1//2", "NaN", [],
               {}, [[]], {"a": "1"}, "9" * 121, "1/" + "9" * 119, "-9" * 60, ["1"] * 50, "99999999/1"]  # fmt: skip
    out = []
    for _ in range(count):
        copied = copy.deepcopy(data)
        place: Any = copied
        while True:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            key = rng.choice(keys)
            if not isinstance(place[key], (dict, list)) or not place[key] or rng.random() < 0.2:
                break
            place = place[key]
        match rng.randrange(4):
            case 0:
                del place[key]
            case 1 if isinstance(place, dict):
                place[str(key) + "s"] = place.pop(key)
            case 2 if isinstance(place, list):
                place.append(copy.deepcopy(place[key]))
            case _:
                place[key] = rng.choice(hostile)
        out.append(copied)
    return out


def test_damaged_files_are_refused_or_still_provably_true(certificates: dict[str, dict[str, Any]]) -> None:
    rng = random.Random(11)
    for data in certificates.values():
        for damaged in mutations(data, rng, 150):
            try:
                verify_text(json.dumps(damaged))
            except (Rejected, Unreadable):
                continue
            if "modes" not in damaged["energy"]:
                assert sympy_accepts(damaged), damaged


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "null", "[]", "1", '"x"', "{}", "[" * 90_000, '{"a":' * 15_000, "NaN", "1e999", "9" * 5000,
        '{"format": "odeflow rate certificate", "format": "odeflow rate certificate"}', " " * 200_000, "\x00",
    ],
)  # fmt: skip
def test_what_is_not_a_certificate_is_unreadable_within_a_second(text: str) -> None:
    begin = time.perf_counter()
    with pytest.raises(Unreadable):
        verify_text(text)
    assert time.perf_counter() - begin < LONGEST_SECONDS


def test_the_largest_certificates_that_are_admitted_take_less_than_a_second() -> None:
    rng = random.Random(1)

    def large(digits: int) -> str:
        return f"{rng.randrange(10 ** (digits - 1), 10**digits)}/{rng.randrange(10 ** (digits - 1), 10**digits)}"

    k = 4
    flow = {"order": k, "damping": [[["0", large(59)]] for _ in range(k - 1)], "gradient": [["0", large(59)]],
            "hessian": [["0", large(59)]], "point": [[["0", "1"]], [["0", large(59)]]]}  # fmt: skip
    head = {
        "format": checker.FORMAT,
        "version": 1,
        "kind": "exponential",
        "flow": flow,
        "rate": large(59),
        "valid_from": "0",
    }
    n = k + 1
    matrix = [[large(59) for _ in range(n)] for _ in range(n)]
    matrix = [[matrix[min(i, j)][max(i, j)] for j in range(n)] for i in range(n)]
    dense = {**head, "class": {"name": "strongly-convex", "mu": large(59), "smooth": None}, "floor": "1",
             "energy": {"f": large(59), "matrix": matrix},
             "multipliers": {"decay": {"tangent": large(59)}, "positivity": {}}}  # fmt: skip
    for digits, degree in ((4, 4), (8, 3), (9, 3), (15, 2), (59, 1), (59, 4)):
        small = {**flow, "damping": [[["0", large(digits)]] for _ in range(k - 1)], "gradient": [["0", large(digits)]]}
        small |= {"hessian": [["0", large(digits)]], "point": [[["0", "1"]], [["0", large(digits)]]]}
        modes = [[[large(digits) for _ in range(degree + 1)] for _ in range(k)] for _ in range(k)]
        modes = [[modes[min(i, j)][max(i, j)] for j in range(k)] for i in range(k)]
        # a diagonal that dominates: nothing is refused before the last sign is known
        for i in range(k):
            modes[i][i] = ["1000000"] * (degree + 1)
        modal = {
            **head,
            "flow": small,
            "rate": large(digits),
            "class": {"name": "quadratic", "mu": "1", "smooth": None},
            "energy": {"modes": modes},
        }
        for data in (dense, modal):
            begin = time.perf_counter()
            accepted(data)
            assert time.perf_counter() - begin < LONGEST_SECONDS, (digits, degree)


# --- alone ----------------------------------------------------------------------------------------------------------


def test_the_file_alone_checks_certificates_without_site_packages(
    tmp_path: Path, certificates: dict[str, dict[str, Any]]
) -> None:
    alone = tmp_path / "checker.py"
    shutil.copy(checker.__file__, alone)
    good, false, broken = tmp_path / "good.json", tmp_path / "false.json", tmp_path / "broken.json"
    good.write_text(json.dumps(certificates["heavy ball"]))
    false.write_text(json.dumps(changed(certificates["heavy ball"], ("rate",), lambda r: r + Fraction(1, 10**12))))
    broken.write_text("{}")
    for file, code, word in (
        (good, 0, "PROVED: for every strongly convex f"),
        (false, 1, "NOT PROVED"),
        (broken, 2, ""),
    ):
        run = subprocess.run(
            [sys.executable, "-S", "-I", str(alone), str(file)],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
        )
        assert run.returncode == code, run.stderr
        assert run.stdout.startswith(word)
    assert "Traceback" not in run.stderr


def test_the_checker_imports_nothing_but_the_standard_library() -> None:
    import ast

    tree = ast.parse(Path(str(checker.__file__)).read_text(encoding="utf-8"))
    names = {a.name.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    names |= {str(n.module).split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    assert names <= set(sys.stdlib_module_names) | {"__future__"}


def test_usual_certificates_are_checked_within_ten_milliseconds(certificates: dict[str, dict[str, Any]]) -> None:
    for name, data in certificates.items():
        text, times = json.dumps(data), []
        for _ in range(7):
            begin = time.perf_counter()
            verify_text(text)
            times.append(time.perf_counter() - begin)
        assert min(times) < USUAL_SECONDS * (4 if "third" in name else 1), (name, min(times))
