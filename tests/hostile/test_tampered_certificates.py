"""A certificate that was tampered with is refused, or what it now says is true and another checker proves it.

Every number and every field of real certificates is changed in every way listed here. The second opinion comes from
`odeflow.symbolic.rate_certificates`, which decides by characteristic polynomials and isolated roots and shares no code
with the stand-alone checker.
"""

from __future__ import annotations

import copy
import functools
import json
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import pytest

from odeflow.checker import Rejected, Unreadable, verify_text
from odeflow.flow_text import parse_flow
from odeflow.flows import ConcreteFlow, Kind
from odeflow.function_classes import ClassName, FunctionClass
from odeflow.search import best_rate
from odeflow.symbolic.rate_certificates import ModalCertificate, RateCertificate

LONGEST_SECONDS = 1.0
Path = tuple[Any, ...]

CASES: dict[str, tuple[str, ClassName, int, int | None]] = {
    "gradient flow, PL": ("x' + grad(x)", ClassName.PL, 1, None),
    "heavy ball": ("x'' + 2*x' + grad(x)", ClassName.STRONGLY_CONVEX, 1, None),
    "heavy ball, smooth": ("x'' + 2*x' + grad(x)", ClassName.STRONGLY_CONVEX, 1, 10),
    "Nesterov": ("x'' + 3/t*x' + grad(x)", ClassName.CONVEX, 0, None),
    "Nesterov, strongly convex": ("x'' + 3/t*x' + grad(x)", ClassName.STRONGLY_CONVEX, 1, None),
    "quadratics, heavy ball": ("x'' + 2*x' + grad(x)", ClassName.QUADRATIC, 2, 9),
}
NEARBY: list[Callable[[Fraction], Fraction]] = [
    lambda q: q + Fraction(1, 10**9), lambda q: q - Fraction(1, 10**9), lambda q: q + 1, lambda q: q - 1,
    lambda q: 2 * q, lambda q: q / 2, lambda q: -q, lambda q: Fraction(0), lambda q: q * 10**60,
]  # fmt: skip
NOT_A_NUMBER: list[Any] = [
    "1/0", "0/0", "1e400", "0.5", "", " 2", "+2", "2/-1", "0x10", "1_0", "NaN", "inf", "\u0663", "9" * 130,
    "1/" + "9" * 130, "2\n", "-", "/", 2, -1, 0, True, None, 0.5, 1e300, float("inf"), float("nan"), [], ["2"],
    [["0", "1"]], {}, {"a": "2"}, 10**200, "__import__('os')",
]  # fmt: skip
ANYTHING: list[Any] = [None, True, 0, 1, "", "x", [], {}, [[]], [None], {"f": "1"}, "9" * 5000, [[["0", "1"]]] * 20]
WORDS = ["exponential", "power", "quadratic", "convex", "strongly-convex", "pl", "Power", "odeflow rate certificate"]


SOME = ["gradient flow, PL", "heavy ball", "quadratics, heavy ball"]
"""Tampered with in every run; the others with `pytest -m slow`."""


@functools.cache
def certificate(name: str) -> dict[str, Any]:
    pytest.importorskip("clarabel", reason="needs the extra `search`")
    text, cls, mu, smooth = CASES[name]
    known = FunctionClass(cls, Fraction(mu), None if smooth is None else Fraction(smooth))
    outcome = best_rate(parse_flow(text).at(), known)
    assert outcome.certificate is not None, name
    found: dict[str, Any] = json.loads(outcome.certificate.to_json())
    return found


def second_opinion(data: Any) -> bool:
    """Decide what an accepted certificate claims by the other route."""
    laurent = lambda powers: tuple(sorted((Fraction(p), Fraction(c)) for p, c in powers))  # noqa: E731
    flow = ConcreteFlow(
        tuple(laurent(c) for c in data["flow"]["damping"]),
        laurent(data["flow"]["gradient"]),
        laurent(data["flow"]["hessian"]),
        tuple(laurent(c) for c in data["flow"]["point"]),
    )
    assert flow.order == data["flow"]["order"]
    smooth = data["class"]["smooth"]
    known = FunctionClass(
        ClassName(data["class"]["name"]), Fraction(data["class"]["mu"]), None if smooth is None else Fraction(smooth)
    )
    kind, rate, start = Kind(data["kind"]), Fraction(data["rate"]), Fraction(data["valid_from"])
    energy = data["energy"]
    if known.name is ClassName.QUADRATIC:
        modes = tuple(tuple(tuple(Fraction(c) for c in entry) for entry in row) for row in energy["modes"])
        return ModalCertificate(flow, known, rate, modes).check().holds
    tables = [
        {name.replace("_", " "): Fraction(value) for name, value in data["multipliers"][key].items()}
        for key in ("decay", "positivity")
    ]
    matrix = tuple(tuple(Fraction(x) for x in row) for row in energy["matrix"])
    certificate = RateCertificate(
        flow, known, kind, rate, start, Fraction(energy["f"]), matrix, Fraction(data["floor"]), *tables
    )
    return certificate.check().holds


