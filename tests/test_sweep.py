"""A sweep survives kills, full disks and torn files, and its numbers do not depend on who computes them."""

from __future__ import annotations

import contextlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from odeflow.errors import DataError, InvalidArgumentError, OdeflowError, UnknownNameError
from odeflow.sweep import Store, SweepSpec, open_sweep, read_spec, run_sweep
from odeflow.sweep.cells import CellResult, compute_cell
from odeflow.sweep.figures import sweep_figure
from odeflow.sweep.runner import Progress
from odeflow.sweep.store import reasons, status

xarray = pytest.importorskip("xarray", reason="needs the extra `sweep`")
pytest.importorskip("zarr", reason="needs the extra `sweep`")
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.skipif(os.name == "nt", reason="signals and limits of POSIX"),
]
AXES = {"flow": ["x'' + 3*x' + grad(x)"], "samples": [3, 4, 5], "features": [4], "seed": [0, 1]}
OBSERVED = ["exponent", "sharp", "last_loss"]
SPEC = SweepSpec.checked(AXES, OBSERVED)
TOML = """
[sweep]
observables = ["exponent", "sharp", "last_loss"]

[grid]
flow = "x'' + 3*x' + grad(x)"
samples = [3, 4, 5]
features = 4
seed = [0, 1]
"""


@pytest.fixture(scope="module")
def answers() -> dict[str, np.ndarray]:
    """What one thread in this process finds."""
    return answers_to(SPEC)


def answers_to(spec: SweepSpec) -> dict[str, np.ndarray]:
    cells = [(c.index, compute_cell(c.index, c.values, spec.observables)) for c in spec.cells()]
    found = {name: np.full(spec.shape, np.nan) for name in spec.observables}
    for index, result in cells:
        assert not result.error
        for name, value in zip(spec.observables, result.values, strict=True):
            found[name][index] = value
    return found


def assert_answers(path: Path, answers: dict[str, np.ndarray]) -> None:
    data = open_sweep(path)
    for name, expected in answers.items():
        np.testing.assert_array_equal(data[name].values, expected, err_msg=name)  # to the last bit


