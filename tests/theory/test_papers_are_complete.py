"""Nothing numbered in the papers is missing from the catalogue, and every page belongs to an item of its paper.

`LISTED` was made from the papers' texts (equation tags, theorems, lemmas, figures) and from the claims audit,
independently of the catalogue.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

import pytest

LISTED = {
    "bu2021_dynamical_view": (
        *(f"(2.{k})" for k in range(1, 7)),
        *(f"(3.{k})" for k in range(1, 8)),
        *(f"(4.{k})" for k in range(1, 8)),
        "(5.1)",
        "Remark 2.1",
        "Fact 2.2",
        *(f"Theorem {k}" for k in (1, 2, 3)),
        *(f"Lemma 3.{k}" for k in (1, 2, 3, 4)),
        *(f"Lemma 4.{k}" for k in (1, 2)),
        *(f"Footnote {k}" for k in (1, 2)),
        *(f"Appendix {letter}" for letter in "ACD"),
    ),
    "arora2018_implicit_acceleration": (
        *(f"({k})" for k in range(1, 11)),
        *(f"({k})" for k in range(16, 27)),
        "Section 3, gradients",
        "Section 3, non-convex objective",
        "Observation 1",
        "Section 4, expressiveness",
        "Section 4, softmax cross-entropy",
        "Section 5, small learning rates",
        "Theorem 1",
        "Lemma 1",
        "Section 5, near-zero initialisation",
        "Section 5, widths",
        "Section 5, weight decay",
        "Appendix A.1",
        "Figure 2",
        "Figure 2, width",
        "Figure 2, depth",
        "Figure 3, left",
        "Figure 3, right",
        "Figure 4, left",
        "Figure 4, right",
        "Figure 5, left",
        "Figure 5, right",
        "Section 8, vanishing gradients",
        "Section 8, identity initialisation",
        "Section 8, one of the largest regression tasks",
        "Section 8, speed-up of the MNIST tutorial",
        "Appendix C.1",
        "Appendix C.2",
        # the preconditioner, section 6, section 7, appendix B
        *(f"({k})" for k in range(11, 16)),
        *(f"({k})" for k in range(27, 48)),
        "Claim 1",
        "Claim 2",
        "Theorem 2",
        "Lemma 2",
        "Lemma 3",
        "Figure 1",
        *(f"Footnote {k}" for k in range(1, 5)),
        *(f"Appendix A.{k}" for k in (2, 3, 4)),
        "Appendix B",
        "Section 2, depth slows l2 (Saxe et al.)",
        "Section 2, only when p > 2",
        "Section 5, increase of the eigenvalues",
        "Section 5, promotes movement along directions already taken",
        "Section 5.1, adaptive rate and momentum",
        "Section 6, minimal and also necessary",
        "Section 6, any similar modification",
        "Section 7, step-size condition",
        "Section 7, ill-conditioning",
        "Section 7, slow convergence",
        "Section 7, AdaGrad and Adam",
        "Section 7, effective learning rate",
    ),
    "iclr2020_path_formula": (
        # networks and paths: sections 4, 5 and 6.3, appendix C
        *(f"({k})" for k in (*range(1, 8), 10, 11, 12, 19, 20, 21)),
        "Section 4, rate",
        "Theorem 5.1",
        "Section 5, number of terms",
        "Example 5.2",
        "Example 5.3",
        "Example 5.3, cross terms",
        "Definition 6.6",
        *(f"Remark 6.{k}" for k in range(7, 12)),
        "Appendix C",
        # rates, width and depth: sections 4, 6.1, 6.2 and 7, appendices A, B and D to G
        *(f"({k})" for k in (8, 9, *range(13, 19), *range(22, 48))),
        "Proposition 6.1",
        "Proposition 6.2",
        *(f"Remark 6.{k}" for k in (3, 4, 5)),
        "Section 7, convergence rate",
        "Section 7, linear students",
        "Section 7, non-linear students",
        "Section 7, depth-induced momentum",
        *(f"Appendix {letter}" for letter in "ADEG"),
        "Remark F.1",
    ),
    "iclr2020_gradient_confusion": (
        "Theorem 3.1",
        "Theorem 3.2",
        "(6)",
        "Section 3, confusion and variance",
        "Lemma B.1",
        "(5)",
        "Lemma E.1",
        "(22)",
        "Corollary E.1",
        "(23)",
        "Lemma E.2",
        "Lemma E.3",
        "(24)",
        "P1",
        "P2",
        "(4)",
        "Lemma D.1(1)",
        "Lemma D.1(2)",
        "Lemma D.2",
        "(7)",
        "(8)",
        "(9)",
        "Theorem 4.1",
        "Section 4, around the minimiser",
        "Section 4, effect of depth",
        "Section 4, width drops out",
        "Section 4, convolutional nets",
        "Corollary 4.1",
        "(10)",
        "(11)",
        "(12)",
        "(13)",
        "(14)",
        "Theorem 4.2, part 1",
        "Theorem 4.2, part 2",
        "(15)",
        "(16)",
        "(17)",
        "(18)",
        "(19)",
        "(20)",
        "(21)",
        "Section 4, concentration at initialisation",
        "Section 4, effect of width at initialisation",
        "A1",
        "A2",
        "Assumption 1",
        "Strategy 4.1",
        "(1)",
        "(2)",
        "(3)",
        "Definition 2.1",
        "Section 2, average inner product",
        "Section 2, mini-batches",
        "Section 2, orthogonal inputs",
        "Section 2, |zeta_i zeta_j| < 1",
        "Section 2, max inner product O(1/sqrt d)",
        "Footnote 3",
        "Section 2, Hessians",
        "Section 2, low-rank Hessians",
        "Appendix C",
        "Section 3, Cauchy-Schwarz",
        "Section 4, operator norms",
        "Section 5, effect of depth",
        "Section 5, effect of width",
        "Section 5, skip connections and batch normalisation",
        "Section 6, confusion from variance",
        "Section 6, counterexample",
        "Section 6, variance from confusion",
        "Section 6, noise term",
        "Section 6, gradient diversity",
        "Section 6, sum of reciprocal widths",
        "Appendix A.1, number of parameters",
        "Appendix A.1, initialisers",
        "Appendix A.2",
        "Appendix A.3",
        *(f"Figure {k}" for k in range(1, 16)),
    ),
}
FIGURES = {
    "bu2021_dynamical_view": ["1", "2", "3", "4"],
    "arora2018_implicit_acceleration": ["1", "2", "3", "4", "5"],
    "iclr2020_path_formula": [str(k) for k in range(2, 11)],
    "iclr2020_gradient_confusion": ["1", "4", "5", "6"],
}


@pytest.fixture(params=LISTED)
def folder(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def paper(folder: str) -> ModuleType:
    return import_module(f"theory.{folder}")


def test_every_numbered_item_is_decided_or_named_as_not_checkable(folder: str, paper: ModuleType) -> None:
    missing = [item for item in LISTED[folder] if item not in paper.ITEMS and item not in paper.NOT_CHECKABLE]
    assert not missing


@pytest.mark.parametrize("with_figures", FIGURES)
def test_every_figure_is_a_scenario(with_figures: str) -> None:
    figures = import_module(f"theory.{with_figures}.figures").FIGURES
    assert [scenario.number for scenario in figures] == FIGURES[with_figures]


def test_items_name_theorems_that_exist_and_every_theorem_has_an_item(paper: ModuleType) -> None:
    names = {theorem.name for theorem in paper.THEOREMS}
    named = {name for listed in paper.ITEMS.values() for name in listed}
    assert named - names == set()
    assert names - named == set()


def test_reasons_are_given_in_words(paper: ModuleType) -> None:
    assert all(len(reason.split()) > 4 for reason in paper.NOT_CHECKABLE.values())
    assert not set(paper.ITEMS) & set(paper.NOT_CHECKABLE)


def test_a_claim_printed_wrongly_has_a_corrected_sibling(paper: ModuleType) -> None:
    by_name = {theorem.name: theorem for theorem in paper.THEOREMS}
    for theorem in paper.THEOREMS:
        if theorem.recorded.value == "REFUTED":
            siblings = [by_name[name].recorded.value for name in theorem.related if name in by_name]
            assert any(verdict != "REFUTED" for verdict in siblings), theorem.name
