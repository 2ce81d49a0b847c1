"""``sysdig-instrument`` and ``python -m sysdig_instrument``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from sysdig_instrument.cli.main import run


def main() -> None:
    """Run the command line tool with this process's arguments."""
    nothing = Path(os.devnull)
    # A stream that the caller closed is None.
    sys.stdin = sys.stdin or nothing.open()
    sys.stdout = sys.stdout or nothing.open("w")
    sys.stderr = sys.stderr or nothing.open("w")
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
