"""Worker processes reach the verdicts that one process reaches, and their troubles are told, not hidden."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest

import odeflow
from odeflow import workers as module
from odeflow.catalogue import load_catalogue
from odeflow.errors import OdeflowError
from odeflow.reading import findings
from odeflow.verify import Result, Settings, check_fully
from odeflow.workers import Workers, available_cores

NAMES = ["pseudo_loss_gradient", "heavy_ball_strict_decay", "width_order_printed", "gronwall_second_order"]


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    made = Workers(2, ("theory.bu2021_dynamical_view",))
    yield made
    made.stop()


def test_two_processes_find_what_one_finds(workers: Workers) -> None:
    chosen = load_catalogue().find(NAMES)
    settings = Settings(seed=3, examples=5, twins=True)
    here = {t.id: check_fully(t, settings) for t in chosen}
    there = {t.id: Result(theorem=t, **fields) for t, fields in workers.run(findings, chosen, settings)}
    assert set(there) == set(here)
    for name, result in there.items():
        assert (result.verdict, result.reason, result.evidence) == (
            here[name].verdict,
            here[name].reason,
            here[name].evidence,
        )
        assert [t.verdict for t in result.twins] == [t.verdict for t in here[name].twins]
        assert result.twins
        assert result.twin_seconds > 0.0


def test_a_dead_worker_is_one_clear_error() -> None:
    doomed = Workers(1)
    results = doomed.run(findings, load_catalogue().find(NAMES), Settings(exact_only=True))
    next(results)
    for process in list(doomed._pool._processes.values()):
        os.kill(process.pid, signal.SIGKILL)
    with pytest.raises(OdeflowError, match="one died"):
        list(results)
    doomed.stop()


def test_stopped_workers_leave_no_process_behind() -> None:
    stopped = Workers(1)
    next(stopped.run(findings, load_catalogue().find(NAMES[:1]), Settings(exact_only=True)))
    processes = list(stopped._pool._processes.values())
    assert processes
    stopped.stop()
    limit = time.monotonic() + 20.0
    while any(p.is_alive() for p in processes) and time.monotonic() < limit:
        time.sleep(0.05)
    assert not any(p.is_alive() for p in processes)


def test_workers_takeone_thread_each_and_the_parent_keeps_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.delenv("NUMBA_NUM_THREADS", raising=False)
    with module.one_thread_each():
        assert os.environ["NUMBA_NUM_THREADS"] == "1"
        assert os.environ["OMP_NUM_THREADS"] == "3", "what the user set stays"
    assert "NUMBA_NUM_THREADS" not in os.environ


def test_cores_are_those_of_this_process() -> None:
    assert 1 <= available_cores() <= (os.cpu_count() or 1)


# Ctrl-C, which a terminal sends to every process of the group

SLOW_MODULE = """
    import os, time
    open("importing", "w").close()
    time.sleep(1.5)
"""

TWO_WORKERS = """
    import os, time
    from odeflow.workers import end_at_once, process_pool

    def work():
        open(f"working-{os.getpid()}", "w").close()
        time.sleep(60)

    if __name__ == "__main__":
        try:
            pool = process_pool(2, ["slow_module"])
            waiting = [pool.submit(work) for _ in range(2)]
            waiting[0].result()
        except KeyboardInterrupt:
            print("interrupted")
            end_at_once(pool)
"""

SWEEP = """
    [sweep]
    observables = ["sharp"]
    [grid]
    samples = [4, 5, 6]
    features = [3]
    seed = {from = 0, to = 9999}
"""  # far more cells than these moments are enough for


def in_a_group(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    root = str(Path(odeflow.__file__).resolve().parent.parent)
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": os.pathsep.join((str(folder), root))},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for(condition: Callable[[], object], seconds: float = 60.0) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "it did not happen"
        time.sleep(0.01)


def group_of(pid: int) -> list[int]:
    """The living processes of a group, without the one that leads it."""
    found = subprocess.run(["ps", "-eo", "pid=,pgid=,stat="], capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in found.splitlines()]
    return [int(one) for one, group, state in rows if int(group) == pid != int(one) and state[0] != "Z"]


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("moment", ["importing", "working"])
def test_ctrl_c_reaches_no_worker_at_any_moment_and_none_is_left(tmp_path: Path, moment: str) -> None:
    (tmp_path / "slow_module.py").write_text(dedent(SLOW_MODULE))
    (tmp_path / "two_workers.py").write_text(dedent(TWO_WORKERS))
    running = in_a_group(tmp_path, "two_workers.py")
    wait_for(lambda: list(tmp_path.glob(f"{moment}*")))
    os.killpg(running.pid, signal.SIGINT)
    stdout, stderr = running.communicate(timeout=60)
    assert (stdout, stderr) == ("interrupted\n", "")
    wait_for(lambda: not group_of(running.pid))


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("after", [0.0, 0.4, 1.5])
def test_ctrl_c_while_a_sweep_starts_is_one_line(tmp_path: Path, after: float) -> None:
    (tmp_path / "spec.toml").write_text(dedent(SWEEP))
    running = in_a_group(tmp_path, "-m", "odeflow", "sweep", "spec.toml", "--jobs", "2")
    wait_for(lambda: group_of(running.pid))
    time.sleep(after)
    os.killpg(running.pid, signal.SIGINT)
    _, stderr = running.communicate(timeout=60)
    said = [line for line in stderr.splitlines() if not line.endswith("...")]
    assert len(said) == 1, stderr
    assert re.fullmatch(
        r"odeflow: interrupted: \d{1,4} of 30000 cells kept; run the same command again to resume", said[0]
    )
    assert running.returncode == 130
    wait_for(lambda: not group_of(running.pid))


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_workers_end_when_the_parent_is_killed(tmp_path: Path) -> None:
    (tmp_path / "slow_module.py").write_text("")
    (tmp_path / "two_workers.py").write_text(dedent(TWO_WORKERS))
    running = in_a_group(tmp_path, "two_workers.py")
    wait_for(lambda: len(list(tmp_path.glob("working*"))) == 2)
    running.kill()
    running.communicate(timeout=60)
    wait_for(lambda: not group_of(running.pid))
