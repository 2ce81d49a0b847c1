"""What the commands of docs/guardrails.md pass fits the templates and AWS's models, because no fake of AWS runs them."""

from __future__ import annotations

import re
import shlex
from typing import Any, cast

import botocore.session
import pytest
from botocore.validate import validate_parameters

from fixtures_documentation import PAGES_WITHOUT_A_FAKE, command_blocks
from fixtures_embedded_aws import ROOT
from sysdig_instrument.documents import load

(PAGE,) = PAGES_WITHOUT_A_FAKE
COMMANDS = [shlex.split(block.replace("\\\n", " ")) for block in command_blocks(PAGE)]
DEPLOYMENTS = [words for words in COMMANDS if words[1:3] == ["cloudformation", "deploy"]]
CALLS = [words for words in COMMANDS if words not in DEPLOYMENTS]
SERVICES = {"configservice": "config"}


def options(words: list[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for word in words:
        if word.startswith("--"):
            found[word] = []
        else:
            found[list(found)[-1]].append(word)
    return found


def text_of(value: str) -> str:
    return (ROOT / value.removeprefix("file://")).read_text("utf-8") if value.startswith("file://") else value


@pytest.mark.parametrize("words", DEPLOYMENTS, ids=lambda words: words[4])
def test_parameters_are_those_of_the_template(words: list[str]) -> None:
    given = options(words[3:])
    (file,) = given["--template-file"]
    template = cast("dict[str, Any]", load(str(ROOT / file)).value)
    values = dict(each.split("=", 1) for each in given["--parameter-overrides"])
    assert {name for name, each in template["Parameters"].items() if "Default" not in each} <= set(values)
    for name, value in values.items():
        parameter = template["Parameters"][name]
        parts = value.split(",") if parameter["Type"] == "CommaDelimitedList" else [value]
        assert all(re.fullmatch(parameter["AllowedPattern"], part, re.ASCII) for part in parts), name


@pytest.mark.parametrize("words", CALLS, ids=lambda words: words[2])
def test_calls_are_those_of_the_service(words: list[str]) -> None:
    _, service, operation, *rest = words
    name = "".join(part.title() for part in operation.split("-"))
    shape = (
        botocore.session.get_session()
        .get_service_model(SERVICES.get(service, service))
        .operation_model(name)
        .input_shape
    )
    members = {botocore.xform_name(member, "-"): (member, each) for member, each in shape.members.items()}
    request: dict[str, Any] = {}
    for option, values in options(rest).items():
        member, each = members[option.removeprefix("--")]
        if each.type_name == "list" and each.member.type_name == "structure":
            request[member] = [dict(pair.split("=") for pair in value.split(",")) for value in values]
        else:
            request[member] = values if each.type_name == "list" else text_of(values[0])
    assert set(shape.required_members) <= set(request)
    validate_parameters(request, shape)


def test_both_templates_are_deployed_by_a_command() -> None:
    files = {file for words in DEPLOYMENTS for file in options(words[3:])["--template-file"]}
    assert files == {"templates/conformance-pack.yaml", "templates/service-control-policy.yaml"}
