"""Sphinx directives that write the catalogue, the command line and the measured curves; nothing is checked or measured.

`{counts}`, `{errata} [measured]`, `{theorems} PAPER`, `{cli}`, `{modules}` and `{scaling}`. Formulas are MathML. Every
theorem is a label, so that a page can refer to `heavy_ball_rate` and a name that no longer exists is a warning.
"""

from __future__ import annotations

import ast
import functools
import json
import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

import click
import typer.main
from catalogue_tables import (  # type: ignore[import-not-found]  # conf.py puts this folder on the path
    bundled,
    counts,
    errata,
    module_docstring,
    sections,
)
from docutils import nodes  # type: ignore[import-untyped]
from plain_docstrings import to_restructured  # type: ignore[import-not-found]
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.writers.html5 import HTML5Translator

import odeflow
from odeflow.catalogue import Catalogue, load_catalogue
from odeflow.markup import mathml
from odeflow.report.mathml import display, inline
from odeflow.report.maths import prose
from odeflow.theorem import Theorem, Verdict

MEANINGS = {
    Verdict.PROVED: "every step is exact",
    Verdict.PROVED_MODULO: "exact, but resting on cited lemmas, which are named",
    Verdict.SUPPORTED: "numbers and property tests only",
    Verdict.REFUTED: "an exact or reproducible counterexample is shown",
    Verdict.UNDECIDED: "could not be decided; the reason is given",
}
CHECKS = {
    "derive": "derivation",
    "certificate": "certificate",
    "counterexample": "counterexample",
    "control": "control",
    "simulate": "simulation",
    "holds": "property test",
    "on_data": "your data",
}


@functools.cache
def catalogue() -> Catalogue:
    """Return the papers that ship with odeflow."""
    found: Catalogue = bundled(load_catalogue())
    return found


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives, and the reading of docstrings as plain text before napoleon sees them."""
    for name, directive in {
        "counts": Counts,
        "errata": Errata,
        "theorems": Theorems,
        "cli": CommandLine,
        "scaling": Scaling,
        "modules": Modules,
    }.items():
        app.add_directive(name, directive)
    app.set_translator("html", Translator)
    app.add_html_math_renderer("mathml", inline_renderers=(_inline_math, None), block_renderers=(_block_math, None))
    app.connect("env-get-outdated", _written_by_directives)
    app.connect("autodoc-process-docstring", _plain, priority=400)
    app.connect("autodoc-skip-member", functools.partial(_only_once, {}))
    return {"parallel_read_safe": False, "parallel_write_safe": True}


class Translator(HTML5Translator):
    """Sphinx's own, with blocks of code that can be scrolled from the keyboard."""

    def visit_literal_block(self, node: nodes.literal_block) -> None:
        """Write the block, and let it take the focus."""
        try:
            super().visit_literal_block(node)
        finally:
            self.body[-1] = self.body[-1].replace("<pre>", '<pre tabindex="0">')


def _inline_math(translator: Any, node: nodes.math) -> None:
    translator.body.append(mathml(node.astext(), text=node.astext()))
    raise nodes.SkipNode


def _block_math(translator: Any, node: nodes.math_block) -> None:
    translator.body.append(f'<div class="formula">{mathml(node.astext(), block=True, text=node.astext())}</div>')
    raise nodes.SkipNode


def _written_by_directives(app: Sphinx, env: Any, added: set[str], changed: set[str], removed: set[str]) -> list[str]:
    """Pages that may change although their source does not."""
    return [name for name in env.found_docs if name.startswith("reference/") or name in ("index", "explanation/scale")]


