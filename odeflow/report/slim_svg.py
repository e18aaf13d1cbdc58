"""A drawing's SVG in a fraction of the characters, the same to the eye, so that hundreds of them fit in one page."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby
from typing import TypeAlias
from xml.etree import ElementTree

__all__ = ["slim"]

_Shapes: TypeAlias = dict[str, ElementTree.Element]
_Frames: TypeAlias = dict[str, ElementTree.Element | None]
_SVG = "{http://www.w3.org/2000/svg}"
_LINK = "{http://www.w3.org/1999/xlink}href"
_NUMBER = re.compile(r"-?\d+\.\d+(?:e-?\d+)?")
_NO_TURN = re.compile(r"rotate\(-?0(?:\.0+)? ")
_CLIP = re.compile(r"url\(#([^)]*)\)")
_FAMILY = re.compile(r" ?font-family: [^;]*(;|$)")
_BESIDE_LETTER = re.compile(r"\s*([A-Za-z])\s*")
_CORNER = re.compile(r"([ML]) (\S+) (\S+)")
_ANY_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")
_STROKE = re.compile(r"stroke: (#\w+)")
_STROKE_WIDTH = re.compile(r"stroke-width: ([\d.]+)")
_STRAIGHT = re.compile(r"(?:[MLz]|-?[\d.]+(?:e-?\d+)?|\s)*")
_OUTSIDE = 0.05
"""So many units outside its frame a line's point may lie and still need no cutting: a twentieth of its width."""
_OF_ROOT = 'stroke-linejoin="round" font-family="DejaVu Sans,Verdana,sans-serif" font-size="10px"'


def slim(svg: str, prefix: str) -> str:
    """Return a drawing of Matplotlib's without what no reader sees, its names begun with `prefix`.

    Left out are metadata, names that nothing refers to, groups that change nothing, digits beyond a hundredth of a
    unit, and frames around what lies within them. Markers become one path: dots are strokes of no length with round
    ends.

    Parameters
    ----------
    svg : as Matplotlib writes it, its letters as text
    prefix : sets the names apart from those of other drawings in the page

    Examples
    --------
    >>> head = '<svg xmlns="http://www.w3.org/2000/svg" width="9pt" height="9pt" viewBox="0 0 9 9">'
    >>> drawn = slim(f'{head}<g id="a"><path d="M 1.0001 2 \\nL 3.14159 4" style="fill: none"/></g></svg>', "p")
    >>> drawn[drawn.index("<path"):]
    '<path d="M1 2L3.14 4" style="fill:none"/></svg>'
    """
    root = ElementTree.fromstring(svg)
    shapes = {e.get("id", ""): e for e in root.iter(f"{_SVG}path") if e.get("id")}
    frames = {e.get("id", ""): e.find(f"{_SVG}rect") for e in root.iter(f"{_SVG}clipPath")}
    names = {name: f"{prefix}{number}" for number, name in enumerate(frames)}
    inside = "".join(part for child in root for part in _written(child, shapes, frames, names))
    used = "".join(
        f'<clipPath id="{names[name]}"><rect {_attributes(frame)}/></clipPath>'
        for name, frame in frames.items()
        if frame is not None and f"url(#{names[name]})" in inside
    )
    return f'<svg viewBox="{root.get("viewBox")}" {_OF_ROOT}>{used}{inside}</svg>'


def _written(element: ElementTree.Element, shapes: _Shapes, frames: _Frames, names: dict[str, str]) -> Iterator[str]:
    tag = element.tag.removeprefix(_SVG)
    if tag in ("metadata", "defs", "style"):
        return
    clip = _clip(element, frames, names)
    if tag == "path":
        yield f'<path d="{_short_path(element.get("d", ""))}"{_styled(element)}{clip}/>'
    elif tag == "g":
        uses = element.findall(f"{_SVG}use")
        if uses and len(uses) == len(element):
            yield from _markers(uses, shapes, clip)
            return
        parts = [part for child in element for part in _written(child, shapes, frames, names)]
        changed = _styled(element) + clip
        yield from [f"<g{changed}>", *parts, "</g>"] if changed and parts else parts
    elif tag == "use":
        yield from _markers([element], shapes, clip)
    else:
        words = escape((element.text or "").strip("\n "), quote=False)
        below = "".join(part for child in element for part in _written(child, shapes, frames, names))
        at = "".join(
            f' {k}="{_rounded(v)}"' for k, v in element.attrib.items() if k not in ("style", "transform", "id")
        )
        yield f"<{tag}{at}{_styled(element)}>{words}{below}</{tag}>"


