"""Files are written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from odeflow.errors import InvalidArgumentError, OdeflowError

__all__ = ["refuse_missing_folder", "whole_file", "write_text"]


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield the name of a file to write; it takes the place of `path` when the block ends well, and is gone otherwise.

    Parameters
    ----------
    path : its folder is created if it does not exist

    Raises
    ------
    OdeflowError
        The file cannot be written; what was there before is untouched.

    Examples
    --------
    >>> import tempfile
    >>> target = Path(tempfile.mkdtemp()) / "new" / "a.txt"
    >>> with whole_file(target) as name:
    ...     _ = name.write_text("whole")
    >>> target.read_text()
    'whole'
    """
    target = Path(path)
    temporary: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.is_dir():
            raise OdeflowError(f"Could not write {target}: it is a folder. Pass the name of a file.")
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.stem}.", suffix=target.suffix)
        os.close(handle)
        temporary = Path(name)
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        os.replace(temporary, target)
    except OSError as error:
        raise OdeflowError(f"Could not write {target}: {error.strerror}. Pass a file that can be written.") from None
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def refuse_missing_folder(path: str | os.PathLike[str]) -> None:
    """Refuse a file that a user names in a folder which does not exist, before anything is computed for it.

    Raises
    ------
    InvalidArgumentError
        There is no such folder; a misspelt path should not become a new one.

    Examples
    --------
    >>> refuse_missing_folder("picture.png")
    """
    folder = Path(path).parent
    if not folder.is_dir():
        raise InvalidArgumentError(
            f"Expected a file in a folder that exists but {folder} is not one. Create it, or pass another path."
        )


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a text file, whole or not at all, in UTF-8."""
    with whole_file(path) as name:
        name.write_text(text, encoding="utf-8")


def _umask() -> int:
    """Return the permissions that new files do not get; it can only be read by setting it."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
