"""Verdicts in; text, JSON and LaTeX out. Nothing is computed here."""
