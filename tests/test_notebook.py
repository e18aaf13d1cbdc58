"""Results show themselves in a notebook: mathematics as mathematics, curves as curves, words never as markup."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser

import numpy as np
import pytest
import sympy as sp

from odeflow.catalogue import load_catalogue
from odeflow.codegen import compile_field
from odeflow.markup import mathml, sketch, table
from odeflow.numeric.flows import Flow, GradientFlow, HeavyBall, LinearFlow, Nesterov
from odeflow.numeric.integrate import integrate
from odeflow.numeric.linear_flow import flow_end_to_end
from odeflow.numeric.modal import frozen_kernel_flow
from odeflow.numeric.relu_flow import relu_flow
from odeflow.numeric.training import GradientDescent, train_relu
from odeflow.simulation import simulate
from odeflow.symbolic.flows import heavy_ball, nesterov
from odeflow.verify import check


class Balanced(HTMLParser):
    """Fails where tags do not close in order; counts them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        self.seen.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_flows_are_latex() -> None:
    assert nesterov(sp.Integer(3))._repr_latex_().startswith("$")
    assert r"\frac{d^{2}}{d t^{2}}" in nesterov(sp.Integer(3))._repr_latex_()


@pytest.mark.parametrize(
    ("flow", "latex"),
    [
        (GradientFlow(), r"\dot{w} + \nabla L(w) = 0"),
        (HeavyBall(2.0), r"\ddot{w} + 2 \dot{w} + \nabla L(w) = 0"),
        (Nesterov(3.5), r"\ddot{w} + \frac{3.5}{t} \dot{w} + \nabla L(w) = 0"),
        (LinearFlow((1.0, -2.0, 0.0, 4.0)), r"w^{(5)} + 4 w^{(4)} - 2 \ddot{w} + \dot{w} + \nabla L(w) = 0"),
    ],
)
def test_numeric_flows_are_latex(flow: Flow, latex: str) -> None:
    assert flow._repr_latex_() == rf"$\displaystyle {latex}$"


def test_symbolic_flows_begin_with_the_highest_derivative_and_end_with_the_gradient() -> None:
    b = sp.Symbol("b", positive=True)
    latex = heavy_ball(b)._repr_latex_()
    assert latex.startswith(r"$\displaystyle \frac{d^{2}}{d t^{2}} w")
    assert latex.endswith(r"+ b \frac{d}{d t} w{\left(t \right)} + \nabla L(w) = 0$")


def test_words_of_a_proof_spell_mathematics_as_the_terminal_does() -> None:
    (theorem,) = load_catalogue().find(["heavy_ball_rate"])
    shown = theorem.derive(theorem.claim)._repr_html_()
    words = unescape(re.sub(r"<math.*?</math>", "", shown))
    assert "H ≥ r² I" in words
    assert "Δ'(0) = 0" in words
    assert "L̂" in words
    assert not re.search(r"Lhat|\bDelta\b|>=|\^2", words)


def test_derivatives_have_primes_in_every_font() -> None:
    assert mathml(r"\dot{\Delta}") == mathml(r"{\Delta}'")
    assert mathml(r"\lVert \ddot{W_{1}}\rVert^2") == mathml(r"\lVert {W_{1}}''\rVert^2")
    assert "&#x02032;" in mathml(r"\dot{\Delta}")


@pytest.mark.parametrize("flow", [HeavyBall(2.0), nesterov(sp.Integer(3))])
def test_flows_are_mathematics_without_a_script(flow: HeavyBall) -> None:
    """A saved notebook has no MathJax beside it; MathML needs none."""
    shown = flow._repr_html_()
    assert Balanced(shown).seen[0] == "math"
    assert "&#x02207;" in shown
    assert "$" not in shown


def test_theorems_verdicts_derivations_and_certificates_show_their_mathematics() -> None:
    (theorem,) = load_catalogue().find(["heavy_ball_rate"])
    result = check(theorem, examples=2)
    certificate, derivation = theorem.certificate(theorem.claim), theorem.derive(theorem.claim)
    for shown, words in (
        (theorem, "recorded as PROVED"),
        (result, "every step is exact"),
        (certificate, "holds"),
        (derivation, "computed: holds"),
    ):
        text = shown._repr_html_()
        assert words in text
        assert "math" in Balanced(text).seen


def test_trajectories_show_their_loss() -> None:
    rng = np.random.default_rng(0)
    relu = relu_flow(np.eye(3), np.ones(3), rng.standard_normal((8, 3)), np.ones(8), GradientFlow(), [0.0, 1.0, 2.0])
    linear = flow_end_to_end(0.1 * np.eye(2), np.eye(2), [0.5, 1.0, 2.0], depth=2)
    kernels = np.array([np.eye(3), 2.0 * np.eye(3)])
    modal = frozen_kernel_flow(GradientFlow(), kernels, np.ones((2, 3)), [0.0, 1.0, 2.0])
    trained = train_relu(np.eye(3), np.ones(3), np.ones((8, 3)), np.ones(8), GradientDescent(0.1), 5)
    x = sp.Symbol("x")
    solved = integrate(compile_field([-x], [x]), [1.0], [0.0, 1.0, 2.0])
    for words, shown in (("first of 2 kernels", modal), ("0 diverged", trained), ("completed", solved)):
        assert words in shown._repr_html_()
    for run in (relu, linear, modal, trained, solved, simulate("gradient-flow", samples=4, features=4, seeds=1)):
        assert "svg" in Balanced(run._repr_html_()).seen


@pytest.mark.parametrize("word", ["<script>", "a & b", '"quoted"'])
def test_words_are_escaped(word: str) -> None:
    assert "<script>" not in table([(word, word)], heads=[word])
    assert "<script>" not in sketch([0.0, 1.0], [1.0, 2.0], label=word)
    assert "<script>" not in mathml("x", text=word)


def test_a_sketch_needs_two_positive_points() -> None:
    assert sketch([0.0, 1.0], [1.0, -1.0], label="loss") == ""
    assert sketch([0.0, 1.0], [1.0, float("inf")], label="loss") == ""
    assert sketch([0.0, 1.0], [1.0, 1.0], label="loss").count("points") == 1
