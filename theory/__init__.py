"""The catalogue: one folder a paper, one file a theorem. Each paper registers through `odeflow.theorems`."""
