"""The SGD tree agrees with paths followed one by one, and its constants are the functions' constants."""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from odeflow.errors import InvalidArgumentError
from odeflow.symbolic.sgd_trees import SeparableQuadratics, confusion_along, expectation, sgd_tree

PLAIN = SeparableQuadratics(((1, 3), (2, 0), (1, 1)), ((1, 0), (-1, 2), (Fraction(1, 2), 1)))
START = (Fraction(2), Fraction(-1))
STEP = Fraction(1, 12)


def problems() -> st.SearchStrategy[tuple]:
    def of_size(n: int, d: int) -> st.SearchStrategy[tuple]:
        rows, places = st.tuples(*[st.integers(1, 4)] * d), st.tuples(*[st.integers(-3, 3)] * d)
        return st.tuples(st.tuples(*[rows] * n), st.tuples(*[places] * n))

    return st.tuples(st.integers(1, 3), st.integers(1, 3)).flatmap(lambda size: of_size(*size))


def test_expectations_over_the_tree_are_means_over_all_paths() -> None:
    tree = sgd_tree(PLAIN, START, STEP, steps=3)
    total = Fraction(0)
    for path in itertools.product(range(3), repeat=3):
        w = START
        for i in path:
            w = tuple(a - STEP * g for a, g in zip(w, PLAIN.gradient(i, w), strict=True))
        total += PLAIN.mean_value(w)
    assert expectation(tree[3], PLAIN.mean_value) == total / 27
    assert all(sum(level.values()) == 1 for level in tree)


@settings(max_examples=40)
@given(problems(), st.integers(-4, 4))
def test_gradients_and_constants_are_those_of_the_functions(rows: tuple, place: int) -> None:
    problem = SeparableQuadratics(*rows)  # built here: checking its types draws random numbers
    w = tuple(Fraction(place, k + 2) for k in range(len(problem.minimiser)))
    gap = problem.mean_value(w) - problem.minimum
    assert gap >= 0
    assert problem.mean_gradient_squared(problem.minimiser) == 0
    squared = problem.mean_gradient_squared(w)
    assert 2 * problem.mean_gradient_domination * gap <= squared <= 2 * problem.smoothness * gap
    for i in range(problem.count):
        own = sum(g * g for g in problem.gradient(i, w))
        assert (
            2 * problem.gradient_domination * problem.value(i, w) <= own <= 2 * problem.smoothness * problem.value(i, w)
        )
        h = Fraction(1, 1000)
        for k in range(len(w)):  # a central difference of a quadratic is its derivative
            up, down = ([x + s * h * (j == k) for j, x in enumerate(w)] for s in (1, -1))
            assert (problem.value(i, up) - problem.value(i, down)) / (2 * h) == problem.gradient(i, w)[k]


def test_confusion_is_the_worst_pair_over_the_whole_tree() -> None:
    wells = SeparableQuadratics(((1,), (1,)), ((1,), (-1,)))
    assert wells.confusion((Fraction(0),)) == 1
    assert wells.confusion((Fraction(3),)) == 0
    tree = sgd_tree(wells, (Fraction(3),), Fraction(1, 2), steps=2)
    assert confusion_along(wells, tree) == max(wells.confusion(w) for level in tree for w in level) > 0


@pytest.mark.parametrize(
    ("curvatures", "centres"),
    [(((1,),), ((1,), (2,))), (((1, 2), (1,)), ((1,), (2,))), (((0,),), ((1,),)), (((-1,),), ((1,),)), ((), ())],
)
def test_bad_problems_are_refused(curvatures: tuple, centres: tuple) -> None:
    with pytest.raises(InvalidArgumentError):
        SeparableQuadratics(curvatures, centres)


def test_trees_too_large_or_negative_are_refused() -> None:
    for steps in (-1, 20):
        with pytest.raises(InvalidArgumentError):
            sgd_tree(PLAIN, START, STEP, steps=steps)
