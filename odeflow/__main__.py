"""Run the command line as `python -m odeflow`."""

from __future__ import annotations


def main() -> None:
    """Hand over to the command line."""
    from odeflow.cli import run

    run()


if __name__ == "__main__":
    main()
