"""``python -m embedded_aws``: run LocalStack until the program that started it ends."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import Final

PR_SET_PDEATHSIG: Final = 1  # <linux/prctl.h>
INIT_PID: Final = 1


def main() -> None:
    """Ask Linux for a signal when the parent process ends, then run LocalStack."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() == INIT_PID:  # the parent ended before the call above
        sys.exit("The program that started LocalStack has ended.")

    # These take seconds, in which the parent may end.
    from localstack.runtime.main import main as run  # noqa: PLC0415

    from embedded_aws import localstack_cloudformation  # noqa: PLC0415

    localstack_cloudformation.correct()
    run()


main()
