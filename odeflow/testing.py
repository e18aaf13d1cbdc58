"""What a theorem's own test calls: the verdict is the recorded one, every false twin is refuted, none is proved."""

from __future__ import annotations

from odeflow.errors import OdeflowError
from odeflow.theorem import Theorem, Verdict
from odeflow.verify import check, check_twins

__all__ = ["assert_theorem"]


def assert_theorem(theorem: Theorem, *, seed: int = 0, examples: int = 40) -> None:
    """Assert that a theorem earns its recorded verdict and that its checks refute every false twin.

    Parameters
    ----------
    theorem : what to test
    seed : of the simulation and the property test
    examples : cases that the property test draws

    Raises
    ------
    AssertionError
        The verdict is another one; there is no false twin; a twin is not refuted, or a derivation proves it.

    Examples
    --------
    >>> from odeflow.catalogue import load_catalogue
    >>> assert_theorem(load_catalogue().find(["pseudo_loss_gradient"])[0], examples=5)
    """
    result = check(theorem, seed=seed, examples=examples)
    assert result.verdict is theorem.recorded, f"{theorem.id} is {result.verdict.value}: {result.reason}"
    assert theorem.twins, f"{theorem.id} has no false twin: a check that cannot fail is not a check"
    for outcome in check_twins(theorem, seed=seed, examples=examples):
        assert outcome.verdict is Verdict.REFUTED, f"twin {outcome.name!r} is not refuted: {outcome.reason}"
    for twin in theorem.twins:
        changed = twin.of(theorem)
        if changed.derive is not None and "claim" in twin.changes:
            try:
                proved = changed.derive(changed.claim).judge(changed.claim.formula).holds
            except OdeflowError:  # what cannot be written down is no proof
                proved = False
            assert not proved, f"the derivation proves the false twin {twin.name!r}"
