"""A real browser shows the report: no complaint, no violation of accessibility rules, formulas that can be seen."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.image import imread

from odeflow.catalogue import load_catalogue
from odeflow.panels import along
from odeflow.plots import panel_svg
from odeflow.reading import read_page
from odeflow.report.html import article, document
from odeflow.report.slim_svg import slim
from odeflow.theorem import Verdict
from odeflow.verify import Settings, check_fully

playwright = pytest.importorskip("playwright.sync_api", reason="needs the extra `browser`")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs the extra `browser`")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
NAMES = ["heavy_ball_rate", "heavy_ball_strict_decay", "activation_flips_printed", "network_kernel_scaling"]
NAMES += ["acceleration_bound_network_printed"]  # numbers of thousands of digits


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    catalogue = load_catalogue()
    chosen = catalogue.find(NAMES)
    results = [check_fully(t, Settings(examples=3, twins=True)) for t in chosen]
    parts = [article(read_page(t, catalogue, command="c"), r) for t, r in zip(chosen, results, strict=True)]
    path: Path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(document(results, parts, command="c", version="0", seconds=1.0), encoding="utf-8")
    return path.as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        launched = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield launched
        launched.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_rule_of_accessibility_is_violated_and_the_console_is_silent(
    browser: Any, address: str, scheme: str
) -> None:
    page = browser.new_context(color_scheme=scheme).new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(address)
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    violations = axe.Axe().run(page).response["violations"]
    assert [(v["id"], v["nodes"][0]["html"]) for v in violations] == []
    assert said == []


def test_formulas_are_seen(browser: Any, address: str) -> None:
    page = browser.new_page()
    page.goto(address)
    boxes = page.evaluate(
        "[...document.querySelectorAll('article > .formula math')]"
        ".map(m => m.getBoundingClientRect()).map(r => [r.width, r.height])"
    )
    assert len(boxes) == len(NAMES)
    assert all(width > 20 and height > 10 for width, height in boxes)


def test_a_cleared_box_hides_its_theorems_without_a_script(browser: Any, address: str) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(address)
    rows = page.locator("table.theorems tbody tr")
    assert [rows.nth(k).is_visible() for k in range(len(NAMES))].count(True) == len(NAMES)
    page.locator("#verdict-REFUTED").uncheck()
    kept = sum(t.recorded is not Verdict.REFUTED for t in load_catalogue().find(NAMES))
    assert 0 < kept < len(NAMES)
    assert [rows.nth(k).is_visible() for k in range(len(NAMES))].count(True) == kept


def test_a_phone_need_not_scroll_sideways(browser: Any, address: str) -> None:
    page = browser.new_context(viewport={"width": 360, "height": 740}).new_page()
    page.goto(address)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_print_shows_every_step(browser: Any, address: str) -> None:
    page = browser.new_page()
    page.goto(address)
    page.emulate_media(media="print")
    step = page.locator("details li").first
    assert step.bounding_box()["height"] > 0


def test_a_phone_need_not_scroll_sideways_when_every_proof_is_open(browser: Any, address: str) -> None:
    page = browser.new_context(viewport={"width": 360, "height": 740}).new_page()
    page.goto(address)
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert axe.Axe().run(page).response["violations"] == []


def test_a_slim_drawing_is_the_same_to_the_eye(browser: Any) -> None:
    times = np.linspace(0.1, 8.0, 200)
    losses = {"one": np.exp(-times), "two": 1.0 + np.sin(times)}
    panel = along(times, losses, np.exp(-times / 2), title="t", xlabel="x", ylabel="y", yscale="log")
    drawn = panel_svg(panel)
    page = browser.new_page(viewport={"width": 640, "height": 480})
    seen = []
    for svg in (drawn[drawn.index("<svg") :], slim(drawn, "p-"), slim(drawn, "p-").replace("h0", "h9")):
        page.set_content(f"<style>svg{{width:600px;height:auto}}</style>{svg}")
        seen.append(imread(io.BytesIO(page.screenshot())).astype(float))
    differences = [float(np.abs(image - seen[0]).mean()) for image in seen]
    assert differences[1] < 0.1 * differences[2], "less than if the markers were bars"
    assert differences[1] < 2e-3
