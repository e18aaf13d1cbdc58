"""Run the command line as `python -m odeflow`."""

from __future__ import annotations

import sys


def main() -> None:
    """Hand over to the command line."""
    try:
        from odeflow.cli import run

        run()
    except KeyboardInterrupt:  # before a command could take it
        sys.stderr.write("odeflow: interrupted\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
