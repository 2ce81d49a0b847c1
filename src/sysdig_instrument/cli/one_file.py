"""Process one file: read it, and process each document in it. An error in it is its result."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Generic, TypeVar

from sysdig_instrument.cli.documents import InputDocument
from sysdig_instrument.cli.folders import InputFile
from sysdig_instrument.cli.main import NESTED_TOO_DEEPLY
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.expressions.scope import section
from sysdig_instrument.errors import UsageError, UserError
from sysdig_instrument.printable import printable_name

T = TypeVar("T")
U = TypeVar("U")


class NestedTooDeeplyError(UsageError):
    """A file is nested so deeply that Python's stack is exhausted."""


class ProcessedFile(Generic[T]):
    """A file: a result or an error for each document in it, and the names of the templates' parameters.

    Nothing else in a folder has a document, and no result.
    """

    def __init__(
        self,
        results: Iterable[T | UserError],
        *,
        has_documents: bool,
        is_read: bool = True,
        parameters: Iterable[str] = (),
    ) -> None:
        self.results = results
        self.has_documents = has_documents
        self.is_read = is_read
        self.parameters = set(parameters)


def process_file(
    file: InputFile,
    read: Callable[[InputFile], list[InputDocument] | None],
    process: Callable[[InputDocument], T],
) -> ProcessedFile[T]:
    """Read a file. Its documents are processed one by one, when their results are asked for."""
    documents = _guarded(file, partial(read, file))
    if documents is None:
        return ProcessedFile((), has_documents=False)
    if isinstance(documents, UserError):
        return ProcessedFile((documents,), has_documents=True, is_read=False)
    parameters = [name for each in documents for name in section(each.fragment, "Parameters")]
    results = (_guarded(file, partial(process, document)) for document in documents)
    return ProcessedFile(results, has_documents=True, parameters=parameters)


def _guarded(file: InputFile, action: Callable[[], U]) -> U | UserError:
    """Return what an action on a file returns, or its error."""
    try:
        return action()
    except UserError as error:
        return error
    except RecursionError:
        return NestedTooDeeplyError(f"{printable_name(file.path)} {NESTED_TOO_DEEPLY}", code=Code.NOT_A_TEMPLATE_FILE)
