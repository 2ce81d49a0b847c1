"""The settings of the macro's deployment, for the functions of its stack that have no copy of them in their environment.

A template has room for few copies, and these functions may call AWS.
"""

from __future__ import annotations

from collections.abc import Mapping

from sysdig_instrument.engine.settings.layers import Layer, from_environment
from sysdig_instrument.lookup.aws import INVALID_RESPONSE, AwsClients, AwsError, call


def settings_of_macro(clients: AwsClients, region: str, environment: Mapping[str, str]) -> Layer:
    """Return the settings of the macro's function, whose name is in ``MACRO_FUNCTION``; without a name, of this environment.

    Raises:
        AwsError: They could not be read.
    """
    name = environment.get("MACRO_FUNCTION")
    if not name:
        return from_environment(environment)
    response = call(clients.client("lambda", region).get_function_configuration, FunctionName=name)
    given = response.get("Environment") or {}
    variables = given.get("Variables")
    if given.get("Error") or not isinstance(variables, dict):
        raise AwsError(INVALID_RESPONSE)
    return from_environment(variables)
