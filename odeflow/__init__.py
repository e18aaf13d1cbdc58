"""odeflow: check theorems about how neural networks train exactly, simulate them fast, attack them with properties."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("odeflow")
except PackageNotFoundError:  # running from a source tree that was never installed
    __version__ = "0+unknown"

__all__ = ["__version__"]
