"""Claim: the wider the network, the nearer its rate to the frozen kernel's. Measured over seeds, with error bars."""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from odeflow.simulation import Subject, simulate

widths = [16, 64, 256, 1024]
ratios, errors = [], []
for width in widths:
    found = simulate("gradient-flow", subject=Subject.RELU, samples=6, features=6, width=width, seeds=6)
    relative = np.array([run.fit.exponent / run.sharp for run in found.runs if run.fit is not None])
    ratios.append(relative.mean())
    errors.append(relative.std(ddof=1) / np.sqrt(relative.size))
    print(f"width {width:>4}: measured / sharp rate of the frozen kernel {ratios[-1]:.3f} +- {errors[-1]:.3f}")
print("the same as a grid on all cores, resumable: odeflow sweep SPEC.toml")

figure, axes = plt.subplots(figsize=(6, 4))
axes.errorbar(widths, ratios, yerr=1.96 * np.array(errors), fmt="o-", capsize=3)
axes.axhline(1.0, color="k", linestyle="--", label="frozen kernel")
axes.set(xscale="log", xlabel="width", ylabel="measured rate / frozen rate", title="gradient flow, 6 seeds, 95 %")
axes.legend()
figure.savefig("width.png", dpi=120, bbox_inches="tight")
print("drawn: width.png")
