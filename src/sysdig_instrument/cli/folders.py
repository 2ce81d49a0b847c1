"""Find the files to read: those that are named, and in folders those that may be templates or task definitions.

Hidden folders and files, folders that tools generate, and folders behind symbolic links are passed over. A task definition in
one of them is not checked, so the caller gets a notice.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from typing import Final

from sysdig_instrument.documents.errors import MAX_BYTES
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.errors import UsageError
from sysdig_instrument.lazy_dataclasses import dataclass, field
from sysdig_instrument.printable import printable_name

SUFFIXES: Final = (".json", ".yaml", ".yml", ".template")
_SEARCHED: Final = frozenset({".aws", ".github"})
"""Hidden folders in which task definitions usually are: GitHub's workflow for ECS has them in ``.aws``."""
_GENERATED: Final = frozenset({"cdk.out"})
"""Folders of generated copies. Those of other tools (``.aws-sam``, ``.serverless``) are hidden."""
_NEVER_DEPLOYED: Final = frozenset({".git", ".hg", ".svn", ".venv", "node_modules", "__pycache__"})
"""Folders of version control and of installed packages: no notice names them."""
_MAX_NAMES: Final = 10


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file to read. One that was found in a folder is skipped if it is neither a template nor a task definition."""

    path: str
    is_explicit: bool


@dataclass(slots=True)
class FoundFiles:
    """The files to read, and what was passed over: hidden or generated folders and files, and links to folders."""

    files: list[InputFile] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)

    def notice(self, is_document: Callable[[str], bool]) -> str | None:
        """Return the notice about what was passed over, or None if there is no document in it.

        Links are not followed to find that out.
        """
        names = [path for path in self.passed_over if any(map(is_document, _files_in(path)))] + self.links
        if not names:
            return None
        listed = ", ".join(printable_name(name) for name in names[:_MAX_NAMES])
        more = f" and {len(names) - _MAX_NAMES} more" if len(names) > _MAX_NAMES else ""
        fact = f"Not searched, because they are hidden, generated or links: {listed}{more}"
        return Reason(fact, "Name them to have them read", code=Code.NOT_SEARCHED).coded_text


def find_files(paths: Iterable[str], *, as_in_folder: bool = False) -> FoundFiles:
    """Return the files; those in a folder in the order of their names. ``as_in_folder`` is for files that are named.

    A pipe or a device is read only if it is named itself. A folder that cannot be read is among the files, so that reading
    it reports the error.
    """
    found = FoundFiles()
    for path in paths:
        if path != "-" and os.path.isdir(path):
            _search_folder(path, found)
        else:
            found.files.append(InputFile(path, is_explicit=path == "-" or not as_in_folder))
    return found


def _search_folder(root: str, found: FoundFiles) -> None:
    def report_error(error: OSError) -> None:
        found.files.append(InputFile(str(error.filename), is_explicit=False))

    for parent, folders, files in os.walk(root, onerror=report_error):
        paths = {name: os.path.join(parent, name) for name in sorted(folders) if name not in _NEVER_DEPLOYED}
        for name, path in paths.items():
            if os.path.islink(path):
                found.links += [path] if _leads_outside(path, root) else []
            elif not _is_searched(name):
                found.passed_over.append(path)
        folders[:] = [name for name in paths if _is_searched(name)]
        for path in _regular_files(parent, files):
            if os.path.basename(path).startswith("."):
                found.passed_over.append(path)
            else:
                found.files.append(InputFile(path, is_explicit=False))


def _is_searched(folder: str) -> bool:
    return folder in _SEARCHED or not (folder.startswith(".") or folder in _GENERATED)


def _leads_outside(link: str, root: str) -> bool:
    """Return whether a symbolic link leads to a folder that is not searched under its own name."""
    target, top = os.path.realpath(link), os.path.realpath(root)
    return os.path.commonpath([target, top]) != top


def _regular_files(parent: str, names: Iterable[str]) -> Iterator[str]:
    """Yield the regular files with a suffix that is read: reading a named pipe would wait for its writer."""
    for name in sorted(names):
        path = os.path.join(parent, name)
        if name.lower().endswith(SUFFIXES) and os.path.isfile(path):
            yield path


def _files_in(path: str) -> Iterator[str]:
    """Yield a file itself, or the files anywhere in a folder."""
    if os.path.isfile(path):
        yield path
    for parent, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if name not in _NEVER_DEPLOYED)
        yield from _regular_files(parent, names)


def read_bytes(path: str) -> bytes:
    """Return the content of a file, up to one byte more than a document may have.

    Raises:
        UsageError: The file cannot be read.
    """
    try:
        with open(path, "rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(
            f"{printable_name(path)} cannot be read: {error.strerror}. Make it readable, or leave it out.",
            code=Code.FILE_UNREADABLE,
        ) from None


class Hint(Enum):
    """A sign of a document in the text of a file. Most files in a folder have none, and need not be parsed."""

    NONE = "no task definition"
    ARRAY = "an array that may be one of container definitions"
    SECTION = "a section that a template, or a Terraform plan, has"
    MARKER = "the words of a task definition, or of another workload on Fargate"


_MARKERS: Final = (
    b"AWS::ECS::TaskDefinition",
    b"ontainerDefinitions",
    b"AWS::ECS::ExpressGatewayService",
    b"AWS::Batch::JobDefinition",
)
_TERRAFORM_MARKERS: Final = (b"_ecs_task_definition", b"_ecs_express_gateway_service", b"_batch_job_definition")
_BEFORE_ARRAY: Final = (
    rb"(?:\s|\xef\xbb\xbf|\xff\xfe|\xfe\xff|#[^\r\n]*[\r\n]|%[^\r\n]*[\r\n]|---[^\r\n]*[\r\n]|[!&]\S+)*([\[-])"
)
_ESCAPED: Final = rb"\\(?:u00|x|U000000)([2-7][0-9A-Fa-f])|\\(?:\r\n|\r|\n|\xc2\x85|\xe2\x80[\xa8\xa9])[ \t]*"
"""A character of ASCII as JSON or YAML may escape it, or a line break that YAML ignores: the words may be written with them."""


def hint_of_document(data: bytes, *, any_template: bool = False) -> Hint:
    """Return what a file's text says about whether it is a template with workloads, a task definition or containers.

    With ``any_template``, it may also be a template without any.
    """
    text = data.replace(b"\0", b"")  # finds the words in UTF-16, too
    if b"\\" in text:
        text = re.sub(_ESCAPED, lambda escape: bytes.fromhex(escape[1].decode()) if escape[1] else b"", text)
    if any(marker in text for marker in _MARKERS):
        return Hint.MARKER
    if b'"format_version"' in text and any(marker in text for marker in _TERRAFORM_MARKERS):
        return Hint.SECTION
    if any_template and b"Resources" in text:
        return Hint.MARKER if b"AWS::" in text else Hint.SECTION
    return Hint.ARRAY if b"mage" in text and re.match(_BEFORE_ARRAY, text) else Hint.NONE