def _markers(uses: Sequence[ElementTree.Element], shapes: _Shapes, clip: str) -> Iterator[str]:
    """Yield one path for each run of markers that look the same."""
    for (link, style), run in groupby(uses, key=lambda use: (use.get(_LINK, ""), use.get("style", ""))):
        places = [(float(use.get("x", 0)), float(use.get("y", 0))) for use in run]
        shape = shapes[link.removeprefix("#")]
        yield _marked(shape.get("d", ""), style or shape.get("style", ""), places, clip)


def _marked(drawn: str, style: str, places: Sequence[tuple[float, float]], clip: str) -> str:
    """Return what is drawn, at all places: lines as they are, anything round as a dot."""
    if _STRAIGHT.fullmatch(drawn):
        end = "z" if "z" in drawn else ""
        corners = [(letter, float(x), float(y)) for letter, x, y in _CORNER.findall(drawn)]
        path = "".join("".join(f"{c}{_two(x + a)} {_two(y + b)}" for c, a, b in corners) + end for x, y in places)
        return f'<path d="{path}" style="{_short_style(style)}"{clip}/>'
    reach = [abs(float(number)) for number in _ANY_NUMBER.findall(drawn)]
    ink, edge = _STROKE.search(style), _STROKE_WIDTH.search(style)
    size = 2 * max(reach) + (float(edge[1]) if edge else 1.0)
    path = "".join(f"M{_two(x)} {_two(y)}h0" for x, y in places)
    look = f"stroke:{ink[1] if ink else '#000'};stroke-width:{_two(size)};stroke-linecap:round"
    return f'<path d="{path}" style="{look}"{clip}/>'


def _clip(element: ElementTree.Element, frames: _Frames, names: dict[str, str]) -> str:
    """Return the frame that cuts an element, unless the element is a path within it."""
    found = _CLIP.match(element.get("clip-path", ""))
    if found is None:
        return ""
    frame = frames[found[1]]
    drawn = element.get("d")
    if frame is not None and drawn is not None and _STRAIGHT.fullmatch(drawn):
        left, top, width, height = (float(frame.get(name, 0)) for name in ("x", "y", "width", "height"))
        points = [(float(x) - left, float(y) - top) for _, x, y in _CORNER.findall(drawn)]
        if all(-_OUTSIDE <= x <= width + _OUTSIDE and -_OUTSIDE <= y <= height + _OUTSIDE for x, y in points):
            return ""
    return f' clip-path="url(#{names[found[1]]})"'


def _styled(element: ElementTree.Element) -> str:
    style = _short_style(element.get("style", ""))
    turned = element.get("transform", "")
    kept = "" if _NO_TURN.match(turned) else turned
    return (f' style="{style}"' if style else "") + (f' transform="{_rounded(kept)}"' if kept else "")


def _short_style(style: str) -> str:
    kept = _FAMILY.sub("", style).replace("font-size: 10px", "").strip("; ")
    return re.sub(r"\s*([:;])\s*", r"\1", re.sub(r";\s*;", ";", kept))


def _attributes(element: ElementTree.Element) -> str:
    return " ".join(f'{name}="{_rounded(value)}"' for name, value in element.attrib.items())


def _short_path(drawn: str) -> str:
    return _BESIDE_LETTER.sub(r"\1", _rounded(drawn)).strip()


def _rounded(words: str) -> str:
    return _NUMBER.sub(lambda m: _two(float(m[0])), words)


def _two(number: float) -> str:
    written = f"{number:.2f}".rstrip("0").rstrip(".")
    return "0" if written == "-0" else written
