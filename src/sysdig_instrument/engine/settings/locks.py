"""The limits of what templates may set: locked settings, the variables that belong to them, and variables that take the agent over.

``LockedSettings`` is a list of names. ``*`` locks all settings, also those that a later release adds; ``!Name`` beside it
is an exception.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Final

from sysdig_instrument.engine.agent import ACCESS_KEY_VARIABLE, SIDECAR_VARIABLE
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Reason, quote
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.settings.table import ALL_SETTINGS, BY_NAME, Settings
from sysdig_instrument.engine.suggestions import did_you_mean

_EXCEPTION: Final = "!"

SETTING_OF_VARIABLE: Final[Mapping[str, Mapping[str, str]]] = {
    "AgentEnvironment": {
        "SYSDIG_COLLECTOR": "Collector",
        "SYSDIG_COLLECTOR_PORT": "CollectorPort",
        "SYSDIG_EXTRA_CONF": "ExtraConf",
        "SYSDIG_LOGGING": "LogLevel",
        "SYSDIG_PRIORITY": "Priority",
        "SYSDIG_SIDECAR": "SidecarMode",
    },
    "WorkloadEnvironment": {"SYSDIG_SIDECAR": "SidecarMode"},
}
"""For each setting that can set any variable: the variables that have a setting of their own, over which it would win."""

_IN_EXTRA_CONF: Final = ("Collector", "CollectorPort")
EXTRA_CONF_VARIABLE: Final = "SYSDIG_EXTRA_CONF"

_TAKEOVER_VARIABLES: Final = (
    *("LD_*", "GLIBC_TUNABLES", "GCONV_PATH", "LOCPATH", "NLSPATH", "MALLOC_*", "RESOLV_*", "HOSTALIASES"),
    *("PATH", "ENV", "BASH_ENV", "BASH_FUNC_*", "BASHOPTS", "SHELLOPTS", "IFS", "PS4", "CDPATH", "GLOBIGNORE"),
    *("OPENSSL_*", "SSL_CERT_*", "SSLKEYLOGFILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"),
    *("PYTHON*", "PERL*", "RUBY*", "NODE_*", "JAVA_*", "JDK_*", "_JAVA_*", "LUA_*", "GODEBUG", "GOTRACEBACK"),
    *(ACCESS_KEY_VARIABLE, "*ORCHESTRATOR*"),
)
"""Variables (globs) with which the agent's container runs other code, trusts others, or is no agent any more.

Source: ld.so(8), environ(7), bash(1) and the OpenSSL and curl documentation. With ``SYSDIG_ORCHESTRATOR``, the agent reports
to another host in place of the collector (Sysdig documentation, «Serverless Agents», orchestrated deployment).
"""


REQUIRED_VARIABLES: Final = ("SYSDIG_COLLECTOR", "SYSDIG_COLLECTOR_PORT", "SYSDIG_PRIORITY", SIDECAR_VARIABLE)
"""Without one of these, or with a value that its setting does not accept, the agent does not work as the settings ask."""

_LOCKED_WITH: Final[Mapping[str, str]] = {"ImageConfig": "ImageConfigs"}
"""Settings that say the same of a single container: whoever locks the one by its name locks the other."""


def is_locked(name: str, settings: Settings) -> bool:
    """Return whether templates may not change a setting."""
    locked = settings.locked_settings
    if _LOCKED_WITH.get(name) in locked:
        return True
    return name in locked or (ALL_SETTINGS in locked and _EXCEPTION + name not in locked)


def without_locks(names: Iterable[str], settings: Settings) -> list[str]:
    """Return LockedSettings without locks on these settings."""
    free = set(names)
    kept = [item for item in settings.locked_settings if item not in free]
    return [*kept, *(_EXCEPTION + name for name in sorted(free))] if ALL_SETTINGS in kept else kept


def invalid_locks(settings: Settings, layer: str) -> Iterator[Reason]:
    """Yield a reason for each item of LockedSettings, from a layer of this name, that means nothing."""
    for item in settings.locked_settings:
        name = item.removeprefix(_EXCEPTION)
        if name not in BY_NAME and item != ALL_SETTINGS:
            fact = f"Unknown setting {quote(name)} in LockedSettings, which is from {layer}"
            yield Reason(fact, did_you_mean(name, BY_NAME) or "Remove it", code=Code.SETTING_UNKNOWN)
        elif item != name and ALL_SETTINGS not in settings.locked_settings:
            fact = f"{quote(item)} in LockedSettings, which is from {layer}, is an exception, and LockedSettings does not lock all settings"
            yield Reason(fact, 'Add "*" to lock all other settings, or remove the exception', code=Code.LOCK_EXCEPTION)
        elif item != name and name in settings.locked_settings:
            yield Reason(
                f"LockedSettings, which is from {layer}, has both {quote(item)} and {quote(name)}",
                "Remove one",
                code=Code.LOCK_CONTRADICTED,
            )


def overridden_lock(extra_conf: Json, settings: Settings) -> str | None:
    """Return the locked setting that a text of ExtraConf may override, or None.

    The agent merges the text, YAML or JSON, into its configuration, in which the collector has members of its own. A text
    with escapes may name them without showing it.
    """
    is_plain = isinstance(extra_conf, str) and "\\" not in extra_conf and "collector" not in extra_conf.lower()
    return None if is_plain else next((name for name in _IN_EXTRA_CONF if is_locked(name, settings)), None)


def takes_over(variable: str) -> bool:
    """Return whether a variable of the agent's container can replace what the agent does."""
    return any(fnmatchcase(variable, glob) for glob in _TAKEOVER_VARIABLES)


def is_valid_variable(setting: str, value: Json) -> bool:
    """Return whether a variable has a value that its setting could give it. A collector is a host name here, and no region."""
    if setting == "Collector" and "." not in str(value):
        return False
    try:
        return value != "" and str(BY_NAME[setting].value_type.parse(value)) == value
    except ValueError:
        return False
