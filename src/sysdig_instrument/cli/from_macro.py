"""``--from-macro``: the settings of a deployed macro, from the SSM parameter that its stack writes.

They are the deployment's, so they take the place of a settings file that was found near a document: the macro does not know
that file. The values of settings that may hold a secret are not in the parameter, only the names of those that are set.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Final

from sysdig_instrument import __version__
from sysdig_instrument.cli.console import write_stderr
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.lookups import SsmLookup, Unavailable
from sysdig_instrument.engine.settings.layers import Layer
from sysdig_instrument.engine.settings.table import BY_NAME
from sysdig_instrument.errors import UsageError
from sysdig_instrument.lazy_dataclasses import dataclass

if TYPE_CHECKING:
    from sysdig_instrument.lookup.aws import AwsSession

SETTINGS_PARAMETER_PREFIX: Final = "/sysdig-instrument/"
"""The SSM parameter of this prefix and the macro's name has the settings of the macro's deployment."""

_RELEASE: Final = r"[0-9A-Za-z.+-]{1,64}"


@dataclass(frozen=True, slots=True)
class DeployedMacro:
    """A deployed macro: its release, its settings, and the names of the settings whose values it does not publish."""

    name: str
    release: str
    settings: dict[str, Json]
    withheld: tuple[str, ...]

    @property
    def layer(self) -> Layer:
        """The settings as a layer, without those that have their default."""
        values = {name: value for name, value in self.settings.items() if not _is_default(name, value)}
        return Layer(f"the deployed macro {self.name}", values)


def _is_default(name: str, value: Json) -> bool:
    setting = BY_NAME.get(name)
    try:
        return value == "" or (setting is not None and setting.value_type.parse(value) == setting.default)
    except ValueError:
        return False  # merging the layers reports it


def read_macro(
    name: str, region: str | None, profile: str | None, make_session: Callable[[], AwsSession] | None = None
) -> DeployedMacro:
    """Return the macro of this name in a Region, with the caller's credentials or those of another session.

    Raises:
        UsageError: The macro's settings cannot be read, or have names that this release does not know.
    """
    if region is None:
        raise UsageError(
            f"--from-macro {name}: The AWS region is not known. Give --region, or set AWS_REGION.", code=Code.FROM_MACRO
        )
    macro = _parse(_read_parameter(name, region, profile, make_session), name)
    given = {each for each, value in macro.settings.items() if value != ""}
    unknown = sorted({*given, *macro.withheld} - BY_NAME.keys())
    if macro.release != __version__ and unknown:
        raise UsageError(
            f"The macro {name} has release {macro.release}, and settings that this release, {__version__}, does not know "
            f"({', '.join(unknown)}). Install release {macro.release} of this tool.",
            code=Code.FROM_MACRO,
        )
    if macro.release != __version__:
        fact = f"The macro {name} has release {macro.release}, and this is release {__version__}, so the macro may do something else"
        reason = Reason(fact, f"Install release {macro.release} of this tool", code=Code.FROM_MACRO)
        write_stderr(f"notice: {reason.coded_text}")
    return macro


def tell_unknown_values(macro: DeployedMacro, given: Collection[str]) -> None:
    """Tell which settings of the macro are not known here. ``given`` has the names of those that the caller gives."""
    unknown = [name for name in macro.withheld if name not in given]
    if unknown:
        fact = f"The macro {macro.name} has values for {', '.join(unknown)} that are not known here, because they may be secret"
        advice = "Give them with --settings if the result must be the macro's own"
        write_stderr(f"notice: {Reason(fact, advice, code=Code.FROM_MACRO).coded_text}")


def _read_parameter(name: str, region: str, profile: str | None, make_session: Callable[[], AwsSession] | None) -> str:
    from sysdig_instrument.lookup.aws import AwsClients, aws_session  # noqa: PLC0415 - botocore is slow to import
    from sysdig_instrument.lookup.aws_values import read_ssm_parameters  # noqa: PLC0415 - the same

    lookup = SsmLookup(SETTINGS_PARAMETER_PREFIX + name)
    clients = AwsClients(make_session or (lambda: aws_session(profile)))
    answer = read_ssm_parameters([lookup], clients, region)[lookup]
    match answer:
        case str():
            return answer
        case Unavailable(missing=True):
            raise UsageError(
                f"--from-macro {name}: {answer.reason.fact}. Give the macro's name and its Region (--region), or deploy this "
                "release of the macro, whose stack writes the parameter.",
                code=Code.FROM_MACRO,
            )
        case Unavailable(reason):
            raise UsageError(f"--from-macro {name}: {reason.text}", code=Code.FROM_MACRO)
    raise TypeError(type(answer))


def _parse(text: str, name: str) -> DeployedMacro:
    try:
        value = json.loads(text, strict=False)  # a parameter of the stack may contain a tab
    except (ValueError, RecursionError):
        value = None
    match value:
        case {"Release": str(release), "Settings": dict(settings), "Withheld": str(withheld)} if (
            settings.get("MacroName") == name
            and re.fullmatch(_RELEASE, release)
            and all(isinstance(each, str) for each in settings.values())
            and all(each.isalnum() and each.isascii() for each in settings)
        ):
            return DeployedMacro(name, release, settings, tuple(filter(str.isalnum, withheld.split())))
    raise UsageError(
        f"--from-macro {name}: The SSM parameter {SETTINGS_PARAMETER_PREFIX}{name} is not what the macro's stack writes. "
        "Deploy the macro's stack again.",
        code=Code.FROM_MACRO,
    )