def places(data: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield every place of a certificate, the inner ones too."""
    if path:
        yield path, data
    inner = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in inner:
        yield from places(value, (*path, key))


def put(data: Any, path: Path, change: Callable[[Any, Any], None]) -> Any:
    copied = copy.deepcopy(data)
    holder = copied
    for key in path[:-1]:
        holder = holder[key]
    change(holder, path[-1])
    return copied


def replaced(data: Any, path: Path, value: Any) -> Any:
    return put(data, path, lambda holder, key: holder.__setitem__(key, copy.deepcopy(value)))


def mirrored(data: Any, path: Path, value: Any) -> Any:
    """Change an entry of the energy and its mirror image, so that the matrix stays symmetric."""
    changed = replaced(data, path, value)
    return replaced(changed, (*path[:2], path[3], path[2], *path[4:]), value)


def is_number(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"-?\d+(/\d+)?", value) is not None


def tampered(data: Any) -> Iterator[tuple[str, Path, Any]]:
    """Yield (kind of tampering, where, certificate) for every place."""
    for path, value in places(data):
        if is_number(value):
            for nearby in NEARBY:
                number = str(nearby(Fraction(value)))
                yield "number", path, replaced(data, path, number)
                if path[:2] in (("energy", "matrix"), ("energy", "modes")):
                    yield "number and its mirror", path, mirrored(data, path, number)
            for wrong in NOT_A_NUMBER:
                yield "no number", path, replaced(data, path, wrong)
        elif isinstance(value, str):
            for word in WORDS:
                yield "word", path, replaced(data, path, word)
        for wrong in ANYTHING:
            yield "type", path, replaced(data, path, wrong)
        yield "left out", path, put(data, path, lambda holder, key: holder.__delitem__(key))
        if isinstance(value, list):
            for entry in (["0", "1"], "1", [], *value[:1]):
                yield "one more", path, replaced(data, path, [*value, copy.deepcopy(entry)])
            yield "reversed", path, replaced(data, path, value[::-1])
        if isinstance(value, dict):
            yield "unknown key", path, replaced(data, path, {**value, "remark": "1"})
            for key in value:
                yield "renamed", (*path, key), replaced(data, path, {k + "_" * (k == key): v for k, v in value.items()})
    for version in (0, 2, "1", True, 1.0, -1, None):
        yield "version", ("version",), replaced(data, ("version",), version)
    names = ("value", "tangent", "curvature", "gradient_dominance", "descent")
    for table in ("decay", "positivity") if "multipliers" in data else ():
        for name in names:
            for number in ("1", "-1", "1/1000000000"):
                yield "multiplier", ("multipliers", table, name), replaced(data, ("multipliers", table, name), number)


@pytest.mark.parametrize(
    "name", [name if name in SOME else pytest.param(name, marks=pytest.mark.slow) for name in CASES]
)
def test_each_tampered_field_is_refused_or_still_provably_true(name: str) -> None:
    data = certificate(name)
    assert second_opinion(data)
    seen: Counter[str] = Counter()
    for what, path, changed in tampered(data):
        text = json.dumps(changed)
        begin = time.thread_time()
        try:
            said = verify_text(text)
        except (Rejected, Unreadable) as error:
            seen["unreadable" if isinstance(error, Unreadable) else "rejected"] += 1
            continue
        finally:
            assert time.thread_time() - begin < LONGEST_SECONDS, (what, path)
        seen["still true"] += 1
        assert second_opinion(changed), f"{what} at {path}: {said}"
        assert str(changed["rate"]) in said
    print(f"{name}: {seen.total()} changes: {dict(seen)}")
    assert seen["rejected"] > 50
    assert seen["unreadable"] > 500


def test_several_changes_at_once_are_refused_or_still_provably_true() -> None:
    rng = random.Random(5)
    seen: Counter[str] = Counter()
    for data in map(certificate, SOME):
        numbers = [path for path, value in places(data) if is_number(value)]
        for _ in range(250):
            changed = data
            for path in rng.sample(numbers, rng.randint(2, min(4, len(numbers)))):
                old = Fraction(changed[path[0]] if len(path) == 1 else _at(changed, path))
                number = str(rng.choice(NEARBY)(old).limit_denominator(10**12))
                symmetric = path[:2] in (("energy", "matrix"), ("energy", "modes"))
                changed = (mirrored if symmetric else replaced)(changed, path, number)
            try:
                verify_text(json.dumps(changed))
            except (Rejected, Unreadable):
                seen["refused"] += 1
                continue
            seen["still true"] += 1
            assert second_opinion(changed), changed
    print(f"several changes at once: {dict(seen)}")
    assert seen["refused"] > 300


def _at(data: Any, path: Path) -> Any:
    for key in path:
        data = data[key]
    return data


@pytest.mark.parametrize(
    "text",
    [
        '{"format": 1e400}', '{"rate": 1E999}', '{"rate": -Infinity}', '{"a": 1, "a": 2}', '{"rate": "2", "rate": "3"}',
        "[" * 1999 + "]" * 1999, '{"format": ' + "[" * 900 + "]" * 900 + "}", '"' + "\\u0000" * 1000 + '"',
    ],
    ids=lambda text: text[:24],
)  # fmt: skip
def test_json_that_is_no_certificate_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable):
        verify_text(text)


def test_a_key_that_stands_twice_is_refused() -> None:
    text = json.dumps(certificate("heavy ball"))
    with pytest.raises(Unreadable, match="twice"):
        verify_text(text.replace('"rate"', '"rate": "1/1000", "rate"', 1))


@pytest.mark.parametrize("name", SOME)
def test_neither_checker_accepts_twice_the_best_rate(name: str) -> None:
    data = certificate(name)
    raised = replaced(data, ("rate",), str(Fraction(data["rate"]) * 2))
    with pytest.raises((Rejected, Unreadable)):
        verify_text(json.dumps(raised))
    assert not second_opinion(raised)
