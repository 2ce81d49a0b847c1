"""Rules for cfn-lint about the line that lists the macro: ``cfn-lint -t FILE --append-rules sysdig_instrument.cfn_lint``.

The settings of the macro's deployment are the configuration of ``E9701``; most templates need none but the macro's name.
Whether the macro would refuse a template is not the matter of these rules.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Final

from cfnlint.decode import decode
from cfnlint.rules import CloudFormationLintRule, RuleMatch

from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Finding, Location
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.macro_line import find_line, tasks_without_line
from sysdig_instrument.engine.plan import Context
from sysdig_instrument.engine.settings.layers import Layer, for_deployment, merge_layers
from sysdig_instrument.engine.settings.table import TABLE
from sysdig_instrument.engine.template import LANGUAGE_EXTENSIONS
from sysdig_instrument.help_page import help_address, help_page
from sysdig_instrument.planning import look_up_nothing, plan_with_lookups

if TYPE_CHECKING:
    from cfnlint.template import Template

_NOT_SET: Final = {"default": "", "type": "string"}


class LineOrder(CloudFormationLintRule):  # type: ignore[misc] # cfn-lint's types are not installed with it
    """The line is there, and should be written in another way. The other rule finds that, so that one setting serves both."""

    id = "W9702"
    source_url = help_address(Code.LINE_EARLY.value) or help_page()
    shortdesc = "Transform lists the macro last, and once"
    description = "The macro is listed after AWS::LanguageExtensions, which expands loops for it, after all other macros, and only once"
    tags: ClassVar = ["transform", "sysdig"]


class LineMissing(CloudFormationLintRule):  # type: ignore[misc] # the same
    """A task definition needs the macro, and CloudFormation would not pass it to the macro."""

    id = "E9701"
    source_url = help_address(Code.LINE_MISSING.value) or help_page()
    shortdesc = "Transform lists the macro that adds Sysdig's agent"
    description = (
        "A template with a task definition for Fargate lists the macro in Transform, by its exact name. "
        "Task definitions that are protected already, or left alone on purpose, need no line"
    )
    tags: ClassVar = ["transform", "sysdig"]

    def __init__(self) -> None:
        super().__init__()
        self.config_definition = {each.name: _NOT_SET for each in for_deployment(TABLE)}
        self.configure()
        self.child_rules: dict[str, LineOrder | None] = {LineOrder.id: None}

    def match(self, cfn: Template) -> list[RuleMatch]:
        """Return what is wrong with the line, under the rule that it belongs to."""
        return list(self._matches(cfn))

    def _matches(self, cfn: Template) -> Iterator[RuleMatch]:
        settings = merge_layers(Layer(f"the configuration of {self.id}", self.config))
        template = _as_written(cfn)
        line = find_line(template, settings.values.macro_name)
        if line.reason is None:
            return
        path = list(line.pointer)
        pasted = Finding(Location(pointer=line.pointer), line.reason).paste_text
        text = f"{line.reason.coded_text} {pasted}".rstrip()
        if line.is_listed:
            if order := self.child_rules[LineOrder.id]:
                yield RuleMatch(path, text, rule=order)
            return
        plan = plan_with_lookups(template, Context(deployment_settings=settings), look_up_nothing)
        if tasks_without_line(line, plan.tasks):
            yield RuleMatch(path, text)


def _as_written(cfn: Template) -> Json:
    """Return the template as it is in its file.

    cfn-lint does itself what AWS::LanguageExtensions does, with the values that parameters have by default. What it then has
    may be less than what is deployed. Of a template from standard input there is nothing else.
    """
    if cfn.filename and LANGUAGE_EXTENSIONS in cfn.transform_pre["Transform"]:
        template, errors = decode(cfn.filename)
        if not errors:
            return _plain(template)
    return _plain(cfn.template)


def _plain(value: Any) -> Json:  # noqa: ANN401 - cfn-lint's types of strings, lists and objects
    """Return a value of cfn-lint's, in which each string has its place in the file, as what a JSON parser returns."""
    match value:
        case dict():
            return {str(key): _plain(each) for key, each in value.items()}
        case list():
            return [_plain(each) for each in value]
        case bool() | int() | float() | None:
            return value
        case _:
            return str(value)
