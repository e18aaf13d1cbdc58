"""JSON is complete, and finite whatever a page or a plugin puts into its evidence."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from odeflow.report.as_json import dump, dump_one, list_object, verdict_object
from odeflow.symbolic.decisions import Status
from odeflow.theorem import Claim, Evidence, FalseTwin, Paper, Source, Stage, Theorem, Verdict, World
from odeflow.verify import Result, Timing, TwinResult

X = sp.Symbol("x", positive=True)
PAPER = Paper("tiny2020_squares", "A. Author", 2020, "On tiny things", "Tiny Results 1")
CLAIM = Claim("statement", sp.Le(X, X**2 + 1, evaluate=False), ("x > 0",), {X: "a number"})
THEOREM = Theorem(
    "square",
    Source(PAPER, "Theorem 1"),
    World.N,
    CLAIM,
    Verdict.PROVED,
    twins=(FalseTwin("faster", {}),),
    related=("b",),
)
FOUND = Evidence(Stage.PROPERTY, Status.HOLDS, "claimed", "observed", "0.1", 7, 3, "detail", ("Lemma",))


def test_everything_known_of_a_verdict_is_told() -> None:
    twins = (TwinResult("faster", Verdict.REFUTED, "at x = 1"),)
    result = Result(THEOREM, Verdict.PROVED, "reason", (FOUND,), ("Lemma",), twins, (Timing(Stage.PROPERTY, 0.25),))
    assert verdict_object(result) == {
        "id": "tiny2020_squares/square",
        "paper": "tiny2020_squares",
        "source": "Theorem 1",
        "world": "N",
        "recorded": "PROVED",
        "verdict": "PROVED",
        "as_recorded": True,
        "reason": "reason",
        "claim": {
            "statement": "statement",
            "latex": r"x \leq x^{2} + 1",
            "formula": "x <= x**2 + 1",
            "assumptions": ["x > 0"],
            "where": {"x": "a number"},
        },
        "evidence": [
            {
                "stage": "property",
                "status": "holds",
                "claimed": "claimed",
                "observed": "observed",
                "error_bar": "0.1",
                "cases": 7,
                "seed": 3,
                "detail": "detail",
                "lemmas": ["Lemma"],
            }
        ],
        "lemmas": ["Lemma"],
        "twins": [{"name": "faster", "verdict": "REFUTED", "reason": "at x = 1"}],
        "seconds": 0.25,
        "timings": [{"stage": "property", "seconds": 0.25}],
    }


def test_a_listed_theorem_names_its_twins_and_relatives() -> None:
    described = list_object(THEOREM)
    assert (described["twins"], described["related"], described["on_data"]) == (["faster"], ["b"], False)


values = st.recursive(
    st.one_of(st.floats(), st.integers(), st.text(), st.none(), st.booleans(), st.floats(width=32).map(np.float32)),
    lambda inside: st.one_of(st.lists(inside), st.dictionaries(st.text(), inside)),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), values))
def test_json_is_strict_whatever_comes(described: dict[str, object]) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    assert json.loads(dump_one(described), parse_constant=refuse).keys() == described.keys()
    assert len(json.loads(dump([described, described]), parse_constant=refuse)) == 2


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, np.float64("nan"), np.array(np.inf)])
def test_what_is_not_finite_becomes_null(number: object) -> None:
    assert json.loads(dump_one({"a": [number]})) == {"a": [None]}


def test_numpy_numbers_stay_numbers() -> None:
    assert json.loads(dump_one({"a": np.int64(3), "b": np.float64(0.5), "c": np.bool_(True)})) == {
        "a": 3,
        "b": 0.5,
        "c": True,
    }


def test_nothing_is_an_empty_array() -> None:
    assert json.loads(dump([])) == []
