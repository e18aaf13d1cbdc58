"""Sphinx configuration. Build with: sphinx-build -W --keep-going -b html odeflow/documentation site."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import odeflow

project = "odeflow"
author = "The odeflow developers"
version = release = odeflow.__version__
language = "en"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "catalogue_pages"]
myst_enable_extensions = ["deflist", "colon_fence", "dollarmath"]
myst_heading_anchors = 3
myst_links_external_new_tab = False
exclude_patterns = ["scaling/*.json"]
suppress_warnings = ["ref.python"]  # names of attributes in docstrings are words, and often fit several classes

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_default_options = {"members": True}
autodoc_preserve_defaults = True
autodoc_type_aliases = {name: name for name in ("ArrayLike", "Flow", "Method", "Optimiser", "MlpOptimiser", "Loss")}
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_param = False
napoleon_custom_sections = [("Attributes", "params_style")]
napoleon_attr_annotations = False
smartquotes_action = "D"  # dashes only: x'' is a second derivative

html_theme = "furo"
html_math_renderer = "mathml"
html_title = f"odeflow {release}"
html_static_path = ["static"]
html_css_files = ["catalogue.css"]
html_show_sourcelink = False
html_copy_source = False
html_permalinks_icon = "#"
templates_path: list[str] = []
highlight_language = "none"
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"
