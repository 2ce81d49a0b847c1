"""Why the world has no answer. Everything that can go wrong out there arrives as one of these two."""

from __future__ import annotations

from typing import Final

from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.lookups import Unavailable

IMAGE_CONFIG_ADVICE: Final = "give its ENTRYPOINT and CMD in ImageConfigs, or write EntryPoint in the template"
"""What helps with every image that cannot be read."""

CREDENTIALS_ADVICE: Final = (
    "Check its name; if it is private, give credentials for it (RepositoryCredentials of the container, or "
    "RegistryCredentials for the registry)"
)
"""What helps with an image that a registry does not show to everybody."""


class UnavailableError(Exception):
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
    """A host gave no usable response. ``fact`` goes on with "…: ", as in "ghcr.io refused the connection".

    ``advice`` is an advice that fits this failure ("Name it in InternalRegistries"), or empty.
    """

    def __init__(self, fact: str, advice: str = "") -> None:
        super().__init__(fact)
        self.fact = fact
        self.advice = advice


def unreadable_image(image: str, fact: str, advice: str = "") -> UnavailableError:
    """The error for an image that could not be read, with the ways out that every such image has."""
    full_advice = (
        f"{advice}, or {IMAGE_CONFIG_ADVICE}" if advice else IMAGE_CONFIG_ADVICE[0].upper() + IMAGE_CONFIG_ADVICE[1:]
    )
    return UnavailableError(Reason(f"The image {image} could not be read: {fact}", full_advice))
