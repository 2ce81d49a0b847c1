"""Write the file that ``-o`` names.

The file is complete or as before: the content goes to a temporary file in the same folder, which then takes its place.
Permissions stay, and the owner where the system allows it; a hard link to the old file keeps the old content.

A symbolic link is not followed, because the files of a repository may be someone else's: a link in it could name any file
of the person who runs the tool.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from pathlib import Path
from typing import Final

from sysdig_instrument.engine.codes import Code
from sysdig_instrument.errors import UsageError

_STREAM: Final = r"/dev/(stdout|stderr|fd/[0-9]+)|/proc/(self|[0-9]+)/fd/[0-9]+"
"""The names of a process's own open files. They are links to wherever the shell opened them."""


def write_output_file(path: str, content: bytes, advice: str = "Give -o the path of the file itself") -> None:
    """Write the file, device or named pipe. ``advice`` is what to do about a symbolic link.

    Raises:
        UsageError: It cannot be written, or a symbolic link would be followed.
    """
    target = Path(path)
    try:
        if re.fullmatch(_STREAM, path):
            target.write_bytes(content)
            return
        _refuse_links(target, advice)
        old = target.lstat() if os.path.lexists(target) else None
        if old is None or stat.S_ISREG(old.st_mode):
            _replace(target, content, old)
        else:
            target.write_bytes(content)
    except OSError as error:
        raise UsageError(
            f"Cannot write {path}: {error.strerror}. Give -o the path of a file, in a folder where you can create files.",
            code=Code.CANNOT_WRITE,
        ) from None


def _refuse_links(target: Path, advice: str) -> None:
    """Check that the target is not a link, and that no link leads it out of the current folder.

    A path that names another folder may contain links: the caller chose it, and many systems have links in such paths.
    """
    if target.is_symlink():
        raise UsageError(f"Cannot write {target}: It is a symbolic link. {advice}.", code=Code.CANNOT_WRITE)
    here = Path.cwd()
    is_named_here = Path(os.path.normpath(here / target)).is_relative_to(here)
    if is_named_here and not Path(os.path.realpath(target.parent)).is_relative_to(here):
        raise UsageError(
            f"Cannot write {target}: A symbolic link leads it out of the current folder. {advice}.",
            code=Code.CANNOT_WRITE,
        )


def _replace(target: Path, content: bytes, old: os.stat_result | None) -> None:
    """Write a new file beside the target, and put it in the target's place.

    Raises:
        OSError: The file, or a file beside it, cannot be written. The old file is as it was.
    """
    if old is not None:
        os.close(os.open(target, os.O_WRONLY))  # a file that may not be written may not be replaced either
    mode = 0o666 if old is None else stat.S_IMODE(old.st_mode)
    temporary = target.parent / f".sysdig-instrument-{os.urandom(8).hex()}.tmp"
    with open(temporary, "xb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
        try:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            if old is not None:
                _keep_owner_and_mode(temporary, old)
            temporary.replace(target)
        except BaseException:
            temporary.unlink()
            raise


def _keep_owner_and_mode(file: Path, old: os.stat_result) -> None:
    if os.name == "posix":
        with contextlib.suppress(PermissionError):  # only root may give files away
            os.chown(file, old.st_uid, old.st_gid)
    file.chmod(stat.S_IMODE(old.st_mode))