def _plain(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    lines[:] = to_restructured(lines)


def _only_once(
    homes: dict[int, str], app: Sphinx, what: str, name: str, obj: Any, skip: bool, options: Any
) -> bool | None:
    """Leave out a class or function that a module shows again, so that each has one entry: in the first such module."""
    module = app.env.current_document.autodoc_module
    if what != "module" or not str(getattr(obj, "__module__", "")).startswith("odeflow"):
        return None
    return True if homes.setdefault(id(obj), module) != module else None


class Counts(SphinxDirective):
    """How many theorems of each paper have which recorded verdict."""

    def run(self) -> list[nodes.Node]:
        verdicts, rows = counts(catalogue())
        heads = ["paper", *(v.value for v in verdicts), "all"]
        table = [[paper.folder, *map(str, found), str(sum(found))] for paper, found in rows]
        totals = [sum(found[k] for _, found in rows) for k in range(len(verdicts))]
        table.append(["all", *map(str, totals), str(sum(totals))])
        body = "".join(_row(cells, head=True) for cells in table)
        return [_raw(_table(heads, body, "verdicts by paper"))]


class Errata(SphinxDirective):
    """Every refuted claim with the reason and the correction: those refuted exactly, or with `measured` the others."""

    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        if self.arguments not in ([], ["measured"]):
            raise self.error(f"expected no argument or `measured` but got {self.arguments}")
        measured = bool(self.arguments)
        made: list[nodes.Node] = []
        for paper in catalogue().papers:
            entries = [e for e in errata(catalogue()) if e.theorem.source.paper == paper and e.measured is measured]
            if not entries:
                continue
            section = nodes.section(ids=[f"{paper.folder}-measured" if measured else paper.folder])
            section += nodes.title(text=paper.title)
            section += nodes.paragraph(text=paper.citation())
            for number, entry in enumerate(entries, start=1):
                theorem = entry.theorem
                head = nodes.paragraph(classes=["erratum"])
                head += nodes.strong(text=f"{number}. {prose(theorem.source.item)}")
                head += nodes.Text(" as ")
                head += self._link(theorem)
                section += head
                section += nodes.paragraph(text=f"Claim: {prose(theorem.claim.statement)}", classes=["claim"])
                section += _paragraph(f"Why not: {entry.why}")
                if entry.corrected:
                    line = nodes.paragraph(text="What holds: ")
                    for place, right in enumerate(entry.corrected):
                        if place:
                            line += nodes.Text("; ")
                        line += self._link(right)
                        line += nodes.Text(f" ({right.recorded.value}): {prose(right.claim.statement)}")
                    section += line
            made.append(section)
        return made

    def _link(self, theorem: Theorem) -> nodes.Node:
        return _reference(theorem, self.env.docname)


class Theorems(SphinxDirective):
    """Every theorem of one paper: statement, formula, assumptions, recorded verdict, source, idea, twins."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        folder = self.arguments[0]
        chosen = [t for t in catalogue().theorems if t.source.paper.folder == folder]
        if not chosen:
            raise self.error(f"no paper of the catalogue has the folder {folder}")
        rows = "".join(
            f'<tr><th scope="row"><a href="#{t.name}">{escape(t.name)}</a></th><td>{escape(prose(t.source.item))}</td>'
            f"<td>{t.world.value}</td><td>{_badge(t.recorded)}</td></tr>"
            for t in chosen
        )
        made: list[nodes.Node] = [
            nodes.paragraph(text=chosen[0].source.paper.citation()),
            _raw(_table(["theorem", "item", "world", "recorded"], rows, "theorems of the paper")),
        ]
        made.extend(self._section(theorem) for theorem in chosen)
        return made

    def _section(self, theorem: Theorem) -> nodes.Node:
        section = nodes.section(ids=[theorem.name], names=[theorem.name], classes=["theorem"])
        section += nodes.title(text=theorem.name)
        labels = self.env.domains.standard_domain
        for label in (theorem.id, theorem.name):
            labels.note_hyperlink_target(label, self.env.docname, theorem.name, theorem.name)
        intro, named = sections(module_docstring(catalogue(), theorem))
        section += _paragraph(" ".join(intro.split("\n\n")[0].split()))
        section += _raw("".join(_claim(theorem)))
        for name, text in named.items():
            if name != "Assumptions" or not theorem.claim.assumptions:
                section += nodes.rubric(text=name)
                section += _paragraphs(text)
        section += _raw("".join(_checks(theorem)))
        known = {t.name: t for t in catalogue().theorems if t.source.paper.folder == theorem.source.paper.folder}
        related = [known[name] for name in theorem.related if name in known]
        if related:
            line = nodes.paragraph(text="Related: ")
            for place, sibling in enumerate(related):
                line += nodes.Text(", " if place else "")
                line += _reference(sibling, self.env.docname)
                line += nodes.Text(f" ({sibling.recorded.value})")
            section += line
        return section


class CommandLine(SphinxDirective):
    """Every command with its arguments and options, read from the program itself."""

    def run(self) -> list[nodes.Node]:
        from odeflow.cli import app

        group: Any = typer.main.get_command(app)
        made: list[nodes.Node] = []
        for name, command in group.commands.items():
            section = nodes.section(ids=[f"odeflow-{name}"])
            section += nodes.title(text=f"odeflow {name}")
            text = _help(command, name)
            block = nodes.literal_block(text, text, language="none")
            section += block
            made.append(section)
        return made


class Modules(SphinxDirective):
    """Every module of the library with the first line of its docstring, read from the source."""

    def run(self) -> list[nodes.Node]:
        root = Path(odeflow.__file__).parent
        rows = []
        for path in sorted(root.rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            if any(part.startswith("_") for part in parts) or parts[0] == "documentation":
                continue
            said = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n")[0]
            name = ".".join(("odeflow", *parts))
            rows.append(f"<dt><code>{name}</code></dt><dd>{escape(prose(said))}</dd>")
        return [_raw(f"<dl>{''.join(rows)}</dl>")]


class Scaling(SphinxDirective):
    """The measured series of `tests/benchmarks/scaling.py`: a table, and a picture of each."""

    def run(self) -> list[nodes.Node]:
        folder = Path(__file__).parent / "scaling"
        self.env.note_dependency(str(folder / "scaling.json"))
        found = json.loads((folder / "scaling.json").read_text(encoding="utf-8"))
        intro = (
            f"Measured with odeflow {found['odeflow']}, Python {found['python']}, {found['cores']} cores, "
            f"the best of {found['repetitions']} repetitions in the series that repeat. The load average was "
            f"{found['load_average_at_start']} at the start: other jobs used the same cores."
        )
        rows = "".join(_row(cells, head=True) for cells in map(_series_cells, found["series"]))
        heads = ["series", "varied", "sizes", "cost", "slope", "memory (MB)"]
        made: list[nodes.Node] = [nodes.paragraph(text=intro), _raw(_table(heads, rows, "measured series"))]
        for series in found["series"]:
            drawn = (folder / f"{series['name']}.svg").read_text(encoding="utf-8")
            drawn = re.sub(r'(\bid="|url\(#|xlink:href="#)', rf"\g<1>{series['name']}-", drawn)
            caption = escape(f"{series['what']}: {series['clock']} against {series['axis']}")
            made.append(
                _raw(
                    f'<figure class="drawn"><div role="img" aria-label="{caption}">{drawn[drawn.index("<svg") :]}</div>'
                    f"<figcaption>{caption}</figcaption></figure>"
                )
            )
        return made


def _series_cells(series: dict[str, Any]) -> list[str]:
    return [
        series["what"],
        series["axis"],
        ", ".join(map(str, series["sizes"])),
        _cost(series),
        f"{series['exponent']:.2f}",
        ", ".join(f"{m:.0f}" for m in series["memory_mb"]) or "not measured",
    ]


def _cost(series: dict[str, Any]) -> str:
    wall, seconds = (", ".join(map(_short, series[key])) for key in ("wall_seconds", "seconds"))
    words = f"{seconds} {series['clock']}"
    return f"{words}; {wall} wall seconds" if wall else words


def _short(number: float) -> str:
    return f"{number:.0f}" if number >= 10 else f"{number:.2g}"


def _claim(theorem: Theorem) -> Iterator[str]:
    claim = theorem.claim
    note = f" ({escape(prose(theorem.source.note))})" if theorem.source.note else ""
    yield f'<p class="item">{_badge(theorem.recorded)} {escape(prose(theorem.source.item))}{note}; '
    yield f"world {theorem.world.value}</p>"
    yield f'<p class="statement">{escape(prose(claim.statement))}</p>{display(claim.formula)}'
    if claim.where:
        pairs = "".join(f"<dt>{inline(s)}</dt><dd>{escape(prose(m))}</dd>" for s, m in claim.where.items())
        yield f'<dl class="where">{pairs}</dl>'
    if claim.assumptions:
        items = "".join(f"<li>{escape(prose(words))}</li>" for words in claim.assumptions)
        yield f'<p class="rubric">Assumptions</p><ul>{items}</ul>'


def _checks(theorem: Theorem) -> Iterator[str]:
    names = [words for part, words in CHECKS.items() if getattr(theorem, part) is not None]
    yield f'<p class="rubric">Checks</p><p>{escape(", ".join(names))}.</p>'
    if theorem.twins:
        items = "".join(f"<li>{escape(prose(twin.name))}</li>" for twin in theorem.twins)
        yield f'<p class="rubric">False twins</p><ul>{items}</ul>'
    twins = " --twins" if theorem.twins else ""
    module = catalogue().modules[theorem.source.paper.folder].replace(".", "/")
    yield f"<p>File <code>{module}/{escape(theorem.name)}.py</code>. Check it: "
    yield f"<code>odeflow verify {escape(theorem.id)}{twins}</code></p>"


def _help(command: Any, name: str) -> str:
    width, asks = 88, ["-h", "--help"]
    context = click.Context(
        command, info_name=f"odeflow {name}", max_content_width=width, terminal_width=width, help_option_names=asks
    )
    text = command.get_help(context)
    return click.unstyle(text).strip()


def _reference(theorem: Theorem, docname: str) -> nodes.Node:
    found = addnodes.pending_xref(
        "", refdomain="std", reftype="ref", reftarget=theorem.id.lower(), refexplicit=True, refdoc=docname, refwarn=True
    )
    found += nodes.literal(text=theorem.name)
    return found


def _paragraphs(text: str) -> list[nodes.Node]:
    """Paragraphs of a plain-text docstring; what is indented keeps its lines."""
    made: list[nodes.Node] = []
    for block in re.split(r"\n\s*\n", text):
        lines = block.split("\n")
        if all(line.startswith(" ") for line in lines):
            made.append(nodes.literal_block(text="\n".join(line.strip() for line in lines), language="none"))
        else:
            made.append(_paragraph(" ".join(block.split())))
    return made


def _paragraph(words: str) -> nodes.paragraph:
    """A paragraph in which `name` is set as code and the rest is typeset."""
    made = nodes.paragraph()
    for place, part in enumerate(re.split(r"`([^`]+)`", words)):
        made += nodes.literal(text=part) if place % 2 else nodes.Text(prose(part))
    return made


def _table(heads: list[str], body: str, label: str) -> str:
    row = "".join(f'<th scope="col">{escape(word)}</th>' for word in heads)
    return (
        f'<div class="table-wrapper" tabindex="0" role="group" aria-label="{label}"><table class="docutils">'
        f"<thead><tr>{row}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _row(cells: list[str], *, head: bool) -> str:
    first = f'<th scope="row">{escape(cells[0])}</th>' if head else f"<td>{escape(cells[0])}</td>"
    return f"<tr>{first}{''.join(f'<td>{escape(c)}</td>' for c in cells[1:])}</tr>"


def _badge(verdict: Verdict) -> str:
    return f'<span class="badge {verdict.value}" title="{escape(MEANINGS[verdict])}">{verdict.value}</span>'


def _raw(html: str) -> nodes.Node:
    return nodes.raw("", html, format="html")


assert set(MEANINGS) == set(Verdict)
