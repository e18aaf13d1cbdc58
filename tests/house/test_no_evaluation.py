"""Nothing that comes from outside is ever evaluated: the syntax trees of everything we ship are searched.

Worker processes do exchange pickles with the process that started them (`multiprocessing`, and Dask or MPI where the
user runs a cluster); that is our own data on our own pipe, and no such call stands in the code that is searched here.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("odeflow", "theory", "examples")

EVALUATORS = {"eval", "exec", "compile", "__import__", "execfile"}
MODULES = {
    "cPickle", "cloudpickle", "code", "codeop", "dill", "joblib", "marshal", "pickle", "runpy", "shelve",
    "sympy.parsing", "yaml",
}  # fmt: skip
PARSERS = {"parse_expr", "parse_latex", "parse_mathematica", "lambdify", "read_pickle", "unsafe_load", "full_load"}
SHELLS = {("os", "system"), ("os", "popen"), ("subprocess", "getoutput"), ("subprocess", "getstatusoutput")}
TAKE_NAMES = {
    "Dummy", "Float", "Function", "Idx", "Indexed", "IndexedBase", "Integer", "MatrixSymbol", "Rational", "Symbol",
    "Wild", "lambdify", "pretty_symbol", "symbols",
}  # fmt: skip
"""SymPy's functions for which text is a name, a number or an option, and not an expression to be parsed."""

ALLOWED = {
    ("odeflow/catalogue.py", "import_module"): "plugins are Python packages that the user installed",
    ("odeflow/completion.py", "import_module"): "the same packages, where they are no folder of pages",
    ("odeflow/warmup.py", "import_module"): "kernel modules, found in our own package",
    ("odeflow/symbolic/deep_linear_words.py", "sympify"): "passed as a function of numbers, not called on text",
    ("theory/*", "import_module"): "a paper imports its own pages by name",
    ("theory/*", "lambdify"): "formulas that a page writes in Python; no page reads text",
    ("examples/*", "lambdify"): "formulas that an example writes in Python",
}
"""(file or folder, what it uses) -> why nothing untrusted is evaluated there. An entry that is not needed fails."""


def offences(source: str) -> Iterator[tuple[int, str]]:
    """Yield (line, what) for every use of something that evaluates."""
    tree = ast.parse(source)
    aliases = {
        alias.asname or alias.name.split(".")[0]: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    sympy_names = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "sympy"
        for alias in node.names
    }
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
            if isinstance(node, ast.ImportFrom):
                modules += [f"{node.module}.{a.name}" for a in node.names]
            for name in modules:
                if any(name == bad or name.startswith(f"{bad}.") for bad in MODULES):
                    yield node.lineno, name
            if isinstance(node, ast.ImportFrom):
                yield from ((node.lineno, a.name) for a in node.names if a.name in PARSERS | {"sympify"})
        elif isinstance(node, ast.Name) and node.id in EVALUATORS:
            yield node.lineno, node.id  # also when it is only passed on
        elif isinstance(node, ast.Attribute):
            owner = aliases.get(node.value.id, "") if isinstance(node.value, ast.Name) else ""
            if (owner == "builtins" and node.attr in EVALUATORS) or node.attr in PARSERS:
                yield node.lineno, node.attr
            if (owner, node.attr) in SHELLS or (node.attr == "sympify" and not _is_called(node, tree)):
                yield node.lineno, node.attr
        if isinstance(node, ast.Call):
            yield from _calls(node, aliases, sympy_names)


def _calls(node: ast.Call, aliases: dict[str, str], sympy_names: set[str]) -> Iterator[tuple[int, str]]:
    function = node.func
    name = getattr(function, "id", "") or getattr(function, "attr", "")
    holder = getattr(function, "value", None)
    owner = aliases.get(holder.id, "") if isinstance(holder, ast.Name) else ""
    given = {k.arg: k.value for k in node.keywords}

    def says(key: str, value: object) -> bool:
        return key in given and isinstance(given[key], ast.Constant) and given[key].value is value  # type: ignore[attr-defined]

    if name == "sympify" and not says("strict", True):
        yield node.lineno, "sympify"  # without strict=True it parses text
    if name == "load" and owner == "numpy" and not says("allow_pickle", False):
        yield node.lineno, "numpy.load"
    if "shell" in given and not says("shell", False):
        yield node.lineno, "shell"
    if name == "import_module" and not (node.args and isinstance(node.args[0], ast.Constant)):
        yield node.lineno, "import_module"
    from_sympy = owner == "sympy" or (isinstance(function, ast.Name) and name in sympy_names)
    # keywords are options (`method="berkowitz"`), and so are the directions of a limit
    if from_sympy and name not in TAKE_NAMES and any(_is_text(argument) for argument in node.args):
        yield node.lineno, f"text to sympy.{name}"


