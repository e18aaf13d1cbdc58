"""Whatever comes in from outside ends in a value or an OdeflowError, within a second: thousands of cases a door.

A door is a function of bytes. Hypothesis drives each with random bytes, with damaged copies of good input and, for
text, with sentences of its grammar; `fuzz_with_atheris.py` beside this file drives the same doors by coverage.
More cases: ODEFLOW_FUZZ_CASES=5000 pytest tests/hostile
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import random
import signal
import tempfile
import time
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from odeflow import checker
from odeflow.checker import Rejected, Unreadable, verify_text
from odeflow.datasets import Dataset, read_dataset
from odeflow.errors import OdeflowError, printable
from odeflow.flow_text import parse_energy, parse_flow, parse_rational
from odeflow.kernel_spectrum import kernel_class, read_kernel
from odeflow.sweep.cells import CellResult
from odeflow.sweep.spec import SweepSpec, read_spec
from odeflow.sweep.store import Store, open_sweep, reasons, status

LONGEST_SECONDS = 1.0
"""Of processor time of this thread, so that other work on the machine does not count."""
HANGS_SECONDS = 15.0
BETWEEN_MEMBERS = b"--member--"
CASES = int(os.environ.get("ODEFLOW_FUZZ_CASES", "150"))
STRIDE = 1 if CASES > 1000 else 7
"""Of the bytes of a store at which it is damaged."""

FLOW = parse_flow("x''' + 3*x'' + a*x' + grad(x + 1/2*x')")
SPEC = SweepSpec.checked({"samples": [3, 4], "seed": [0, 1, 2]}, ["sharp", "exponent"])
CERTIFICATE = {
    "format": checker.FORMAT, "version": 1, "kind": "exponential", "rate": "2", "valid_from": "0", "floor": "1",
    "flow": {"order": 1, "damping": [], "gradient": [["0", "1"]], "hessian": [], "point": [[["0", "1"]]]},
    "class": {"name": "strongly-convex", "mu": "1", "smooth": None},
    "energy": {"f": "1", "matrix": [["0", "0"], ["0", "0"]]},
    "multipliers": {"decay": {"tangent": "2"}, "positivity": {}},
}  # fmt: skip


@contextlib.contextmanager
def file_of(content: bytes, suffix: str) -> Iterator[Path]:
    handle, name = tempfile.mkstemp(suffix=suffix)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        yield Path(name)
    finally:
        os.unlink(name)


def text_of(content: bytes) -> str:
    return content.decode("utf-8", errors="replace")


# --- the doors


def flow_door(content: bytes) -> None:
    flow = parse_flow(text_of(content))
    again = str(flow)
    assert again == printable(again)
    with contextlib.suppress(OdeflowError):
        flow.at(dict.fromkeys(flow.parameters, parse_rational("3/7")))


def energy_door(content: bytes) -> None:
    str(parse_energy(text_of(content), FLOW))


def rational_door(content: bytes) -> None:
    parse_rational(text_of(content))


def certificate_door(content: bytes) -> None:
    try:
        said = verify_text(text_of(content))
    except (Rejected, Unreadable) as error:
        raise OdeflowError(str(error)) from None  # the checker stands alone and has classes of its own
    assert said == printable(said)


def spec_door(content: bytes) -> None:
    with file_of(content, ".toml") as path:
        spec = read_spec(path)
    assert SweepSpec.from_json(spec.to_json()) == spec


def kernel_door(content: bytes) -> None:
    with file_of(content, ".txt") as path:
        known = kernel_class(read_kernel(path))
    assert known.smooth is not None
    assert 0 < known.mu <= known.smooth


def data_door(suffix: str) -> Callable[[bytes], None]:
    def door(content: bytes) -> None:
        with file_of(content, suffix) as path:
            data = read_dataset(path)
        assert isinstance(data, Dataset)
        assert np.isfinite(data.features).all()
        assert np.isfinite(data.target).all()

    return door


def npz_members_door(content: bytes) -> None:
    """Take two parts as the members of an archive, with the checksums that they should have."""
    inputs, _, targets = content.partition(BETWEEN_MEMBERS)
    data_door(".npz")(archive({"X.npy": inputs, "y.npy": targets}))


@contextlib.contextmanager
def store_of(described: bytes, journal: bytes) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "spec.json").write_bytes(described)
        (Path(folder) / "journal.jsonl").write_bytes(journal)
        yield Path(folder)


def journal_door(content: bytes) -> None:
    described = json.dumps({"format": 1, "spec": json.loads(SPEC.to_json())}).encode()
    with store_of(described, content) as folder:
        found = status(folder)
        assert 0 <= found.done <= SPEC.size
        open_sweep(folder)
        assert all(word == printable(word) for word in reasons(folder))


def journal_lines_door(content: bytes) -> None:
    """Take every line as the body of a line of the journal, with the checksum that it should have."""
    journal_door(b"".join(line(body) for body in content.splitlines()))


def described_door(content: bytes) -> None:
    with store_of(content, b"") as folder:
        assert status(folder).done == 0


# --- good input, to be damaged


def npy(array: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


def npz(**arrays: Any) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


def line(body: str | bytes) -> bytes:
    raw = body.encode() if isinstance(body, str) else body
    return b"%08x %s\n" % (zlib.crc32(raw), raw)


GOOD: dict[str, tuple[Callable[[bytes], None], list[bytes], list[bytes]]] = {
    "flow": (
        flow_door,
        [b"x'' + 3/t*x' + grad(x)", b"x'' = -2*x' - sqrt(8)*b^2*grad(x + 1/2*x')", b"x' + hess*x' + (a+b)^3*grad(x)"],
        [b"^12", b"(", b")", b"t^(1/12)", b"sqrt(", b"*(a+b)", b"/0", b"9999999999", b"grad(x)", b"x''''", b"hess*"],
    ),
    "energy": (
        energy_door,
        [b"f + 1/2*norm(x + v)^2", b"t^2*f + inner(x, grad(x + 1/2*x')) - a*norm(x'')^2"],
        [b"norm(", b"inner(", b"^2", b"^12", b"grad(x + 1/2*x')", b"*(a+b+c)", b"f", b"x''", b","],
    ),
    "rational": (rational_door, [b"4/3", b"-2", b"0.25"], [b"/0", b"_", b"e9", b"\xd9\xa3", b".", b"-", b"99999999"]),
    "certificate": (
        certificate_door,
        [json.dumps(CERTIFICATE).encode()],
        [b'"', b"{", b"}", b"[", b"]", b"null", b"1e400", b"NaN", b'"1/0"', b'"-1"', b"9" * 60, b'"9e9"', b"[[[["],
    ),
    "sweep spec": (
        spec_door,
        [
            b'[sweep]\nobservables = ["sharp"]\nseed = 3\n[grid]\nwidth = [1, 2]\nseed = {from = 0, to = 9}\n',
            b'[grid]\nflow = ["gradient-flow", "x\'\' + 3*x\' + grad(x)"]\nlearning_rate = [0.5, 1e-3]\n',
        ],
        [b"nan", b"inf", b"9" * 30, b"1e400", b"[", b"]", b"{from = 0, to = 9999999}", b"a.b.c = 1\n", b'"""', b"\x00"],
    ),
    "kernel": (
        kernel_door,
        [b"2 1\n1 2\n", b"1, 0.5, 1/3\n0.5, 2, 0\n1/3, 0, 3\n"],
        [b"1/0", b"9" * 29, b"/" + b"9" * 20, b"-", b"nan", b"1e5", b"\n", b" ", b"0.0000000000001"],
    ),
    "CSV": (
        data_door(".csv"),
        ["a,b,y\n1,2,3\n4,5,6.5\n".encode(e) for e in ("utf-8", "utf-16", "utf-8-sig")] + [b"1;2;3\n4;5;6\n"],
        [b"nan", b"1e400", b'"', b"\x00", b"\xff\xfe", b"\r", b"\n", b",", b"\t", b"1_0", b"\xd9\xa3", b"\x1b[3m"],
    ),
    "NPY": (
        data_door(".npy"),
        [
            npy(np.ones((3, 2))),
            npy(np.arange(6).reshape(3, 2)),
            npy(np.array([[1, None]], dtype=object)),
            npy(np.array([(1.0, "a")], dtype=[("x", "f8"), ("y", "U0")])),
        ],
        [b"9" * 12, b"(1000000000000, 2)", b"'|O'", b"'<U0'", b"True", b"'<f8'", b"\x93NUMPY\x03\x00", b"(0, 0)", b"-"],
    ),
    "NPZ": (
        data_door(".npz"),
        [npz(X=np.ones((3, 2)), y=np.ones(3)), npz(a=np.ones((3, 2))), npz(X=np.array([None], dtype=object), y=[1.0])],
        [b"PK\x01\x02", b"PK\x05\x06", b"\xff\xff\xff\xff", b"X.npy", b"\x00" * 8, b"(9999999999, 9)"],
    ),
    "NPZ members": (
        npz_members_door,
        [
            npy(np.ones((3, 2))) + BETWEEN_MEMBERS + npy(np.ones(3)),
            npy(np.array([None], dtype=object)) + BETWEEN_MEMBERS + npy(np.array(["1", "2"])),
        ],
        [
            b"9" * 12,
            b"(3, 2)",
            b"(3,)",
            b"(1000000000000, 0)",
            b"'|O'",
            b"'<U0'",
            b"True",
            b"'<f8'",
            b"'>i4'",
            b"'<c16'",
            b"\x93NUMPY\x03\x00",
            BETWEEN_MEMBERS,
        ],
    ),
    "journal": (
        journal_door,
        [
            line('[[0, 1], [1.5, 2.5], "", 0.25]') + line('[[1, 2], [NaN, NaN], "\\u001b[31m broken", 1]'),
            line('[[0.5, true], [1, 2], "", 0]')
            + line('[[0, 0], ["1", 2], "", 0]')
            + line('[{"0": 0}, [1, 2], [], 0]'),
            line("[" * 5000 + "]" * 5000),
        ],
        [
            line("[[0, 0], [" + "9" * 400 + ', 1], "", 0]'),
            line('[[1, 1], [1, 2], "", 1e400]'),
            b"\n",
            b"\x00",
            line("[" * 900 + "]" * 900),
            line('["01", [1, 2], "", 0]'),
            line("null"),
            line('[[0, -1], [1, 2], "", 0]'),
        ],
    ),
    "journal lines": (
        journal_lines_door,
        [b'[[0, 1], [1.5, 2.5], "", 0.25]\n[[1, 2], [NaN, NaN], "broken", 1]\n[[0, 0], [1, -Infinity], "", 1e-3]\n'],
        [
            b'[[1, 1], [1, 2], "", 1e400]\n',
            b'[[0, 1], [1, 2], "", -1e400]\n',
            b'[[0, 2], [1, 2], "", 1e308]\n',
            b"1e308",
            b"-1e400",
            b"NaN",
            b"true",
            b"null",
            b"9" * 400,
            b'"\\u001b[3m"',
            b"[" * 900,
            b"]",
            b"-1",
            b"0.5",
        ],
    ),
    "spec.json": (
        described_door,
        [json.dumps({"format": 1, "spec": json.loads(SPEC.to_json())}).encode()],
        [b"[" * 900, b"null", b"1e400", b"NaN", b"9" * 400, b'{"from": 0, "to": 9999999}', b'"seed"', b"true", b"[]"],
    ),
}


