"""Docstrings here are plain text in numpydoc's layout; this turns them into what napoleon and docutils read.

Signs that reStructuredText takes for markup are escaped, `name` becomes code, indented formulas keep their lines, and
an entry `name : words` becomes a name with a description, since the types already stand in the signature.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

__all__ = ["to_restructured"]

ENTRIES = {"Parameters", "Attributes", "Raises", "Yields", "Other Parameters"}
SECTIONS = ENTRIES | {"Returns", "Examples", "References", "Notes", "See Also", "Warns"}
_CODE = re.compile(r"`([^`]+)`")
_MARKUP = re.compile(r"([\\|*])")
_TRAILING = re.compile(r"(?<=[\w)])_(?!\w)")
_ALIGNED = re.compile(r"\S {2,}\S")
_ENTRY = re.compile(r"^(?P<names>[\w*, .\\]+?) : (?P<words>.*)$")


def to_restructured(lines: Sequence[str]) -> list[str]:
    """Return the docstring's lines as reStructuredText in numpydoc's layout."""
    made: list[str] = []
    for name, body in _sections(lines):
        if name and name != "Returns":
            made += [name, "-" * len(name)]
        if name == "Examples":
            made += _examples(body)
        elif name in ENTRIES:
            made += _entries(body)
        elif name == "Returns":
            made += _returned(body)
        else:
            made += _prose(body)
        made.append("")
    return made


def _sections(lines: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    name = ""
    body: list[str] = []
    place = 0
    while place < len(lines):
        below = lines[place + 1] if place + 1 < len(lines) else ""
        heading = lines[place].strip()
        if heading in SECTIONS and re.fullmatch(r"\s*-{3,}\s*", below):
            yield name, body
            name, body = heading, []
            place += 2
        else:
            body.append(lines[place])
            place += 1
    yield name, body


def _blocks(lines: Sequence[str]) -> Iterator[list[str]]:
    block: list[str] = []
    for line in lines:
        if line.strip():
            block.append(line.rstrip())
        elif block:
            yield block
            block = []
    if block:
        yield block


def _prose(lines: Sequence[str]) -> list[str]:
    """Paragraphs; a change of indentation starts a new one, and indented lines keep their breaks."""
    made: list[str] = []
    for block in _blocks(lines):
        if block[0].lstrip().startswith(">>>"):
            made += ["", *block, ""]
            continue
        for inner, run in _runs(block):
            text = "\n".join(run)
            if inner and any(_ALIGNED.search(line) for line in run):
                made += ["", "::", "", *(f"    {line.strip()}" for line in run), ""]
            elif inner:
                made += ["", *(f"| {_escaped(line.strip())}" for line in run), ""]
            else:
                made += ["", *_escaped(text).split("\n"), ""]
        made.append("")
    return made


def _runs(block: Sequence[str]) -> Iterator[tuple[bool, list[str]]]:
    """Stretches of one indentation, headings and list items apart; whether each is indented."""
    run: list[str] = []
    inner = False
    listed = _bullet(block[0])
    for place, line in enumerate(block):
        if re.fullmatch(r"-{3,}", line):
            continue
        below = block[place + 1] if place + 1 < len(block) else ""
        now = line.startswith(" ") and not listed
        if run and (now is not inner or _bullet(line)):
            yield inner, run
            run = []
        inner = now
        run.append(line)
        if re.fullmatch(r"-{3,}", below):
            yield False, [f"{line}:"]
            run = []
    if run:
        yield inner, run


def _bullet(line: str) -> bool:
    return re.match(r"[-*] ", line) is not None


def _examples(lines: Sequence[str]) -> list[str]:
    made: list[str] = []
    for block in _blocks(lines):
        made += [*(block if block[0].lstrip().startswith(">>>") else map(_escaped, block)), ""]
    return made


def _entries(lines: Sequence[str]) -> list[str]:
    made: list[str] = []
    for names, words in _items(lines):
        made += [_escaped(names), f"    {_escaped(words) or ' '}"]
    return made


def _items(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    names = ""
    parts: list[str] = []
    for line in lines:
        if not line.strip():
            continue
        if line.startswith(" "):
            word = line.strip()
            starts = len(parts) == 1 and word[:1].isupper() and not parts[0].endswith((".", ";", ",", ":"))
            parts.append(f"\u2013 {word}" if starts and parts[0] else word)
            continue
        if names:
            yield names, " ".join(filter(None, parts))
        found = _ENTRY.match(line)
        names, parts = (found["names"], [found["words"]]) if found else (line, [""])
    if names:
        yield names, " ".join(filter(None, parts))


def _returned(lines: Sequence[str]) -> list[str]:
    """What comes back, as one field: a type, and what it holds."""
    words = " ".join(line.strip() for line in lines if line.strip())
    return [f":returns: {_escaped(words)}"] if words else []


def _escaped(line: str) -> str:
    made = ""
    for place, part in enumerate(_CODE.split(line)):
        if place % 2:
            made += ("" if not made or made[-1] in " ([\n" else "\\ ") + f"``{part}``"
        else:
            made += ("\\ " if place and part[:1].isalnum() else "") + _plain(part)
    return made


def _plain(text: str) -> str:
    return _TRAILING.sub(r"\\_", _MARKUP.sub(r"\\\1", text))
