"""The house rules hold: floors, types, style, a light import, a wheel with two packages, a README that works."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
IMPORT_RUNS = 5


def run(*command: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run a command and return what it printed."""
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def test_imports_only_go_downstairs() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    outcome = run(str(lint), "--config", "setup.cfg", "--no-cache")
    assert outcome.returncode == 0, outcome.stdout


def test_types_are_complete() -> None:
    outcome = run(sys.executable, "-m", "mypy", "--no-error-summary")
    assert outcome.returncode == 0, outcome.stdout


def test_style_is_clean() -> None:
    outcome = run(sys.executable, "-m", "ruff", "check", "--no-cache", ".")
    assert outcome.returncode == 0, outcome.stdout


def test_importing_odeflow_loads_nothing_heavy() -> None:
    code = (
        "import sys, odeflow; "
        "print([m for m in ('hypothesis', 'matplotlib', 'numba', 'llvmlite', 'scipy', 'sympy') if m in sys.modules])"
    )
    outcome = run(sys.executable, "-c", code)
    assert outcome.stdout.strip() == "[]", outcome.stdout + outcome.stderr


def test_importing_odeflow_takes_less_than_twice_the_time_of_sympy() -> None:
    def fastest(module: str) -> float:
        code = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
        return min(float(run(sys.executable, "-c", code).stdout) for _ in range(IMPORT_RUNS))

    assert fastest("odeflow") < 2.0 * fastest("sympy")


def test_nothing_untrusted_is_evaluated() -> None:
    forbidden = {"eval", "exec", "compile", "parse_expr"}
    for path in [*(ROOT / "odeflow").rglob("*.py"), *(ROOT / "theory").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in forbidden, f"{path}:{node.lineno} calls {node.func.id}"
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                names = [a.name for a in node.names] + [getattr(node, "module", "") or ""]
                assert "pickle" not in names, f"{path}:{node.lineno} imports pickle"


def test_no_file_names_a_machine_or_a_registry() -> None:
    # spelled in pieces, so that this file does not name them itself
    words = ["pypi" + ".org", "files.python" + "hosted", "npm" + "js.org", "/ro" + "ot/", "/ho" + "me/"]
    listed = run("git", "ls-files").stdout.split()
    for name in listed or [str(p.relative_to(ROOT)) for p in ROOT.rglob("*.py")]:
        path = ROOT / name
        if path.suffix in {".npz", ".npy", ".png", ".gz"} or not path.is_file():
            continue
        text = path.read_text(encoding="utf-8")
        assert not [w for w in words if w in text], name


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from a copy of the tree, without touching the network."""
    import shutil

    source = tmp_path_factory.mktemp("source") / "odeflow"
    ignored = shutil.ignore_patterns(".git", "build", "*.egg-info", "__pycache__", ".venv", ".*cache*", ".hypothesis")
    shutil.copytree(ROOT, source, ignore=ignored)
    code = "from setuptools import build_meta; print(build_meta.build_wheel('.'))"
    outcome = run(sys.executable, "-c", code, cwd=source)
    built = list(source.glob("*.whl"))
    assert len(built) == 1, outcome.stdout + outcome.stderr
    return built[0]


def test_the_wheel_holds_two_packages_with_types_and_data(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    top = {n.split("/")[0] for n in names if ".dist-info" not in n}
    assert top == {"odeflow", "theory"}
    assert {"odeflow/py.typed", "theory/py.typed"} <= set(names)
    assert any(re.match(r"odeflow/data/diabetes.*\.csv", n) for n in names)
    assert any(n.endswith("licenses/LICENSE") for n in names)


def test_the_wheel_runs_from_an_empty_folder(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    environment = {**os.environ, "PYTHONPATH": str(site), "PYTHONSAFEPATH": "1"}
    outcome = subprocess.run(
        [sys.executable, "-c", "import odeflow, theory; print(odeflow.__file__, theory.__file__)"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome.stdout.count(str(site)) == 2, outcome.stdout + outcome.stderr


def test_ci_runs_the_readmes_test_command() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "pip install '.[test]' && pytest -n 2" in readme
    assert "pip install --quiet '.[test]'" in script
    assert "\npytest -n 2\n" in script
    assert "pip install . && odeflow verify" in readme


def test_every_command_in_the_readme_exists() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = set(re.findall(r"^\s*(?:\$ )?odeflow ([a-z]+)", readme, re.MULTILINE))
    helped = run(sys.executable, "-m", "odeflow", "--help").stdout
    assert commands
    assert all(command in helped for command in commands), commands


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.py")), ids=lambda p: p.name)
def test_each_example_runs(path: Path, tmp_path: Path) -> None:
    outcome = subprocess.run(
        [sys.executable, "-W", "error", str(path)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout


def test_the_plugin_package_is_found_and_checked_from_an_empty_folder(tmp_path: Path) -> None:
    source, target, empty = tmp_path / "source", tmp_path / "installed", tmp_path / "empty"
    shutil.copytree(ROOT / "examples" / "07_own_theorem", source)
    empty.mkdir()
    run(sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--target",
        str(target), str(source))  # fmt: skip
    environment = {**os.environ, "PYTHONPATH": f"{target}{os.pathsep}{ROOT}", "COLUMNS": "100"}

    def odeflow(*arguments: str) -> str:
        command = [sys.executable, "-m", "odeflow", *arguments]
        done = subprocess.run(command, cwd=empty, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert "gradient_flow_rate_pl" in odeflow("list", "polyak")
    assert "PROVED" in odeflow("show", "gradient_flow_rate_pl")
    assert "1 PROVED; all as recorded; 2 false twins, all refuted" in odeflow("verify", "polyak", "--twins")
    tested = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(source / "tests")],
        cwd=empty, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert tested.returncode == 0, tested.stdout + tested.stderr