def started(folder: Path, *options: str) -> subprocess.Popen[str]:
    (folder / "spec.toml").write_text(TOML)
    return subprocess.Popen(
        [sys.executable, "-m", "odeflow", "sweep", "spec.toml", "-o", "store", *options],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


# --- the specification


def test_a_toml_file_says_what_the_grid_is(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(TOML)
    assert read_spec(tmp_path / "a.toml").to_json() == SPEC.to_json()
    assert SweepSpec.from_json(SPEC.to_json()) == SPEC
    (tmp_path / "b.toml").write_text("[grid]\nseed = {from = 2, to = 8, step = 3}\n")
    assert read_spec(tmp_path / "b.toml").axes["seed"] == (2, 5, 8)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[grid", "TOML"),
        ("", "at least one axis"),
        ("[grid]\nwidht = [1]", "width"),
        ("[grid]\nwidth = []", "at least one value"),
        ("[grid]\nwidth = [0]", ">= 1"),
        ("[grid]\nwidth = [1.5]", "whole number"),
        ("[grid]\nwidth = [true]", "whole number"),
        ("[grid]\nlearning_rate = [nan]", ">= 0"),
        ("[grid]\nlearning_rate = [-1]", ">= 0"),
        ("[grid]\nseed = [1, 1]", "given twice"),
        ("[grid]\nseed = {from = 3, to = 1}", "A <= B"),
        ("[grid]\nseed = {from = 0, to = 1000000000000}", "at most"),
        ("[grid]\nnetwork = ['cnn']", "mlp"),
        ("[grid]\nactivation = ['thanh']", "tanh"),
        ("[grid]\nseed = [0]\n[sweep]\nobservables = ['rate']", "exponent"),
        ("[grid]\nseed = [0]\n[swep]", "sweep"),
        ("[grid]\nseed = [0]\n[sweep]\nseed = -1", ">= 0"),
        ("[grid]\nflow = ['" + "x" * 600 + "']", "500 characters"),
        ("\x00", "TOML"),
    ],
)
def test_a_wrong_spec_is_one_clear_error(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "spec.toml").write_text(text)
    with pytest.raises(OdeflowError, match=words):
        read_spec(tmp_path / "spec.toml")


def test_a_spec_that_is_not_there_or_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Could not read"):
        read_spec(tmp_path / "none.toml")
    (tmp_path / "large.toml").write_text("#" * 1_000_001)
    with pytest.raises(DataError, match="at most"):
        read_spec(tmp_path / "large.toml")
    with pytest.raises(InvalidArgumentError, match="at most"):
        SweepSpec.checked({"seed": range(4000), "width": range(1, 4001)}, ["sharp"])


# --- who computes does not matter


def test_threads_and_processes_give_the_same_bits(tmp_path: Path, answers: dict[str, np.ndarray]) -> None:
    with ThreadPoolExecutor(2) as threads:
        run_sweep(SPEC, tmp_path / "threads", executor=threads)
    run_sweep(SPEC, tmp_path / "processes", jobs=2)
    run_sweep(SPEC, tmp_path / "process", jobs=1)
    for name in ("threads", "processes", "process"):
        assert_answers(tmp_path / name, answers)
    stored = xarray.open_zarr(tmp_path / "processes" / "results.zarr").load()
    for name, expected in answers.items():
        np.testing.assert_array_equal(stored[name].values, expected)
    assert json.loads(stored.attrs["described"])["versions"]["odeflow"]
    assert stored["samples"].attrs["units"] == "points"


def test_networks_followed_by_their_weights_give_the_same_bits_whoever_computes(tmp_path: Path) -> None:
    axes = {"network": ["mlp", "linear"], "activation": ["tanh"], "flow": ["x'' + 2*x' + 1/3*hess*x' + grad(x)"],
            "samples": [8], "features": [4], "width": [12], "horizon": [3.0]}  # fmt: skip
    spec = SweepSpec.checked(axes, ["first_loss", "last_loss", "largest_eigenvalue"])
    run_sweep(spec, tmp_path / "processes", jobs=2)
    with ThreadPoolExecutor(2) as threads:
        run_sweep(spec, tmp_path / "threads", executor=threads)
    expected = answers_to(spec)
    for name in ("processes", "threads"):
        assert_answers(tmp_path / name, expected)


def test_a_dask_worker_that_dies_in_the_middle_changes_no_answer(tmp_path: Path) -> None:
    spec = SweepSpec.checked({**AXES, "seed": [0, 1, 2, 3]}, OBSERVED)
    distributed = pytest.importorskip("dask.distributed", reason="needs the extra `distributed`")
    scheduler = subprocess.Popen(
        [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard",
         "--scheduler-file", str(tmp_path / "scheduler.json")],
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    workers = []
    try:
        wait_for(lambda: (tmp_path / "scheduler.json").exists())
        address = json.loads((tmp_path / "scheduler.json").read_text())["address"]
        workers = [
            subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "distributed.cli.dask_worker",
                    address,
                    "--nthreads",
                    "1",
                    "--no-nanny",
                    "--no-dashboard",
                    "--local-directory",
                    str(tmp_path / f"worker{k}"),
                ],
                stderr=subprocess.DEVNULL,
            )
            for k in range(2)
        ]
        with distributed.Client(address) as client:
            client.wait_for_workers(2, timeout=60)
            left = []

            def kill_one(progress: Progress) -> None:
                if not left:
                    assert workers[0].poll() is None
                    os.kill(workers[0].pid, signal.SIGKILL)
                    workers[0].wait()
                    left.append(progress.cells - progress.done)

            run_sweep(
                spec, tmp_path / "store", executor=client.get_executor(pure=False, retries=10), on_progress=kill_one
            )
            assert left, "no worker was killed"
            assert left[0] > 0, "the worker was to die in the middle"
            assert workers[1].poll() is None
        assert_answers(tmp_path / "store", answers_to(spec))
    finally:
        for process in (*workers, scheduler):
            process.kill()
            process.wait()


def mpi_lines() -> tuple[str, list[str]]:
    """Return the script of the how-to page, and its command."""
    import odeflow

    page = (Path(odeflow.__file__).parent / "documentation" / "howto" / "sweep.md").read_text(encoding="utf-8")
    section = page.partition("## MPI")[2]
    script, command = (section[section.index(words) :].partition("\n\nstarted")[0] for words in ("from mpi4py", "OMP_"))
    return "".join(f"{line.removeprefix('    ')}\n" for line in script.splitlines()), command.splitlines()[0].split()


