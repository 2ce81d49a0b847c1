"""``sysdig-instrument`` and ``python -m sysdig_instrument``."""

from __future__ import annotations

import sys

from sysdig_instrument.cli.main import run


def main() -> None:
    """Run the command line tool with this process's arguments."""
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