@contextlib.contextmanager
def bounded() -> Iterator[None]:
    """Raise an AssertionError where a loop runs on, so that the input is shown that a run would hang at."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def hangs(number: int, frame: object) -> None:
        raise AssertionError(f"did not end within {HANGS_SECONDS} s of this process")

    before = signal.signal(signal.SIGVTALRM, hangs)
    signal.setitimer(signal.ITIMER_VIRTUAL, HANGS_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0.0)
        signal.signal(signal.SIGVTALRM, before)


def outcome(door: Callable[[bytes], None], content: bytes) -> str:
    """Return "read" or "refused"; anything else is raised, also when a door does not end."""
    begin = time.thread_time()
    with bounded():
        try:
            door(content)
            ended = "read"
        except OdeflowError as error:
            said = str(error)
            assert said == printable(said), "a message carries characters that a terminal obeys"
            assert len(said) < 100_000
            ended = "refused"
    spent = time.thread_time() - begin
    assert spent < LONGEST_SECONDS, f"took {spent:.2f} s: {content[:200]!r}"
    return ended


@pytest.fixture(scope="module", autouse=True)
def imported() -> None:
    """Import what doors import when they are first used: that time is not theirs."""
    with contextlib.suppress(ImportError):
        importlib.import_module("xarray")


# --- the cases


@st.composite
def damaged(draw: st.DrawFn, good: list[bytes], words: list[bytes]) -> bytes:
    """Return good input after up to eight edits: bytes and words put in, taken out, doubled, spliced, repeated."""
    content = draw(st.sampled_from(good))
    for _ in range(draw(st.integers(0, 8))):
        at = draw(st.integers(0, len(content)))
        end = draw(st.integers(at, min(len(content), at + 12)))
        match draw(st.integers(0, 6)):
            case 0:
                content = content[:at] + draw(st.binary(min_size=1, max_size=4)) + content[end:]
            case 1:
                content = content[:at] + content[end:]
            case 2:
                content = content[:at] + draw(st.sampled_from(words)) + content[at:]
            case 3:
                content = content[:at] + draw(st.sampled_from(words)) + content[end:]
            case 4:
                content = content[:end] + content[at:]
            case 5:
                content = content[:at] + draw(st.sampled_from(good))[at:]
            case _:
                content = content[:at] + content[at:end] * draw(st.sampled_from([2, 30, 400])) + content[end:]
    return content


class Grammar:
    """Sentences of the grammar of flows and energies, mostly well formed, by choices that something else makes.

    Parameters
    ----------
    below : returns a whole number from 0 to n - 1; Hypothesis draws it, or a seeded generator, a hundred times faster
    """

    LEAVES = ("a", "b", "t", "mu", "2", "1/3", "0.5", "0", "99999999999999999999", "10^12", "sqrt(2)")
    VECTORS = ("x'", "x''", "x'''", "x''''", "grad(x)", "grad(x + 1/2*x')", "hess*x'", "hess*(x' + 1/2*x'')")
    POWERS = ("2", "3", "12", "(1/2)", "-1", "(-1/2)", "(1/12)", "13")

    def __init__(self, below: Callable[[int], int]) -> None:
        self.below = below

    def one(self, among: Sequence[str]) -> str:
        return among[self.below(len(among))]

    def scalar(self, leaves: int = 12) -> str:
        match self.below(6) if leaves > 1 else self.below(2):
            case 0 | 1:
                return str(self.below(10**6 + 1)) if self.below(len(self.LEAVES) + 1) == 0 else self.one(self.LEAVES)
            case 2 | 3:
                first = 1 + self.below(leaves - 1)
                return f"({self.scalar(first)}{self.one('+-*/')}{self.scalar(leaves - first)})"
            case 4:
                return f"{self.scalar(leaves - 1)}^{self.one(self.POWERS)}"
            case _:
                return f"sqrt({self.scalar(leaves - 1)})"

    def vector(self) -> str:
        return self.one(self.VECTORS) if self.below(2) else f"grad(x + {self.scalar()}*x')"

    def flow(self) -> str:
        if self.below(2):
            return " + ".join(
                self.vector() if self.below(2) else f"{self.scalar()}*{self.vector()}" for _ in range(1 + self.below(6))
            )
        order = 1 + self.below(4)
        damping = [f"{self.scalar(6)}*x{chr(39) * j}" for j in range(1, order)]
        return " + ".join([f"x{chr(39) * order}", *damping, f"{self.scalar(6)}*grad(x)"])

    def part(self) -> str:
        match self.below(4):
            case 0:
                return f"{self.scalar()}*f"
            case 1:
                return f"{self.scalar()}*norm({self.flow()})^2"
            case 2:
                return f"inner({self.flow()}, {self.flow()})"
            case _:
                return f"norm({self.scalar()}*x + {self.scalar()}*x')^2"

    def energy(self) -> str:
        return " - ".join(self.part() for _ in range(1 + self.below(3)))


@st.composite
def sentences(draw: st.DrawFn, name: str) -> str:
    grammar = Grammar(lambda n: draw(st.integers(0, n - 1)))
    return grammar.flow() if name == "flow" else grammar.energy()


MANY = settings(
    max_examples=CASES,
    deadline=None,
    derandomize=CASES <= 1000,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)


@pytest.mark.parametrize("name", GOOD)
def test_what_is_good_comes_in(name: str) -> None:
    door, good, _ = GOOD[name]
    assert outcome(door, good[0]) == "read"


@pytest.mark.parametrize("name", GOOD)
def test_damaged_input_is_read_or_refused(name: str) -> None:
    door, good, words = GOOD[name]
    seen: Counter[str] = Counter()

    @MANY
    @given(damaged(good, words))
    def drive(content: bytes) -> None:
        seen[outcome(door, content)] += 1

    drive()
    print(f"{name}, damaged: {dict(seen)}")
    assert seen.total() >= CASES * 0.9
    if not name.startswith("journal"):  # of which every damaged line is dropped, and none refused
        assert len(seen) == 2, "the cases are all alike and test little"


@pytest.mark.parametrize("name", GOOD)
def test_random_bytes_are_read_or_refused(name: str) -> None:
    door, _, words = GOOD[name]

    @MANY
    @given(st.one_of(st.binary(max_size=200), st.lists(st.sampled_from(words), max_size=60).map(b"".join)))
    @example(b"")
    @example(b"\x00" * 1000)
    @example(b"(" * 5000)
    @example(b"\xff\xfe\x00")
    @example(b"[" * 90_000)
    def drive(content: bytes) -> None:
        outcome(door, content)

    drive()


@pytest.mark.parametrize("name", ["flow", "energy"])
def test_sentences_of_the_grammar_are_read_or_refused(name: str) -> None:
    seen: Counter[str] = Counter()

    @MANY
    @given(sentences(name))
    @example("x'+(1/3)^12*" + "(10^12)^12*" * 40 + "grad(x)")
    @example("x' + t^12" + "^12" * 100 + "*grad(x)")
    @example("x' + (10^12)^12*(10^12)^12*grad(x)")
    @example("x' + grad(x - x)")
    def drive(text: str) -> None:
        seen[outcome(GOOD[name][0], text.encode())] += 1

    drive()
    print(f"{name}, sentences: {dict(seen)}")
    assert len(seen) == 2


@pytest.mark.parametrize("name", ["flow", "energy"])
def test_as_many_sentences_of_seeded_choices_are_read_or_refused(name: str) -> None:
    """The same grammar without Hypothesis, whose choices take ten times the time of the door."""
    seen: Counter[str] = Counter()
    for seed in range(10 * CASES):
        grammar = Grammar(random.Random(seed).randrange)
        text = grammar.flow() if name == "flow" else grammar.energy()
        try:
            seen[outcome(GOOD[name][0], text.encode())] += 1
        except Exception as error:
            error.add_note(f"seed {seed}: {text!r}")
            raise
    print(f"{name}, seeded sentences: {dict(seen)}")
    assert len(seen) == 2


# --- a store, byte by byte


def damages(content: bytes, at: int) -> Iterator[bytes]:
    """Yield the content cut at a byte, and with that byte flipped in each bit, zeroed, doubled or left out."""
    yield content[:at]
    for bit in range(8):
        yield content[:at] + bytes([content[at] ^ 1 << bit]) + content[at + 1 :]
    for instead in (b"\x00", content[at : at + 1] * 2, b""):
        yield content[:at] + instead + content[at + 1 :]


@pytest.mark.parametrize("name", ["spec.json", "journal"])
def test_damage_at_every_byte_of_a_store_is_refused_or_costs_no_more_than_its_lines(name: str) -> None:
    door = GOOD[name][0]
    content = GOOD[name][1][0]
    seen = Counter(outcome(door, damaged) for at in range(0, len(content), STRIDE) for damaged in damages(content, at))
    print(f"{name}, byte by byte: {dict(seen)}")
    assert seen.total() >= 100
    if name == "spec.json":  # a damaged line of a journal is dropped
        assert seen["refused"] > 100


def test_damage_anywhere_in_the_zarr_copy_changes_no_result_and_the_next_run_mends_it(tmp_path: Path) -> None:
    xarray = pytest.importorskip("xarray", reason="needs the extra `sweep`")
    pytest.importorskip("zarr", reason="needs the extra `sweep`")
    results = [CellResult(cell.index, (1.5, 2.5), "", 0.25) for cell in SPEC.cells()]
    with Store(tmp_path, SPEC) as store:
        store.add(results)
        copy = store.export()
    good = xarray.open_zarr(copy).load()
    rng = random.Random(3)
    files = sorted(file for file in copy.rglob("*") if file.is_file())
    for file in rng.sample(files, min(len(files), CASES // 10)):
        content = file.read_bytes()
        file.write_bytes(rng.choice([content[: len(content) // 2], rng.randbytes(60), content[::-1]]))
        assert status(tmp_path).done == SPEC.size
        assert open_sweep(tmp_path)["sharp"].equals(good["sharp"])
        with Store(tmp_path, SPEC) as store:
            store.export()
        assert xarray.open_zarr(copy).load().equals(good)


# --- what no mutation finds


def header(described: str, *, version: bytes = b"\x01\x00") -> bytes:
    padded = described.encode().ljust(117) + b"\n"
    return b"\x93NUMPY" + version + len(padded).to_bytes(2 if version == b"\x01\x00" else 4, "little") + padded


TERABYTES = header("{'descr': '<f8', 'fortran_order': False, 'shape': (250000000000, 400), }")
EMPTY_WORDS = header("{'descr': [('a', '<U0'), ('b', '<U0')], 'fortran_order': False, 'shape': (1000000000000,), }")


def archive(members: dict[str, bytes], *, zeros: int = 0) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            with packed.open(name, "w", force_zip64=True) as member:
                member.write(content)
                for _ in range(zeros // 10**7):
                    member.write(bytes(10**7))
    return stream.getvalue()


@pytest.mark.parametrize(
    ("suffix", "content"),
    [
        (".npy", TERABYTES),
        (".npy", EMPTY_WORDS),
        (".npz", archive({"X.npy": TERABYTES, "y.npy": TERABYTES})),
        (".npz", archive({"X.npy": EMPTY_WORDS})),
        (".npz", archive({f"{k}.npy": b"" for k in range(3000)})),
        (".csv", b"1," * 300_000 + b"1"),
        (".csv", b"1,2\n" * 3_000_000),
        (".csv", b'"' * 3_000_000),
        (".csv", b"1,2\n1," + b"9" * 1_000_000 + b"\n"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{len(value)} bytes",
)
def test_files_that_promise_too_much_are_refused_at_once(suffix: str, content: bytes) -> None:
    assert outcome(data_door(suffix), content) == "refused"


def test_a_zip_bomb_is_refused_before_it_is_unpacked() -> None:
    shape = "{'descr': '<f8', 'fortran_order': False, 'shape': (75000, 1000), }"
    bomb = archive({"X.npy": header(shape)}, zeros=600_000_000)
    assert len(bomb) < 1_000_000
    assert outcome(data_door(".npz"), bomb) == "refused"


@pytest.mark.parametrize("suffix", [".csv", ".npy", ".txt", ".toml"])
def test_a_file_of_terabytes_is_refused_before_it_is_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"sparse{suffix}"
    with path.open("wb") as file:
        file.write(TERABYTES if suffix == ".npy" else b"")
        file.truncate(10**12)  # a hole: it takes no room
    reader: Callable[[Path], object] = {".txt": read_kernel, ".toml": read_spec}.get(suffix, read_dataset)
    begin = time.thread_time()
    with pytest.raises(OdeflowError):
        reader(path)
    assert time.thread_time() - begin < LONGEST_SECONDS


@pytest.mark.parametrize(
    "text",
    [
        "[grid]\n" + "1." * 20_000 + "a = 1",
        "[grid]\nseed = " + "9" * 5000,
        "[grid]\nseed = " + "[" * 40_000,
        "[grid]\nseed = {from = 0, to = 9999998}",
        "[grid]\nseed = {from = 0, to = 9999999}\nwidth = {from = 1, to = 9999999}\nsamples = {from = 1, to = 9999999}",
        "[grid]\nsamples = [1000000000000]",
        "[grid]\nseed = [10000000000000000000000]",
    ],
    ids=lambda text: text[:30],
)
def test_specs_that_would_blow_up_are_refused_at_once(text: str) -> None:
    assert outcome(spec_door, text.encode()) == "refused"


def test_text_beyond_unicode_is_refused() -> None:
    records = np.array([(1.0, "a", 2.0)], dtype=[("x", "f8"), ("word", "U1"), ("y", "f8")])
    content = npy(records)
    assert outcome(data_door(".npy"), content) == "refused"  # a word is no feature
    assert outcome(data_door(".npy"), content.replace(b"a\0\0\0", b"\xff" * 4)) == "refused"


@pytest.mark.parametrize("around", [b"%b", b'{"format": 1, "spec": {"axes": {"seed": %b}}}'])
def test_a_description_of_megabytes_of_brackets_is_refused_at_once(around: bytes) -> None:
    brackets = b"[" + b"[]," * 5_000_000 + b"[]]"
    assert outcome(described_door, around % brackets) == "refused"


@pytest.mark.parametrize(
    "seconds", [["1e400", "-1e400"], ["1e308", "1e308"], ["-1", "1"], ["NaN", "1"], ["9" * 309, "1"]]
)
def test_a_cell_that_took_no_possible_time_is_a_damaged_line(seconds: list[str]) -> None:
    lines = [f'[[0, {k}], [1, 2], "", {one}]' for k, one in enumerate(seconds)]
    good = [k for k, one in enumerate(seconds) if one == "1"]
    described = json.dumps({"format": 1, "spec": json.loads(SPEC.to_json())}).encode()
    with store_of(described, b"".join(map(line, lines))) as folder:
        found = status(folder)
    assert (found.done, found.damaged, found.seconds) == (len(good), 2 - len(good), len(good))


def test_a_grid_whose_description_could_not_be_read_again_is_not_begun(tmp_path: Path) -> None:
    spec = SweepSpec.checked({"data": [f"{k:0500}" for k in range(20_000)]}, ["sharp"])
    with pytest.raises(OdeflowError, match="takes at most 10000000 characters to describe"), Store(tmp_path, spec):
        pass
    assert not (tmp_path / "spec.json").exists()


def test_exact_kernels_whose_denominators_explode_are_refused_at_once() -> None:
    rng = np.random.default_rng(0)
    rows = [[f"1/{rng.integers(10**13, 10**14)}" for _ in range(40)] for _ in range(40)]
    text = "\n".join(" ".join(rows[min(i, j)][max(i, j)] for j in range(40)) for i in range(40))
    assert outcome(kernel_door, text.encode()) == "refused"


def test_the_largest_kernels_that_are_admitted_take_few_seconds() -> None:
    rng = np.random.default_rng(0)
    rows = [[f"0.{rng.integers(10**17, 10**18)}" for _ in range(60)] for _ in range(60)]
    text = "\n".join(" ".join("99.5" if i == j else rows[min(i, j)][max(i, j)] for j in range(60)) for i in range(60))
    begin = time.thread_time()
    kernel_door(text.encode())
    assert time.thread_time() - begin < 5.0


def test_errors_show_no_escapes_whatever_they_quote() -> None:
    for text in ("x' + \x1b[31m", "x' + \u202egrad(x)", "x'\x85+", "\x07"):
        with pytest.raises(OdeflowError) as caught:
            parse_flow(text)
        assert str(caught.value).isprintable() or str(caught.value) == printable(str(caught.value))
        assert "\x1b" not in str(caught.value)
