"""Public Hypothesis strategies: cases that satisfy a theorem's hypotheses, and shrink to readable ones.

    spectra            spectra, rational_spectra, rationals
    matrices           psd_matrices, rational_psd_matrices, rotations, rational_rotations, integer_matrices
    data               unit_vectors
    initial weights    balanced_weights, unbalanced_weights, rational_balanced_networks, rational_unbalanced_weights
    flows              flows, flow_specs, flow_texts
    networks           networks, networks_on_samples
    training           losses, learning_rates
    whole problems     mode_cases, network_cases

Arguments that no value satisfies are refused when the strategy is made, not when it is drawn from. The repr of a
strategy is the call that makes it. Shrinking leads to one dimension, the identity, small whole numbers and gradient
flow; repeated and zero eigenvalues, one layer and widths of one are drawn often, because proofs tend to miss them.

Examples
--------
>>> from hypothesis import given, settings
>>> @settings(max_examples=5, derandomize=True, database=None)
... @given(mode_cases(lower=2.0))
... def check(case):
...     assert min(case.eigenvalues) >= 2.0
>>> check()
>>> spectra(3, condition=10.0)
spectra(n=3, condition=10.0)
"""

from odeflow.strategies._cases import FrozenCase, NetworkCase, mode_cases, network_cases
from odeflow.strategies._data import unit_vectors
from odeflow.strategies._flows import flow_specs, flow_texts, flows
from odeflow.strategies._matrices import (
    integer_matrices,
    psd_matrices,
    rational_psd_matrices,
    rational_rotations,
    rotations,
)
from odeflow.strategies._networks import NetworkOnSamples, networks, networks_on_samples
from odeflow.strategies._spectra import rational_spectra, rationals, spectra
from odeflow.strategies._training import learning_rates, losses
from odeflow.strategies._weights import (
    balanced_weights,
    rational_balanced_networks,
    rational_unbalanced_weights,
    unbalanced_weights,
)

__all__ = [
    "FrozenCase",
    "NetworkCase",
    "NetworkOnSamples",
    "balanced_weights",
    "flow_specs",
    "flow_texts",
    "flows",
    "integer_matrices",
    "learning_rates",
    "losses",
    "mode_cases",
    "network_cases",
    "networks",
    "networks_on_samples",
    "psd_matrices",
    "rational_balanced_networks",
    "rational_psd_matrices",
    "rational_rotations",
    "rational_spectra",
    "rational_unbalanced_weights",
    "rationals",
    "rotations",
    "spectra",
    "unbalanced_weights",
    "unit_vectors",
]
