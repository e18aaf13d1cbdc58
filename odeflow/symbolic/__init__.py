"""Exact: SymPy and exact arithmetic only. A float never decides anything here."""
