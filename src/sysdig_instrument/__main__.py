"""``sysdig-instrument`` and ``python -m sysdig_instrument``."""

from __future__ import annotations

import os
import sys

from sysdig_instrument.cli.main import run


def main() -> None:
    """Run the command line tool with this process's arguments."""
    # Python sets a standard stream to None if the caller closed it. A write to such standard output has to fail, as it does
    # on a descriptor that is open for reading only: a result that is lost is not a success.
    sys.stdin = sys.stdin or os.fdopen(os.open(os.devnull, os.O_RDONLY))
    sys.stdout = sys.stdout or os.fdopen(os.open(os.devnull, os.O_RDONLY), "w")
    sys.stderr = sys.stderr or os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
