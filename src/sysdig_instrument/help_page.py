"""The address of the page that has an anchor for each code of a message. Only reports and terminals show it."""

from __future__ import annotations

import functools
from typing import Final

_REPOSITORY: Final = "Repository, "
_PAGE: Final = "blob/main/docs/troubleshooting.md"
_NOT_PUBLISHED: Final = "YOUR-ORGANISATION"


@functools.cache
def help_page() -> str:
    """Return the address of the page; nothing if the package's metadata is not there."""
    from importlib.metadata import PackageNotFoundError, metadata  # noqa: PLC0415 - it takes long, and few runs need it

    try:
        addresses = metadata("sysdig-instrument").get_all("Project-URL", [])
    except PackageNotFoundError:
        return ""
    repository = next((each.removeprefix(_REPOSITORY) for each in addresses if each.startswith(_REPOSITORY)), "")
    return f"{repository}/{_PAGE}" if repository else ""


def help_uri(code: str) -> str:
    """Return the address of a code's entry, for programs; nothing if the package's metadata is not there."""
    page = help_page()
    return f"{page}#{code.lower()}" if page and code else ""


def help_address(code: str) -> str:
    """Return the address of a code's entry, for people; an empty string before the page is published.

    Until then, the address of the project is a placeholder.
    """
    address = help_uri(code)
    return "" if _NOT_PUBLISHED in address else address
