"""Claim: with a frozen kernel heavy ball's loss is at most (1 + rt)^2 e^{-2rt} of its start. Proved, and drawn."""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from odeflow.catalogue import load_catalogue
from odeflow.numeric.flows import HeavyBall
from odeflow.numeric.modal import frozen_kernel_losses
from odeflow.verify import check, check_twins

(theorem,) = load_catalogue().find(["heavy_ball_sharp_rate"])
result = check(theorem)
print(f"{theorem.id}: {result.verdict.value}, {result.reason}")
print(f"  {theorem.claim.formula}")
for evidence in result.evidence:
    print(f"  {evidence.stage.value}: {evidence.observed} ({evidence.error_bar})")
for twin in check_twins(theorem):
    print(f"  false twin, {twin.name}: {twin.verdict.value}")

times = np.linspace(0.0, 12.0, 400)
figure, axes = plt.subplots(figsize=(6, 4))
for eigenvalue in (1.0, 2.0, 10.0):
    losses = frozen_kernel_losses(HeavyBall(2.0), np.array([[eigenvalue]]), np.array([np.sqrt(2.0)]), times)
    axes.semilogy(times, losses, label=f"eigenvalue {eigenvalue:g} $r^2$")
axes.semilogy(times, (1 + times) ** 2 * np.exp(-2 * times), "k--", label="claim")
axes.set(xlabel="flow time in units of 1/r", ylabel="loss / initial loss", ylim=(1e-9, 2.0), title="heavy ball, b = 2r")
axes.legend()
figure.savefig("heavy_ball_sharp_rate.png", dpi=120, bbox_inches="tight")
print("drawn: heavy_ball_sharp_rate.png")
