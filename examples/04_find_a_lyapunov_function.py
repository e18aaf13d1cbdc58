"""Claim: heavy ball with b = 2 decays at rate 4/3 on 1-strongly convex functions. Searched for, then proved exactly."""

from fractions import Fraction

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from odeflow.flow_text import parse_flow
from odeflow.function_classes import ClassName, FunctionClass
from odeflow.search import best_rate

flow = parse_flow("x'' + b*x' + grad(x)")
known = FunctionClass(ClassName.STRONGLY_CONVEX, mu=Fraction(1))
outcome = best_rate(flow.at({"b": Fraction(2)}), known)
print(f"b = 2: {outcome.verdict.value}, rate {outcome.rate}")
print(f"  exact check, which shares no code with the search: {outcome.certificate.check().status.value}")

dampings = [Fraction(k, 4) for k in range(2, 17)]
proved, quadratics = [], []
for b in dampings:
    found = best_rate(flow.at({"b": b}), known)
    proved.append(float(found.rate))
    quadratics.append(float(found.quadratic_rate[0]))
print(f"best damping of {len(dampings)}: b = {float(dampings[proved.index(max(proved))]):g}, rate {max(proved):.4f}")

figure, axes = plt.subplots(figsize=(6, 4))
axes.plot([float(b) for b in dampings], proved, "o-", label="proved, every 1-strongly convex f")
axes.plot([float(b) for b in dampings], quadratics, "k--", label="true rate on quadratics")
axes.set(xlabel="damping b", ylabel="rate of f - f*", title="certified rates of heavy ball")
axes.legend()
figure.savefig("certified_rates.png", dpi=120, bbox_inches="tight")
print("drawn: certified_rates.png")
