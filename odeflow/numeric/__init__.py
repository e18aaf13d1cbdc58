"""Floating point: NumPy, SciPy and Numba only. Nothing here imports SymPy."""
