"""What botocore's model of Security Hub says about its parameters, with the patterns that botocore itself does not check."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import botocore.session
from botocore.validate import ParamValidator

from coverage_report.fake_ecs import BOTOCORE_LOADER


def errors_in(operation: str, parameters: dict[str, Any]) -> list[str]:
    """Return what Security Hub would refuse."""
    session = botocore.session.Session()
    session.register_component("data_loader", BOTOCORE_LOADER)
    shape = session.get_service_model("securityhub").operation_model(operation).input_shape
    report = ParamValidator().validate(parameters, shape)
    return [report.generate_report()] if report.has_errors() else list(_unmatched(shape, parameters))


def _unmatched(shape: Any, value: Any) -> Iterator[str]:
    """Yield the texts that do not match the pattern of their shape."""
    if shape.type_name == "structure":
        for name, each in value.items():
            yield from _unmatched(shape.members[name], each)
    elif shape.type_name == "list":
        for each in value:
            yield from _unmatched(shape.member, each)
    elif shape.type_name == "map":
        for name, each in value.items():
            yield from _unmatched(shape.key, name)
            yield from _unmatched(shape.value, each)
    elif shape.type_name == "string" and not re.search(shape.metadata.get("pattern", ""), value):
        yield f"{shape.name}: {value!r}"
