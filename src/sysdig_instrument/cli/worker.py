"""The program of a worker process: it processes the files that it is given, and sends back the results."""

from __future__ import annotations

import io
import pickle
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from queue import SimpleQueue
from threading import Thread
from typing import Any, BinaryIO, TypeAlias

from sysdig_instrument.cli.calls import Call
from sysdig_instrument.cli.documents import InputDocument, open_documents
from sysdig_instrument.cli.folders import InputFile
from sysdig_instrument.cli.one_file import NestedTooDeeplyError, ProcessedFile, process_file
from sysdig_instrument.cli.run_notices import Recorded
from sysdig_instrument.engine.plan import Context

ProcessDocument: TypeAlias = Callable[[InputDocument, Context, Call], Any]
Result: TypeAlias = tuple[ProcessedFile[Any], Recorded] | None
"""A processed file, and what its plans recorded. It is None if the process of the call has to process the file itself."""


def serve() -> None:
    """Answer requests from standard input on standard output, until it ends: with the call, or because the call has ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process of the call gets it, too, and ends this one
    answers = sys.stdout.buffer
    call, process_document = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the process of the call
    requests: SimpleQueue[Any] = SimpleQueue()
    Thread(target=_receive, args=[sys.stdin.buffer, requests], daemon=True).start()
    _send("ready", answers)
    while files := requests.get():
        _send(process_group(files, call, process_document), answers)


def _receive(stream: BinaryIO, requests: SimpleQueue[Any]) -> None:
    """Receive requests at any time, so that the process of the call can always send them. None is the last one."""
    try:
        while True:
            requests.put(pickle.load(stream))  # noqa: S301 - from the process of the call
    except EOFError:
        requests.put(None)


def _send(answer: object, stream: BinaryIO) -> None:
    stream.write(pickle.dumps(answer))
    stream.flush()


def process_group(
    files: Sequence[tuple[InputFile, Context]], call: Call, process_document: ProcessDocument
) -> list[Result]:
    """Process some files, each with its settings."""
    return [_process(file, context, call, process_document) for file, context in files]


def _process(file: InputFile, context: Context, call: Call, process_document: ProcessDocument) -> Result:
    own = call.elsewhere()
    printed = io.StringIO()
    try:
        with redirect_stdout(printed), redirect_stderr(printed):
            processed = process_file(file, open_documents, lambda document: process_document(document, context, own))
            processed.results = list(processed.results)
    except Exception:  # noqa: BLE001 - a lookup, or an error of this program: it happens again in the process of the call
        return None
    if not processed.is_read:
        return None  # only its own process has what is open there, such as ``/dev/fd/5``
    if printed.getvalue() or any(isinstance(each, NestedTooDeeplyError) for each in processed.results):
        return None  # in its own process it may be printed, and the stack may suffice
    return processed, own.notices.recorded
