"""The exit codes of the command line tool. ``--help`` imports this module, so it imports little itself."""

from __future__ import annotations

from sysdig_instrument.errors import RefusedError

TYPE_CHECKING = False  # importing typing takes longer than everything else that is imported here
if TYPE_CHECKING:
    from typing import Final

    from sysdig_instrument.errors import UserError

EXIT_OK: Final = 0
EXIT_REFUSED: Final = 1
EXIT_USAGE: Final = 2
EXIT_NOTHING: Final = 3
EXIT_INTERRUPTED: Final = 130


def exit_code(error: UserError) -> int:
    """Return the exit code for an error of the user: refused, or usage or input error."""
    return EXIT_REFUSED if isinstance(error, RefusedError) else EXIT_USAGE