def _is_text(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str) and node.value not in ("+", "-", "+-")
    return isinstance(node, ast.JoinedStr)


def _is_called(attribute: ast.Attribute, tree: ast.AST) -> bool:
    return any(isinstance(node, ast.Call) and node.func is attribute for node in ast.walk(tree))


def test_nothing_we_ship_evaluates_text() -> None:
    found: list[str] = []
    used: set[tuple[str, str]] = set()
    for path in sorted(p for folder in FOLDERS for p in (ROOT / folder).rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        for line, what in offences(path.read_text(encoding="utf-8")):
            keys = {(name, what), (f"{name.split('/')[0]}/*", what)} & set(ALLOWED)
            used |= keys
            if not keys:
                found.append(f"{name}:{line}: {what}")
    assert not found, "\n".join(found)
    assert used == set(ALLOWED), f"allowed and not needed: {set(ALLOWED) - used}"


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("eval('1')", "eval"),
        ("f = exec", "exec"),
        ("import builtins as b\nb.eval('1')", "eval"),
        ("compile(x, '', 'eval')", "compile"),
        ("__import__(x)", "__import__"),
        ("import pickle", "pickle"),
        ("from pickle import loads", "pickle"),
        ("import marshal as m", "marshal"),
        ("import shelve", "shelve"),
        ("import yaml", "yaml"),
        ("import sympy as sp\nsp.sympify(x)", "sympify"),
        ("import sympy as sp\nsp.sympify(x, strict=False)", "sympify"),
        ("import sympy as sp\nlist(map(sp.sympify, x))", "sympify"),
        ("from sympy import sympify", "sympify"),
        ("from sympy.parsing.sympy_parser import parse_expr", "sympy.parsing.sympy_parser"),
        ("import sympy as sp\nsp.parse_expr(x)", "parse_expr"),
        ("import sympy as sp\nsp.lambdify(x, y)", "lambdify"),
        ("import sympy as sp\nsp.S('x + 1')", "text to sympy.S"),
        ("import sympy as sp\nsp.S(f'{x}')", "text to sympy.S"),
        ("from sympy import S\nS('x')", "text to sympy.S"),
        ("import sympy as sp\nsp.Add('x', 1)", "text to sympy.Add"),
        ("import sympy as sp\nsp.Poly('x**2')", "text to sympy.Poly"),
        ("import numpy as np\nnp.load(f)", "numpy.load"),
        ("import numpy as np\nnp.load(f, allow_pickle=True)", "numpy.load"),
        ("import numpy as np\nnp.load(f, allow_pickle=x)", "numpy.load"),
        ("import subprocess\nsubprocess.run(x, shell=True)", "shell"),
        ("import os\nos.system(x)", "system"),
        ("import importlib\nimportlib.import_module(x)", "import_module"),
    ],
)
def test_each_way_to_evaluate_is_seen(source: str, what: str) -> None:
    assert what in [found for _, found in offences(source)]


@pytest.mark.parametrize(
    "source",
    [
        "import sympy as sp\nsp.Symbol('x') + sp.Rational('1/3') + sp.symbols('a b')[0]",
        "import sympy as sp\nsp.sympify(x, strict=True)",
        "poly.eval(point)",
        "re.compile('x')",
        "import numpy as np\nnp.load(f, allow_pickle=False)",
        "import subprocess\nsubprocess.run(['ls'])",
    ],
)
def test_what_evaluates_nothing_is_left_alone(source: str) -> None:
    assert not list(offences(source))
