"""Claim: depth multiplies the step along w by N and leaves the others. Exact eigenvalues, and flows of depth 1 to 4."""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from odeflow.numeric.linear_flow import flow_end_to_end

target, start = np.array([[1.0, 0.3]]), np.array([[0.1, 0.1]])
times = np.linspace(0.0, 12.0, 300)
figure, axes = plt.subplots(figsize=(6, 4))
for depth in (1, 2, 3, 4):
    run = flow_end_to_end(start, target, times, depth=depth)
    w = run.end_to_end[-1].ravel()
    size = np.linalg.norm(w)
    P = size ** (2 - 2 / depth) * (np.eye(2) + (depth - 1) * np.outer(w, w) / size**2)
    slow, fast = np.linalg.eigvalsh(P)
    print(f"N = {depth}: eigenvalues of the preconditioner {slow:.4f}, {fast:.4f}; quotient {fast / slow:.4f}")
    axes.semilogy(times, run.losses, label=f"N = {depth}")
axes.set(xlabel="flow time", ylabel="loss", ylim=(1e-12, 1), title="whitened data, depths 1 to 4")
axes.legend()
figure.savefig("depth_preconditions.png", dpi=120, bbox_inches="tight")
print("drawn: depth_preconditions.png")