def test_the_documented_lines_for_mpi_give_the_same_bits_and_resume_after_a_dead_worker(tmp_path: Path) -> None:
    pytest.importorskip("mpi4py", reason="needs mpi4py, which is no dependency of odeflow")
    where = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    if (mpiexec := shutil.which("mpiexec", path=where)) is None:
        pytest.skip("needs mpiexec, which comes with an MPI such as mpich")
    script, words = mpi_lines()
    (tmp_path / "run.py").write_text(script)
    axes = {**AXES, "seed": [*range(10)]}
    (tmp_path / "widths.toml").write_text(TOML.replace("[0, 1]", str(axes["seed"])))
    settings = [word for word in words if "=" in word]
    assert words[len(settings)] == "mpiexec"
    options = [sys.executable if word == "python" else word for word in words[len(settings) + 1 :]]
    environment = {**os.environ, **dict(word.split("=") for word in settings), "PYTHONPATH": os.pathsep.join(sys.path)}

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen([mpiexec, *options], cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL)

    store = tmp_path / "widths.sweep"
    first = start()
    journal = store / "journal.jsonl"
    wait_for(lambda: first.poll() is not None or (journal.exists() and journal.read_bytes().count(b"\n") > 2), 120.0)
    workers = [pid for pid in processes_under(first.pid) if f"{pid}" not in (store / "lock").read_text()]
    assert first.poll() is None, "the sweep ended before a worker could be killed"
    os.kill(max(workers), signal.SIGKILL)
    assert first.wait(60) != 0
    done = status(store).done
    assert 2 < done < 30
    assert start().wait(120) == 0
    assert status(store).done == 30
    assert_answers(store, answers_to(SweepSpec.checked(axes, OBSERVED)))


