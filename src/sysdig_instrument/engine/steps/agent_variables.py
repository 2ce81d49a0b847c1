"""The differences in the variables and secrets of an agent's container, and those that leave a task unprotected.

Of two entries with the same name ECS documents no order, and a name that is an expression may be any name. So a list that
has either is not known to be the agent's.

Source: the ECS API reference, KeyValuePair and Secret; Sysdig documentation, «Serverless Agents», for the variables.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from sysdig_instrument.engine.agent import ACCESS_KEY_VARIABLE
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.expressions.evaluate import evaluate
from sysdig_instrument.engine.expressions.scope import EvaluationScope
from sysdig_instrument.engine.expressions.values import Known, Unknown
from sysdig_instrument.engine.findings import Reason, quote
from sysdig_instrument.engine.json_types import ABSENT, Absent, Json
from sysdig_instrument.engine.settings.locks import (
    EXTRA_CONF_VARIABLE,
    REQUIRED_VARIABLES,
    SETTING_OF_VARIABLE,
    is_locked,
    is_valid_variable,
    overridden_lock,
    takes_over,
)
from sysdig_instrument.engine.settings.patterns import SECRET_PATTERN
from sysdig_instrument.engine.settings.table import Settings

_SSM_PARAMETER: Final = r"[A-Za-z0-9_./-]+"
"""The name of an SSM parameter in the Region of the task."""
_EXPRESSION: Final = r"[$&]\{|\{\{resolve:"

_NO_KEY: Final = Reason(
    f"The agent's container does not get the access key as the secret {ACCESS_KEY_VARIABLE}", code=Code.AGENT_HAS_NO_KEY
)
_PLAIN_KEY: Final = Reason(f"The agent's container has {ACCESS_KEY_VARIABLE} in plain text", code=Code.AGENT_HAS_NO_KEY)


def altered(what: str) -> Reason:
    """Return the reason for something that no setting asks for; ``what`` completes «The agent's container …»."""
    return Reason(f"The agent's container {what}, and no setting asks for that", code=Code.AGENT_ALTERED)


def not_as_locked(setting: str) -> Reason:
    """Return the reason for a difference from a locked setting."""
    return Reason(f'The agent\'s container differs from the locked setting "{setting}"', code=Code.AGENT_NOT_AS_LOCKED)


def environment_difference(
    value: Json | Absent, wanted: Json | Absent, settings: Settings, scope: EvaluationScope
) -> Reason | None:
    """Return why a task is unprotected by the agent's Environment; None if it is not."""
    variables, expected = _by_name(value, "Value"), _by_name(wanted, "Value") or {}
    if variables is None:
        return altered("has Environment in another form than a list with a literal Name in each entry, without =, once")
    reasons = (_variable_difference(name, variables, expected, settings, scope) for name in {**variables, **expected})
    return next((reason for reason in reasons if reason), None)


def _variable_difference(
    name: str, variables: Mapping[str, Json], expected: Mapping[str, Json], settings: Settings, scope: EvaluationScope
) -> Reason | None:
    if variables.get(name, ABSENT) == expected.get(name, ABSENT):
        return None
    if name == ACCESS_KEY_VARIABLE:
        return _PLAIN_KEY
    if takes_over(name):
        return altered(f"has another value for {quote(name)}" if name in expected else f"sets {quote(name)}")
    owner = SETTING_OF_VARIABLE["AgentEnvironment"].get(name, "AgentEnvironment")
    value = evaluate(variables.get(name, ABSENT), scope)
    if name in REQUIRED_VARIABLES and not (isinstance(value, Known) and is_valid_variable(owner, value.value)):
        fact = f"The agent's container has no valid value for {quote(name)}"
        return Reason(fact, code=Code.AGENT_VARIABLES)
    if name == EXTRA_CONF_VARIABLE and value is not ABSENT:
        locked = overridden_lock(value.value if isinstance(value, Known) else None, settings)
        if locked:
            return not_as_locked(locked)
    setting = "AgentEnvironment" if name in settings.agent_environment else owner
    is_same = isinstance(value, Known) and value.value == expected.get(name, ABSENT)
    return not_as_locked(setting) if is_locked(setting, settings) and not is_same else None


def secrets_difference(
    value: Json | Absent, wanted: Json | Absent, settings: Settings, scope: EvaluationScope
) -> Reason | None:
    """Return why a task is unprotected by the agent's Secrets; None if it is not.

    If ``wanted`` is ``ABSENT``, the key comes in another way, perhaps as one of these secrets.
    """
    secrets = _by_name(value, "ValueFrom")
    if secrets is None:
        return _NO_KEY
    if any(takes_over(name) for name in secrets.keys() - {ACCESS_KEY_VARIABLE}):
        return altered("has a secret that can replace what it does")
    if wanted is ABSENT:
        return None
    if not _is_secret(secrets.get(ACCESS_KEY_VARIABLE, ABSENT), scope):
        return _NO_KEY
    if len(secrets) > 1:
        return altered("has other secrets")
    is_same = secrets == _by_name(wanted, "ValueFrom")
    return not_as_locked("AccessKeySecret") if is_locked("AccessKeySecret", settings) and not is_same else None


def _is_secret(value_from: Json | Absent, scope: EvaluationScope) -> bool:
    """Return whether ECS may read a secret from here; what is known only after deployment may be the ARN of one."""
    match evaluate(value_from, scope):
        case Known(str(text)):
            return re.fullmatch(f"{SECRET_PATTERN}|{_SSM_PARAMETER}", text) is not None
        case Unknown():
            return True
    return False


def _by_name(value: Json | Absent, member: str) -> dict[str, Json] | None:
    """Return a member of each entry by the entry's name, or None if a name is none, is not literal, or is there twice."""
    if value is ABSENT or value is None:
        return {}
    members: dict[str, Json] = {}
    for entry in value if isinstance(value, list) else [None]:
        name = entry.get("Name") if isinstance(entry, dict) else None
        if not isinstance(entry, dict) or not isinstance(name, str) or not _is_name(name) or name in members:
            return None
        members[name] = entry.get(member)
    return members


def _is_name(name: str) -> bool:
    """Return whether a name is literal, and that of one variable: Docker takes ``A=b`` for the variable ``A``."""
    return re.search(rf"{_EXPRESSION}|[=\s]", name) is None and name != ""
