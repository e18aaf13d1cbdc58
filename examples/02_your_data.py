"""Claim: on these data heavy ball with b = 2r decays at least like e^{-rt}. Promised, frozen, and really trained."""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from odeflow.data_case import open_case
from odeflow.numeric.flows import HeavyBall

data = open_case("diabetes", normalise=True, width=500)
print(data.summary)
for hypothesis in data.hypotheses:
    print(f"  {'holds' if hypothesis.holds else 'FAILS'}: {hypothesis.name}: {hypothesis.observed}")

rate = float(np.sqrt(data.certified_lambda0() / 2.0))
flow, horizon = HeavyBall(2.0 * rate), 4.0 / rate
times = np.linspace(horizon / 400, horizon, 400)
frozen, network = data.frozen(flow, times), data.network(flow, horizon)
start = data.initial_error
promise = 2.0 / rate**2 * 0.5 * float(start @ data.kernel @ start) * np.exp(-rate * times)
print(
    f"promised rate {rate:.4f}; largest loss/promise with a frozen kernel {float((frozen.losses / promise).max()):.2e}"
)
print(f"loss at the start {0.5 * float(start @ start):.4g}; at the end, t = {horizon:.3g}:")
print(f"  frozen kernel {frozen.losses[-1]:.4g}")
print(f"  network of width 500 {network.losses[-1]:.4g} (the promise is not about it)")

figure, axes = plt.subplots(figsize=(6, 4))
axes.semilogy(times, promise, "k--", label="promised bound")
axes.semilogy(frozen.times, frozen.losses, label="frozen kernel")
axes.semilogy(network.times, network.losses, label="network, m = 500")
axes.set(xlabel="flow time", ylabel="loss", title="diabetes, heavy ball, b = 2r")
axes.legend()
figure.savefig("your_data.png", dpi=120, bbox_inches="tight")
print("drawn: your_data.png")
