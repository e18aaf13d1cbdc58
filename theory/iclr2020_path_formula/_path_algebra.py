"""Vocabulary of the pages about paths: vectors over paths, operators between paths, edges and weights; their values.

p_i has one entry for each path: PG_p(X_i) = tau_0 w_0 tau_1 ... tau, up to the weight that the path ends in. E adds up
the paths that end in the same edge, T the edges that carry the same parameter, F_i multiplies each edge by the value
f[e](X_i) that enters it. g_i = PG_p(X_i) f(X_i) is the paper's vector (21). Nothing here knows how large a network is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import sympy as sp

from odeflow.panels import against_claim
from odeflow.strategies import NetworkOnSamples
from odeflow.symbolic.inner_products import Base, InnerProduct, Operator, Vector, evaluate_at
from odeflow.symbolic.path_networks import Network, Node
from odeflow.symbolic.paths import Pass, PathVectors, kernel_by_differentiation, path_vectors
from odeflow.theorem import Claim, Evidence

H_ENTRY = sp.Symbol("H_ij", real=True)
STRONG_ENTRY, WEAK_ENTRY = sp.symbols("H^S_ij H^W_ij", real=True)
VALUES_I, VALUES_J = Operator("F_i", symmetric=True), Operator("F_j", symmetric=True)
SUM_PATHS, SUM_EDGES = Operator("E"), Operator("T")
PATHS_I, PATHS_J = Vector.base("p_i"), Vector.base("p_j")
CONTRIBUTIONS_I, CONTRIBUTIONS_J = Vector.base("g_i"), Vector.base("g_j")

WHERE: dict[sp.Basic, str] = {
    H_ENTRY: "sum over the trained parameters of du_i/dw du_j/dw",
    sp.Symbol("p_i"): "one entry PG_p(X_i) = tau_0 w_0 tau_1 ... w tau for each path, without the weight it ends in",
    sp.Symbol("E"): "adds the paths that end in the same edge",
    sp.Symbol("T"): "adds the edges that carry the same parameter",
    sp.Symbol("F_i"): "multiplies each edge by the value f[e](X_i) that enters it",
    sp.Symbol("g_i"): "one entry PG_p(X_i) f[e](X_i) for each path",
}

SCALAR_OUTPUT = "scalar output; the network is a finite directed acyclic graph; biases are edges from a constant 1"
DIFFERENTIABLE = "activations are differentiable where they are evaluated (or one slope at a kink is fixed throughout)"
UNTIED = "every trained weight sits on exactly one edge"


def path_values(found: PathVectors, run: Pass, i: int, j: int) -> tuple[dict[Base, sp.Matrix], dict[str, sp.Matrix]]:
    """Return the vectors and operators of the vocabulary on an evaluated network, for rows i and j of H."""
    edges = run.network.edges

    def entering(row: int) -> sp.Matrix:
        return sp.diag(*(run.values[e.source][run.rows[row][0]] for e in edges))

    bases = {
        Base("p_i"): found.gradients[i, :].T,
        Base("p_j"): found.gradients[j, :].T,
        Base("g_i"): found.contributions[i, :].T,
        Base("g_j"): found.contributions[j, :].T,
    }
    return bases, {"F_i": entering(i), "F_j": entering(j), "E": found.incidence, "T": found.ties}


def evaluated(expression: sp.Expr, found: PathVectors, run: Pass, i: int = 0, j: int = 0) -> sp.Expr:
    """Evaluate an expression in the vocabulary on a network, exactly."""
    return sp.expand(evaluate_at(sp.sympify(expression, strict=True), *path_values(found, run, i, j)))


def instance_of(formula: sp.Basic, found: PathVectors, run: Pass, i: int = 0, j: int = 0) -> dict[sp.Basic, sp.Expr]:
    """Return the exact value of every inner product of a formula on a network."""
    atoms = sorted(formula.atoms(InnerProduct), key=str)
    return {atom: evaluated(atom, found, run, i, j) for atom in atoms}


def entries_hold(claim: Claim, case: NetworkOnSamples) -> bool:
    """Compare the claimed entries of H, over paths, with H by differentiation, exactly."""
    run = case.run()
    found, H = path_vectors(run), kernel_by_differentiation(run)
    rows = range(len(run.rows))
    return all(evaluated(claim.formula.rhs, found, run, i, j) == H[i, j] for i in rows for j in rows if j <= i)


def tanh_networks(seed: int, networks: tuple[Network, ...]) -> list[tuple[Network, np.ndarray, np.ndarray]]:
    """Return each network with two Gaussian samples and Gaussian weights."""
    rng = np.random.default_rng(seed)
    return [
        (net, rng.standard_normal((2, len(net.inputs))), 0.8 * rng.standard_normal(len(net.parameters)))
        for net in networks
    ]


def float_pass(network: Network, X: np.ndarray, theta: np.ndarray) -> Pass:
    """Evaluate a network in floats; smooth nodes are tanh. Its paths are then multiplied out in floats too."""
    place = {parameter: k for k, parameter in enumerate(network.parameters)}
    weights = tuple(float(theta[place[e.weight]]) for e in network.edges)
    values: list[Any] = []
    slopes: list[Any] = []
    for v, node in enumerate(network.nodes):
        z = sum(
            (w * values[e.source] for e, w in zip(network.edges, weights, strict=True) if e.target == v), 0 * X[:, 0]
        )
        if node is Node.INPUT:
            values.append(X[:, network.inputs.index(v)])
            slopes.append(0 * z)
        else:
            value, slope = _ACTIVATIONS[node](z)
            values.append(value)
            slopes.append(slope)
    return Pass(network, weights, tuple(tuple(a.tolist()) for a in values), tuple(tuple(a.tolist()) for a in slopes))


_ACTIVATIONS: dict[Node, Callable[[Any], tuple[Any, Any]]] = {
    Node.ONE: lambda z: (0 * z + 1.0, 0 * z),
    Node.IDENTITY: lambda z: (z, 0 * z + 1.0),
    Node.SQUARE: lambda z: (z * z / 2, z),
    Node.RELU: lambda z: (np.maximum(z, 0.0), (z > 0).astype(float)),
    Node.SMOOTH: lambda z: (np.tanh(z), 1.0 - np.tanh(z) ** 2),
}


def difference_jacobian(network: Network, X: np.ndarray, theta: np.ndarray) -> tuple[np.ndarray, float]:
    """Return du/dtheta, (samples, parameters), by central differences, and its error from two step sizes."""

    def jacobian(step: float) -> np.ndarray:
        columns = []
        for k in range(theta.size):
            moved = step * np.eye(theta.size)[k]
            ahead, behind = (float_pass(network, X, theta + s * moved).values[-1] for s in (1, -1))
            columns.append((np.array(ahead) - np.array(behind)) / (2 * step))
        return np.array(columns).T

    coarse, fine = jacobian(2e-3), jacobian(1e-3)
    best = (4 * fine - coarse) / 3  # what is left is of fourth order, well below the difference to `fine`
    return best, float(np.abs(best - fine).max()) + 1e-11 * (1.0 + float(np.abs(best).max()))


def difference_kernel(network: Network, X: np.ndarray, theta: np.ndarray) -> tuple[np.ndarray, float]:
    """Return H by central differences of the outputs, and its error."""
    J, error = difference_jacobian(network, X, theta)
    return J @ J.T, 2 * error * float(np.abs(J).sum(axis=1).max()) + theta.size * error**2


def entries_evidence(claim: Claim, seed: int, networks: tuple[Network, ...]) -> Evidence:
    """Hold claimed entries of H, over the listed paths, against difference quotients of tanh networks."""
    worst, bar, pairs = 0.0, 0.0, []
    contradicted = False
    for network, X, theta in tanh_networks(seed, networks):
        run = float_pass(network, X, theta)
        found = path_vectors(run)
        H, error = difference_kernel(network, X, theta)
        for i, j in ((0, 0), (1, 0), (1, 1)):
            pairs.append((float(evaluated(claim.formula.rhs, found, run, i, j)), float(H[i, j])))
            gap = abs(pairs[-1][0] - pairs[-1][1])
            worst, bar = max(worst, gap), max(bar, error)
            contradicted |= gap > error
    return Evidence.measured(
        claim,
        f"the sum over paths departs from H by differences by at most {worst:.2g}",
        contradicted=contradicted,
        error_bar=f"{bar:.2g} (two step sizes)",
        cases=len(pairs),
        seed=seed,
        picture=against_claim(*zip(*pairs, strict=True), what="H_ij", title="Sums over paths give H by differences"),
    )
