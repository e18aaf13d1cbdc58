"""The sources of the documentation hold no doctests of their own."""

collect_ignore_glob = ["*.py"]
