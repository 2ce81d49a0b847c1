"""Why the world has no answer. Everything that can go wrong out there arrives as one of these two."""

from __future__ import annotations

from typing import Final

from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.lookups import Unavailable

WAYS_OUT: Final = "give its ENTRYPOINT and CMD in ImageConfigs, or write EntryPoint in the template"
"""What helps with every image that cannot be read."""

CREDENTIALS_REMEDY: Final = (
    "Check its name; if it is private, give credentials for it (RepositoryCredentials of the container, or "
    "RegistryCredentials for the registry)"
)
"""What helps with an image that a registry does not show to everybody."""


class NoAnswerError(Exception):
    """A request has no answer.

    Its reason is made of our own words, names and status codes; never of anything else that a server sent.
    """

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.fact)
        self.reason = reason

    @property
    def unavailable(self) -> Unavailable:
        """The same as a value, for the plan."""
        return Unavailable(self.reason)


class HttpError(Exception):
    """A host gave no usable response. ``what`` goes on with "…: ", as in "ghcr.io refused the connection".

    ``remedy`` is an advice that fits this failure ("Name it in InternalRegistries"), or empty.
    """

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy


def unreadable(image: str, what: str, remedy: str = "") -> NoAnswerError:
    """The error for an image that could not be read, with the ways out that every such image has."""
    advice = f"{remedy}, or {WAYS_OUT}" if remedy else WAYS_OUT[0].upper() + WAYS_OUT[1:]
    return NoAnswerError(Reason(f"The image {image} could not be read: {what}", advice))
