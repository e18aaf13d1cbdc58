"""Worker processes reach the verdicts that one process reaches, and their troubles are told, not hidden."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest

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
