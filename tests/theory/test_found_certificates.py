"""What paper 004's pages show as found by the search is found by the search, and by nothing weaker than a proof."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from fractions import Fraction

import pytest

from odeflow.checker import Rejected, verify_text
from odeflow.family_search import find_family
from odeflow.flow_text import parse_flow
from odeflow.search import best_rate
from odeflow.symbolic.decisions import Status
from odeflow.symbolic.rate_certificates import ModalCertificate, RateCertificate
from theory.bu2021_dynamical_view import _found_certificates as found
from theory.bu2021_dynamical_view import heavy_ball_lyapunov, heavy_ball_rate, nesterov_rate
from theory.bu2021_dynamical_view._found_certificates import show_certificate, show_family

CERTIFICATES = [found.HEAVY_BALL, found.HEAVY_BALL_MODES, found.NESTEROV_CONVEX, found.NESTEROV_STRONGLY_CONVEX]
NAMES = ["heavy ball", "heavy ball, modes", "Nesterov, convex", "Nesterov, strongly convex"]
EXCESSES = [Fraction(1, 10**n) for n in range(3, 13)]


@pytest.mark.parametrize("certificate", CERTIFICATES, ids=NAMES)
def test_the_search_finds_what_the_pages_show_without_an_energy(
    certificate: RateCertificate | ModalCertificate,
) -> None:
    pytest.importorskip("clarabel")
    outcome = best_rate(certificate.flow, certificate.function_class)
    assert outcome.rate == certificate.rate
    assert outcome.kind is certificate.kind
    again = outcome.certificate
    if isinstance(certificate, ModalCertificate):
        assert isinstance(again, ModalCertificate)
        assert again.modes == certificate.modes
    else:
        assert isinstance(again, RateCertificate)
        assert (again.energy_f, again.energy_matrix) == (certificate.energy_f, certificate.energy_matrix)


def test_the_search_finds_the_formula_for_every_gamma_at_values_of_gamma() -> None:
    pytest.importorskip("clarabel")
    family = found.NESTEROV_STRONGLY_CONVEX_FAMILY
    for gamma in (Fraction(3), Fraction(9, 2), Fraction(8), Fraction(12)):
        outcome = best_rate(family.flow.at({"r": gamma}), family.function_class)
        assert outcome.rate == family.at(gamma).rate == 2 * gamma / 3
        assert isinstance(outcome.certificate, RateCertificate)
        assert outcome.certificate.energy_matrix == family.at(gamma).energy_matrix


@pytest.mark.parametrize("certificate", CERTIFICATES, ids=NAMES)
def test_a_step_that_shows_a_certificate_breaks_when_its_rate_is_raised_however_little(
    certificate: RateCertificate | ModalCertificate,
) -> None:
    assert show_certificate("", certificate).decision.holds
    for excess in EXCESSES:
        raised = replace(certificate, rate=certificate.rate * (1 + excess))
        if isinstance(certificate, ModalCertificate) and raised.rate < 2:
            continue  # the truth is 2
        assert not show_certificate("", raised).decision.holds
        if isinstance(raised, RateCertificate):  # the liar also repairs the coefficient of f - f*
            repaired = replace(raised, decay={"tangent": raised.rate})
            assert not show_certificate("", repaired).decision.holds
            with pytest.raises(Rejected):
                verify_text(repaired.to_json())


def test_a_wrong_entry_of_the_energy_breaks_the_step() -> None:
    for certificate in (found.HEAVY_BALL, found.NESTEROV_CONVEX, found.NESTEROV_STRONGLY_CONVEX):
        for i, j in ((0, 0), (0, 1), (1, 1)):
            for excess in (Fraction(1, 1000), Fraction(-1, 1000), Fraction(1, 10**9), Fraction(-1, 10**9)):
                rows = [list(row) for row in certificate.energy_matrix]
                rows[i][j] = rows[j][i] = rows[i][j] + excess
                wrong = replace(certificate, energy_matrix=tuple(map(tuple, rows)))
                assert not show_certificate("", wrong).decision.holds, (i, j, excess)


def test_the_formula_for_every_gamma_is_found_for_the_whole_interval() -> None:
    pytest.importorskip("clarabel")
    shown = found.NESTEROV_STRONGLY_CONVEX_FAMILY
    family, reason = find_family(shown.flow, shown.function_class, "r", shown.low, shown.high)
    assert family is not None, reason
    assert family == shown


def test_the_family_ends_where_its_start_allows() -> None:
    family = found.NESTEROV_STRONGLY_CONVEX_FAMILY
    assert show_family("", family).decision.holds
    assert show_family("", replace(family, high=Fraction(30))).decision.status is Status.UNDECIDED
    assert show_family("", replace(family, valid_from=Fraction(4))).decision.status is Status.UNDECIDED
    faster = (Fraction(1, 10**9), Fraction(2, 3))
    assert not show_family("", replace(family, rate=faster)).decision.holds
    assert not show_family("", replace(family, rate=faster, decay={"tangent": faster})).decision.holds


def test_the_paper_is_beaten_by_a_third_and_no_more_with_one_energy() -> None:
    paper = parse_flow("x'' + 2*x' + grad(x)").at()
    assert found.HEAVY_BALL.flow == paper
    assert found.HEAVY_BALL.rate == Fraction(4, 3)
    for page in (heavy_ball_lyapunov, heavy_ball_rate, nesterov_rate):
        steps = page.derive(page.CLAIM).steps
        assert any("found by the search" in step.title for step in steps)
        assert all(step.decision.holds for step in steps)


def test_the_pages_need_no_solver() -> None:
    code = (
        "import sys; sys.modules['clarabel'] = None\n"
        "from theory.bu2021_dynamical_view.heavy_ball_lyapunov import CLAIM, derive\n"
        "sys.exit(derive(CLAIM).broken is not None or 'odeflow.conic_solver' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
