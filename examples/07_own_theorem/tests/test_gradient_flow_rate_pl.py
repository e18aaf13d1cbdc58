"""The theorem earns its verdict, and its checks refute its false twins."""

from polyak_lojasiewicz import THEOREMS

from odeflow.testing import assert_theorem


def test_the_theorem() -> None:
    for theorem in THEOREMS:
        assert_theorem(theorem)
