"""Verdicts, lists and theorem pages as JSON: one array, one object a theorem, every number finite."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from odeflow.report.pages import Page
from odeflow.report.text import Hypothesis
from odeflow.symbolic.derivations import Derivation, Step
from odeflow.theorem import Claim, Evidence, Theorem
from odeflow.verify import Result

__all__ = ["dump", "dump_one", "list_object", "page_object", "verdict_object"]


def dump(objects: Iterable[Mapping[str, Any]]) -> str:
    """Return a JSON array.

    Examples
    --------
    >>> print(dump([{"id": "p/a", "seconds": float("nan")}]))
    [
      {
        "id": "p/a",
        "seconds": null
      }
    ]
    """
    return json.dumps([_finite(o) for o in objects], indent=2, allow_nan=False)


def dump_one(described: Mapping[str, Any]) -> str:
    """Return one object as JSON."""
    return json.dumps(_finite(described), indent=2, allow_nan=False)


def verdict_object(result: Result, *, hypotheses: Sequence[Hypothesis] | None = None) -> dict[str, Any]:
    """Return one checked theorem.

    Parameters
    ----------
    hypotheses : what was found about the user's data, where data were given
    """
    theorem = result.theorem
    described: dict[str, Any] = {
        **_heading(theorem),
        "verdict": result.verdict.value,
        "as_recorded": result.as_recorded,
        "reason": result.reason,
        "claim": _claim(theorem.claim),
        "evidence": [_evidence(e) for e in result.evidence],
        "lemmas": list(result.lemmas),
        "twins": [{"name": t.name, "verdict": t.verdict.value, "reason": t.reason} for t in result.twins],
        "seconds": result.seconds,
        "timings": [{"stage": t.stage.value, "seconds": t.seconds} for t in result.timings],
    }
    if hypotheses is not None:
        described["hypotheses"] = [
            {"name": h.name, "holds": bool(h.holds), "observed": h.observed, "remedy": h.remedy} for h in hypotheses
        ]
    return described


def list_object(theorem: Theorem) -> dict[str, Any]:
    """Return one theorem of the catalogue, unchecked."""
    return {
        **_heading(theorem),
        "claim": _claim(theorem.claim),
        "twins": [t.name for t in theorem.twins],
        "related": list(theorem.related),
        "on_data": theorem.on_data is not None,
    }


def page_object(page: Page) -> dict[str, Any]:
    """Return everything a theorem's page shows."""
    theorem, certificate = page.theorem, page.certificate
    return {
        **list_object(theorem),
        "citation": theorem.source.paper.citation(),
        "note": theorem.source.note,
        "derivation": _derivation(page.derivation),
        "certificate": None
        if certificate is None
        else {
            "flow": certificate.flow.name,
            "equation": str(certificate.flow.equation()),
            "energy": str(certificate.energy),
            "rate": str(certificate.rate),
            "domain": {str(symbol): str(bound) for symbol, bound in certificate.lower.items()},
            "status": page.certificate_decision.status.value if page.certificate_decision else None,
            "detail": page.certificate_decision.detail if page.certificate_decision else None,
        },
        "counterexample": _derivation(page.counterexample),
        "troubles": [{"part": part, "reason": reason} for part, reason in page.troubles],
        "reproduce": page.command,
    }


def _heading(theorem: Theorem) -> dict[str, Any]:
    return {
        "id": theorem.id,
        "paper": theorem.source.paper.folder,
        "source": theorem.source.item,
        "world": theorem.world.value,
        "recorded": theorem.recorded.value,
    }


def _claim(claim: Claim) -> dict[str, Any]:
    return {
        "statement": claim.statement,
        "latex": claim.latex,
        "formula": str(claim.formula),
        "assumptions": list(claim.assumptions),
        "where": {str(symbol): meaning for symbol, meaning in claim.where.items()},
    }


def _evidence(found: Evidence) -> dict[str, Any]:
    return {
        "stage": found.stage.value,
        "status": found.status.value,
        "claimed": found.claimed,
        "observed": found.observed,
        "error_bar": found.error_bar,
        "cases": found.cases,
        "seed": found.seed,
        "detail": found.detail,
        "lemmas": list(found.lemmas),
    }


def _derivation(derivation: Derivation | None) -> list[dict[str, Any]] | None:
    return None if derivation is None else [_step(step) for step in derivation.steps]


def _step(step: Step) -> dict[str, Any]:
    decision = step.decision
    return {
        "title": step.title,
        "kind": step.kind.value,
        "method": decision.method,
        "status": decision.status.value,
        "detail": decision.detail,
        "witness": {str(symbol): str(value) for symbol, value in decision.witness.items()},
        "formula": None if step.formula is None else str(step.formula),
    }


def _finite(value: Any) -> Any:
    """Replace what JSON cannot say: floats that are not finite become null, NumPy's scalars plain numbers."""
    if isinstance(value, Mapping):
        return {str(k): _finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(v) for v in value]
    if hasattr(value, "item") and not isinstance(value, (str, bytes)):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