def processes_under(pid: int) -> list[int]:
    """Return the Python processes that a process started, and those that these started."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            name, _, rest = stat.read_text().partition(")")
            if int(rest.split()[1]) == pid:
                child = int(stat.parent.name)
                found += [child] * ("python" in name) + processes_under(child)
    return found


def test_a_worker_process_that_is_killed_costs_nothing(tmp_path: Path, answers: dict[str, np.ndarray]) -> None:
    from odeflow.sweep import runner

    made = []
    original = runner.process_pool

    def remembered(jobs: int, modules: list[str]) -> object:
        made.append(original(jobs, modules))
        return made[-1]

    def kill_one(progress: object) -> None:
        if len(made) == 1 and made[0]._processes:
            os.kill(next(iter(made[0]._processes)), signal.SIGKILL)

    runner.process_pool = remembered
    try:
        run_sweep(SPEC, tmp_path / "store", jobs=2, on_progress=kill_one)
    finally:
        runner.process_pool = original
    assert_answers(tmp_path / "store", answers)


def test_the_command_starts_a_dask_cluster_of_its_own(tmp_path: Path, answers: dict[str, np.ndarray]) -> None:
    pytest.importorskip("dask.distributed", reason="needs the extra `distributed`")
    run = started(tmp_path, "--dask", "local")
    said, problems = run.communicate(timeout=120)
    assert run.returncode == 0, problems
    assert "6 of 6 cells; 6 computed now" in said
    assert "Traceback" not in problems
    assert_answers(tmp_path / "store", answers)


# --- kill -9


def wait_for(condition: object, seconds: float = 60.0) -> None:
    limit = time.monotonic() + seconds
    while not condition() and time.monotonic() < limit:
        time.sleep(0.02)
    assert condition()


def finished(folder: Path) -> int:
    try:
        return status(folder / "store").done
    except DataError:
        return 0


@pytest.mark.parametrize("round_", [0, *(pytest.param(k, marks=pytest.mark.slow) for k in range(1, 12))])
def test_kill_9_loses_no_finished_cell_and_a_rerun_computes_only_the_rest(
    tmp_path: Path, answers: dict[str, np.ndarray], round_: int
) -> None:
    chance = random.Random(round_)
    done = 0
    for _ in range(3):
        run = started(tmp_path, "--jobs", "1")
        wanted = done + chance.randint(1, 3)
        wait_for(lambda wanted=wanted, run=run: finished(tmp_path) >= wanted or run.poll() is not None)
        time.sleep(chance.random() * 0.3)
        if run.poll() is None:
            os.killpg(run.pid, signal.SIGKILL)
        run.communicate()
        assert finished(tmp_path) >= done, "a finished cell was lost"
        done = finished(tmp_path)
    last = started(tmp_path, "--jobs", "2")
    said, _ = last.communicate(timeout=120)
    assert last.returncode == 0, said
    assert f"{SPEC.size - done} computed now" in said
    assert_answers(tmp_path / "store", answers)


def test_ctrl_c_keeps_what_is_finished(tmp_path: Path, answers: dict[str, np.ndarray]) -> None:
    run = started(tmp_path, "--jobs", "1")
    wait_for(lambda: finished(tmp_path) >= 1)
    run.send_signal(signal.SIGINT)
    _, said = run.communicate(timeout=60)
    assert run.returncode == 130
    assert "interrupted" in said
    with ThreadPoolExecutor(1) as pool:
        assert run_sweep(SPEC, tmp_path / "store", executor=pool).resumed >= 1
    assert_answers(tmp_path / "store", answers)


# --- the store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store", SPEC) as opened:
        yield opened


def result(k: int, value: float = 1.0) -> CellResult:
    return CellResult((0, k % 3, 0, k // 3), (value, value, value), "", 0.1)


def test_a_second_run_is_refused_until_the_first_ends(tmp_path: Path) -> None:
    with Store(tmp_path / "store", SPEC):
        with (
            pytest.raises(OdeflowError, match=f"one is writing to it .process {os.getpid()}"),
            Store(tmp_path / "store", SPEC),
        ):
            pass
        assert status(tmp_path / "store").done == 0, "readers are welcome"
    with Store(tmp_path / "store", SPEC):
        pass


def test_another_spec_is_refused_and_says_what_differs(tmp_path: Path, store: Store) -> None:
    store.__exit__(None, None, None)
    other = SweepSpec.checked({**AXES, "samples": [3, 4]}, OBSERVED)
    with pytest.raises(DataError, match="different: samples"), Store(tmp_path / "store", other):
        pass


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(DataError, match="holds other files"), Store(tmp_path, SPEC):
        pass
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


@pytest.mark.parametrize("cut", range(1, 40, 6))
def test_a_line_that_was_cut_short_is_dropped(tmp_path: Path, store: Store, cut: int) -> None:
    store.add([result(0), result(1)])
    store.__exit__(None, None, None)
    journal = tmp_path / "store" / "journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-cut])
    assert status(tmp_path / "store").done == 1
    with Store(tmp_path / "store", SPEC) as again:
        again.add([result(1), result(2)])
    assert status(tmp_path / "store").damaged == 0
    assert {(0, 1, 0, 0), (0, 2, 0, 0)} <= set(again.finished)


def test_any_flipped_byte_costs_its_line_and_no_other(tmp_path: Path, store: Store) -> None:
    store.add([result(k, float(k)) for k in range(4)])
    store.__exit__(None, None, None)
    journal = tmp_path / "store" / "journal.jsonl"
    whole = journal.read_bytes()
    rng = random.Random(0)
    for _ in range(200):
        place = rng.randrange(len(whole))
        torn = bytearray(whole)
        torn[place] ^= 1 << rng.randrange(8)
        journal.write_bytes(torn)
        data = open_sweep(tmp_path / "store")
        kept = data["exponent"].values[np.isfinite(data["exponent"].values)]
        assert set(kept) <= {0.0, 1.0, 2.0, 3.0}, "a damaged number was believed"
        assert kept.size >= 2
    journal.write_bytes(whole)


def test_a_full_disk_is_one_clear_error_and_the_old_results_stay(tmp_path: Path, store: Store) -> None:
    store.add([result(0)])
    size = (tmp_path / "store" / "journal.jsonl").stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20, hard))
    try:
        with pytest.raises(OdeflowError, match="1 finished cells are safe"):
            store.add([result(k) for k in range(1, 4)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, old)
    assert status(tmp_path / "store").done == 1
    store.add([result(1)])
    assert status(tmp_path / "store") == status(tmp_path / "store")
    assert status(tmp_path / "store").done == 2


@pytest.mark.parametrize("text", ["", "{", '{"format": 99, "spec": {}}', '{"format": 1}', "[" * 100_000, "\\xff"])
def test_a_store_without_a_readable_spec_is_one_clear_error(tmp_path: Path, store: Store, text: str) -> None:
    store.add([result(0)])
    store.__exit__(None, None, None)
    (tmp_path / "store" / "spec.json").write_text(text)
    for reader in (open_sweep, status):
        with pytest.raises(DataError):
            reader(tmp_path / "store")
    assert (tmp_path / "store" / "journal.jsonl").stat().st_size > 0


def test_a_cell_that_fails_says_why_and_the_others_go_on(tmp_path: Path) -> None:
    spec = SweepSpec.checked({"flow": ["gradient-flow", "nonsense ="], "samples": [3], "features": [4]}, ["sharp"])
    with ThreadPoolExecutor(1) as pool:
        outcome = run_sweep(spec, tmp_path / "store", executor=pool)
    assert (outcome.computed, outcome.failed) == (2, 1)
    data = open_sweep(tmp_path / "store")
    assert np.isfinite(data["sharp"].values).tolist() == [[[True]], [[False]]]
    assert str(data["error"].values[1, 0, 0])
    assert sum(reasons(tmp_path / "store").values()) == 1


def test_a_sweep_is_drawn_with_intervals_and_theory(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        run_sweep(SPEC, tmp_path / "store", executor=pool)
    (panel,) = sweep_figure(tmp_path / "store", "samples").panels
    assert [c.label for c in panel.curves if c.theory] == ["sharp"]
    assert len([c for c in panel.curves if not c.theory and not c.markers]) == 3, "an interval a point"
    with pytest.raises(UnknownNameError):
        sweep_figure(tmp_path / "store", "width")
    with pytest.raises(InvalidArgumentError, match="numeric"):
        sweep_figure(tmp_path / "store", "flow")


def test_the_legend_of_a_sweep_names_what_varies_and_theory_once(tmp_path: Path) -> None:
    axes = {"flow": ["gradient-flow"], "samples": [3, 4], "features": [4, 5]}
    spec = SweepSpec.checked(axes, ["exponent", "proved", "sharp"])
    with ThreadPoolExecutor(1) as pool:
        run_sweep(spec, tmp_path / "store", executor=pool)
    (panel,) = sweep_figure(tmp_path / "store", "samples").panels
    assert [c.label for c in panel.curves if c.markers] == ["features 4", "features 5"]
    shown = [c.label for c in panel.curves if c.theory and c.label]
    assert shown == ["proved, in the colour of its curve", "sharp, in the colour of its curve"]


def test_a_picture_of_a_sweep_in_no_folder_is_refused_before_the_sweep(tmp_path: Path) -> None:
    (tmp_path / "spec.toml").write_text("[grid]\nsamples = [3, 4]\nfeatures = [4]\n")
    wish = [
        "sweep",
        str(tmp_path / "spec.toml"),
        "-o",
        str(tmp_path / "store"),
        "--plot",
        str(tmp_path / "no" / "a.png"),
    ]
    told = subprocess.run([sys.executable, "-m", "odeflow", *wish], capture_output=True, text=True)
    assert told.returncode == 2
    assert "folder that exists" in told.stderr
    assert not (tmp_path / "store").exists()


CELLS = """
from odeflow.sweep import SweepSpec
from odeflow.sweep.cells import compute_cell
for axes in ({"network": ["frozen", "relu"], "flow": ["gradient-flow", "heavy-ball", "nesterov"], "width": [100]},
             {"network": ["linear"], "flow": ["gradient-flow"]},
             {"network": ["frozen", "mlp"], "flow": ["x''' + 3*x'' + 4*x' + grad(x)"], "width": [16]}):
    spec = SweepSpec.checked({**axes, "samples": [40], "features": [10]}, ["exponent", "last_loss"])
    for cell in spec.cells():
        result = compute_cell(cell.index, cell.values, spec.observables)
        print(cell.values["network"], cell.values["flow"], [value.hex() for value in result.values], result.error)
"""


@pytest.mark.slow
def test_a_process_that_compiles_and_one_that_loads_give_the_same_bits(tmp_path: Path) -> None:
    """A compiler may order the sums of a kernel otherwise than it did for the cache; a sweep's workers do both."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", CELLS]
    compiled, loaded = (
        subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout for _ in range(2)
    )
    assert compiled.count("\n") == 9
    assert compiled == loaded
