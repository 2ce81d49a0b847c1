"""The two exceptions that a lookup can end with.

An :class:`~sysdig_instrument.lookup.aws.AwsError` becomes one of them, with the advice for what was looked up.
"""

from __future__ import annotations

from typing import Final

from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.image_reference import InvalidReferenceError
from sysdig_instrument.engine.lookups import Unavailable
from sysdig_instrument.engine.paste import Paste, PasteInto, paste

IMAGE_CONFIG_ADVICE: Final = "set the image's ENTRYPOINT and CMD in ImageConfigs, or set EntryPoint, and Command if the image has a CMD, in the template"
"""Advice for any image that cannot be read."""

CREDENTIALS_ADVICE: Final = (
    "Check its name and its tag; if it is private, provide credentials for it (RepositoryCredentials in the container, or "
    "RegistryCredentials for the registry)"
)
"""Advice for an image that may be private."""

_INVALID_REFERENCE_ADVICE: Final = (
    "Write it as registry/repository:tag. If a pipeline replaces this text later, run this after that step, or put this very "
    "text into ImageConfigs"
)


class UnavailableError(Exception):
    """A lookup failed.

    Its reason contains only our own words, names and status codes, and nothing else that a server sent. ``is_final`` is that
    of :class:`~sysdig_instrument.engine.lookups.Unavailable`.
    """

    def __init__(self, reason: Reason, *, is_final: bool = False) -> None:
        super().__init__(reason.fact)
        self.reason = reason
        self.is_final = is_final

    @property
    def unavailable(self) -> Unavailable:
        """Return the same as an answer for the plan."""
        return Unavailable(self.reason, is_final=self.is_final)


class HttpError(Exception):
    """A host gave no usable response. ``fact`` is a clause that follows "…: ", as in "ghcr.io refused the connection".

    ``advice`` is advice for this failure ("Add it to InternalRegistries"), or empty, and ``paste`` is what to paste to follow it. ``is_final`` is true if the content that
    was read cannot be used, whoever reads it.
    """

    def __init__(self, fact: str, advice: str = "", *, is_final: bool = False, paste: tuple[Paste, ...] = ()) -> None:
        super().__init__(fact)
        self.fact = fact
        self.advice = advice
        self.is_final = is_final
        self.paste = paste


def invalid_reference(image: str, error: InvalidReferenceError) -> Unavailable:
    """Return the answer for an image whose reference is invalid, so that it fails wherever it is looked up."""
    fact = f"The image {image} is not a valid image reference: {error}"
    to_paste = paste(PasteInto.CONTAINER, {"Image": "REGISTRY/REPOSITORY:TAG"})
    reason = Reason(fact, _INVALID_REFERENCE_ADVICE, code=Code.IMAGE_REFERENCE_INVALID, paste=to_paste)
    return Unavailable(reason, is_final=True)


def unreadable_image(  # noqa: PLR0913 - each is a part of the answer
    image: str,
    fact: str,
    advice: str = "",
    code: Code = Code.IMAGE_UNREADABLE,
    *,
    is_final: bool = False,
    paste: tuple[Paste, ...] = (),
) -> UnavailableError:
    """Return the error for an image that could not be read, including the advice for any such image."""
    full_advice = (
        f"{advice}, or {IMAGE_CONFIG_ADVICE}" if advice else IMAGE_CONFIG_ADVICE[0].upper() + IMAGE_CONFIG_ADVICE[1:]
    )
    return UnavailableError(
        Reason(f"The image {image} could not be read: {fact}", full_advice, code=code, paste=paste), is_final=is_final
    )
