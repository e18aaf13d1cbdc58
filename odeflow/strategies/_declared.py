"""How is a strategy declared here? Its arguments are checked when it is called, and its repr is that call."""

from __future__ import annotations

import functools
import inspect
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Concatenate, ParamSpec, TypeVar

from hypothesis import strategies as st

__all__ = ["declared", "random_state_kept"]

P = ParamSpec("P")
T = TypeVar("T")


def declared(
    check: Callable[..., object],
) -> Callable[[Callable[Concatenate[st.DrawFn, P], T]], Callable[P, st.SearchStrategy[T]]]:
    """Turn a function of `draw` and arguments into a strategy whose arguments `check` has seen first.

    Parameters
    ----------
    check : takes the arguments without `draw`, defaults filled in, and raises `InvalidArgumentError` if no value
        satisfies them

    Examples
    --------
    >>> from odeflow.numeric.arrays import require_count
    >>> @declared(lambda size: require_count("size", size))
    ... def words(draw: st.DrawFn, size: int = 3) -> str:
    ...     return draw(st.text("ab", min_size=size, max_size=size))
    >>> words(2)
    words(size=2)
    >>> words(0)
    Traceback (most recent call last):
    ...
    odeflow.errors.InvalidArgumentError: Expected size >= 1 but got size=0.
    """

    def declare(function: Callable[Concatenate[st.DrawFn, P], T]) -> Callable[P, st.SearchStrategy[T]]:
        strategy = st.composite(function)
        signature = inspect.signature(strategy)

        @functools.wraps(strategy)
        def checked(*args: P.args, **kwargs: P.kwargs) -> st.SearchStrategy[T]:
            try:
                given = signature.bind(*args, **kwargs)
            except TypeError as error:
                raise TypeError(f"{function.__name__}() {error}") from None
            given.apply_defaults()
            with random_state_kept():
                check(*given.args, **given.kwargs)
            return strategy(*args, **kwargs)

        return checked

    return declare


@contextmanager
def random_state_kept() -> Iterator[None]:
    """Put the global random state back: run-time type checkers look at random items of the tuples that are built.

    Hypothesis refuses a strategy during which that state moves. What is built here does not depend on it.
    """
    state = random.getstate()
    try:
        yield
    finally:
        random.setstate(state)
