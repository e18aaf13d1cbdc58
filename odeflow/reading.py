"""Run the symbolic parts of a theorem for its page, and write it up for a report."""

from __future__ import annotations

import enum
import io
from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Console, Group

from odeflow.catalogue import Catalogue
from odeflow.errors import words_of
from odeflow.report.as_json import dump_one, page_object, verdict_object
from odeflow.report.html import article
from odeflow.report.lines import Harmless
from odeflow.report.pages import Page, evidence_lines, theorem_page
from odeflow.symbolic.certificates import DecayCertificate
from odeflow.symbolic.derivations import Derivation
from odeflow.theorem import Theorem
from odeflow.verify import Result, Settings, check_fully

__all__ = ["Form", "findings", "read_page", "write_up", "written_up"]

TEXT_WIDTH = 100
"""Characters that a line of a text report may take."""


class Form(enum.StrEnum):
    """What a report is written as."""

    HTML = "html"
    JSON = "json"
    TEXT = "text"


def read_page(
    theorem: Theorem, catalogue: Catalogue, *, command: str, on_part: Callable[[str], None] | None = None
) -> Page:
    """Run a theorem's derivation, certificate and counterexample; what raises is shown on the page, not raised.

    Parameters
    ----------
    catalogue : where the related theorems are
    command : reproduces the verdict
    on_part : called with each part before it runs
    """
    troubles: list[tuple[str, str]] = []

    def run(part: str, function: Callable[..., Any] | None, *args: Any, gives: type = object) -> Any:
        if function is None:
            return None
        if on_part is not None:
            on_part(part)
        try:
            found = function(*args)
            if not isinstance(found, gives):
                raise TypeError(f"expected a {gives.__name__} but got {type(found).__name__}")
            return found
        except KeyboardInterrupt:  # that is the user
            raise
        except BaseException as error:  # a defect of a page is shown on the page
            troubles.append((part, words_of(error)))
            return None

    certificate = run("certificate", theorem.certificate, theorem.claim, gives=DecayCertificate)
    siblings = (t for t in catalogue.theorems if t.source.paper == theorem.source.paper)
    return Page(
        theorem=theorem,
        derivation=run("derivation", theorem.derive, theorem.claim, gives=Derivation),
        certificate=certificate,
        certificate_decision=None if certificate is None else run("certificate", certificate.check),
        counterexample=run("counterexample", theorem.counterexample, theorem.claim, gives=Derivation),
        troubles=tuple(troubles),
        related=tuple(t for t in siblings if t.name in theorem.related),
        command=command,
        not_drawn=catalogue.not_drawn.get(theorem.id, ""),
    )


def findings(theorem: Theorem, catalogue: Catalogue, settings: Settings) -> Mapping[str, Any]:
    """Return the fields of a theorem's result: words and numbers, which can be sent from one process to another."""
    return check_fully(theorem, settings).fields()


def written_up(
    theorem: Theorem, catalogue: Catalogue, settings: Settings, form: Form, command: str
) -> tuple[Mapping[str, Any], str]:
    """Do what `write_up` does, and return words and numbers, which can be sent from one process to another."""
    result, text = write_up(theorem, catalogue, settings, form, command)
    return result.fields(), text


def write_up(
    theorem: Theorem,
    catalogue: Catalogue,
    settings: Settings,
    form: Form,
    command: str,
    *,
    on_stage: Callable[[str], None] | None = None,
) -> tuple[Result, str]:
    """Check a theorem and return its result with its part of a report.

    Parameters
    ----------
    form : of the report
    command : reproduces the verdict, up to the theorem's id
    on_stage : called with what is about to run
    """
    result = check_fully(theorem, settings, on_stage=on_stage)
    page = read_page(theorem, catalogue, command=f"{command} {theorem.id}")
    if form is Form.HTML:
        text = article(page, result)
    elif form is Form.JSON:
        text = dump_one({**page_object(page), **verdict_object(result)})
    else:
        stream = io.StringIO()
        console = Console(file=stream, width=TEXT_WIDTH, markup=False, emoji=False, highlight=False, color_system=None)
        console.print(Harmless(theorem_page(page, width=TEXT_WIDTH)))
        console.print(Harmless(Group(*evidence_lines(result, width=TEXT_WIDTH))))
        text = stream.getvalue()
    return result, text
