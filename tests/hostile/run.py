"""Send hostile events to the handler in this process, one after the other, with limited memory, and report each answer.

    python run.py MEGABYTES [NAME…]

It prints one JSON object for each event: its name, the status and message of the answer, the processor seconds that it took,
and the resident memory after it, in KiB. The first and the last are for an
ordinary event, the second is for one whose output is too large: after these two, Python's heap has the size that a warm
function's has. The names are those of ``templates.ATTACKS``; without
any, all are sent.
"""

from __future__ import annotations

import gc
import io
import json
import os
import resource
import sys
import time
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, cast

sys.path.insert(0, str(Path(__file__).parents[1]))

from hostile.templates import ATTACKS, Attack, large_template

os.environ |= {
    "AWS_LAMBDA_FUNCTION_NAME": "hostile",
    "AWS_REGION": "eu-west-1",
    "POWERTOOLS_METRICS_NAMESPACE": "SysdigInstrument",
    "SYSDIG_INSTRUMENT_COLLECTOR": "us2",
    "SYSDIG_INSTRUMENT_ACCESS_KEY_SECRET": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:sysdig-AbCdEf",
}

_DISCARDED = io.StringIO()
with redirect_stdout(_DISCARDED):  # the logger keeps the stream that it finds at import
    from fixtures_handler import FakeLambdaContext
    from sysdig_instrument.engine.lookups import ImageConfig, ImageLookup
    from sysdig_instrument.function import handler as module


def main() -> int:
    """Run the events and print a line for each."""
    megabytes, *names = sys.argv[1:]
    limit = int(megabytes) * 2**20
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    cast("Any", module).make_lookup = lambda *_: (
        lambda lookups: {each: ImageConfig(("/app",)) if isinstance(each, ImageLookup) else "value" for each in lookups}
    )
    ordinary = Attack("ordinary", "nothing", large_template)
    too_large = Attack("too large", "nothing", ATTACKS["many_tasks"].event)
    for attack in (ordinary, too_large, *(ATTACKS[name] for name in names or ATTACKS), ordinary):
        sys.stdout.write(json.dumps(_answer_to(attack)) + "\n")
        sys.stdout.flush()
    return 0


def _answer_to(attack: Attack) -> dict[str, Any]:
    event = attack.event()
    gc.collect()
    start = time.process_time()
    with redirect_stdout(_DISCARDED):
        answer = module.handler(event, cast("Any", FakeLambdaContext()))
    seconds = time.process_time() - start
    del event
    _DISCARDED.seek(0)
    _DISCARDED.truncate()
    report = {
        "name": attack.name,
        "status": answer.get("status", answer.get("hookStatus")),
        "message": str(answer.get("errorMessage", answer.get("message", "")))[:4000],
        "seconds": round(seconds, 3),
    }
    del answer
    gc.collect()
    return {**report, "resident": _resident_kib()}


def _resident_kib() -> int:
    with Path("/proc/self/statm").open() as statm:
        return int(statm.read().split()[1]) * resource.getpagesize() // 1024


if __name__ == "__main__":
    sys.exit(main())
