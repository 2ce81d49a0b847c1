"""The two templates as written: they may differ only where the macro makes changes, and expressions stay expressions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from oracle.evaluate import TASK_DEFINITION
from oracle.findings import Finding
from oracle.functions import function_of
from oracle.loops import read_loop
from oracle.selection import AGENT
from oracle.values import NO_VALUE, Json, canonical, items, mapping, same, text_of
from oracle.workload import INSTRUMENTED_KEYS, KILT_LEFTOVERS

ROLE = "AWS::IAM::Role"
CONTAINERS = "ContainerDefinitions"
SIZES = {"Cpu", "Memory"}  # TaskSize may raise their numbers
Assumptions: TypeAlias = "dict[str, bool]"


def check_template_diff(before: Json, after: Json, replaced_variables: frozenset[str]) -> Iterator[Finding]:
    """Yield what is wrong with a whole template. The macro may replace the values of `replaced_variables`."""
    old, new = mapping(before), mapping(after)
    yield from _check_key_order("the template", old, new)
    for section in old:
        if section == "Resources":
            yield from _Resources(replaced_variables).check(section, mapping(old[section]), mapping(new.get(section)))
        elif section not in new or not same(old[section], new[section]):
            yield Finding(section, "the section changed")


class _Resources:
    """Compares resources, and loops of resources, of two templates."""

    def __init__(self, replaced_variables: frozenset[str]) -> None:
        self._replaceable = replaced_variables | KILT_LEFTOVERS

    def check(self, location: str, before: dict[str, Json], after: dict[str, Json]) -> Iterator[Finding]:
        yield from _check_key_order(location, before, after)
        for name, old in before.items():
            child, new = f"{location}.{name}", after.get(name)
            loop, new_loop = read_loop(name, old), read_loop(name, new)
            if loop is not None and new_loop is not None:
                if loop[0] != new_loop[0] or not same(loop[1], new_loop[1]):
                    yield Finding(child, "the loop itself changed")
                yield from self.check(child, loop[2], new_loop[2])
            elif mapping(old).get("Type") == TASK_DEFINITION:
                yield from self._check_task(child, mapping(old), mapping(new))
            elif mapping(old).get("Type") == ROLE:
                yield from _check_role(child, mapping(old), mapping(new))
            elif not same(old, new):
                yield Finding(child, "a resource that is not a task definition changed")

    def _check_task(self, location: str, before: dict[str, Json], after: dict[str, Json]) -> Iterator[Finding]:
        yield from _check_key_order(location, before, after, may_be_added={"Metadata"})
        for key, old in before.items():
            if key not in {"Properties", "Metadata"} and not same(old, after.get(key)):
                yield Finding(f"{location}.{key}", "changed")
        if not same(_without_result(before.get("Metadata")), _without_result(after.get("Metadata"))):
            yield Finding(f"{location}.Metadata", "more than SysdigInstrument.Result changed")
        old_properties, new_properties = mapping(before.get("Properties")), mapping(after.get("Properties"))
        may_be_added = {"PidMode", "ExecutionRoleArn", "Tags"}
        yield from _check_key_order(f"{location}.Properties", old_properties, new_properties, may_be_added=may_be_added)
        for key, old in old_properties.items():
            if key in SIZES:
                yield from self._check_expressions(f"{location}.Properties.{key}", old, new_properties.get(key), {})
            elif key == "Tags":
                yield from _check_tags(f"{location}.Properties.Tags", old, new_properties.get(key))
            elif key not in {CONTAINERS, "PidMode"} and not same(old, new_properties.get(key)):
                yield Finding(f"{location}.Properties.{key}", "changed")
        containers = (old_properties.get(CONTAINERS), new_properties.get(CONTAINERS))
        yield from self._check_list(f"{location}.Properties.{CONTAINERS}", *containers, {})

    def _check_list(self, location: str, before: Json, after: Json, assumptions: Assumptions) -> Iterator[Finding]:
        """Compare two lists of containers, or two `Fn::If` of such lists."""
        if isinstance(before, list) and isinstance(after, list):
            old = [container for container in before if not _is_agent_entry(container)]
            new = [container for container in after if not _is_agent_entry(container)]
            if len(old) != len(new):
                yield Finding(location, f"{len(old)} entries became {len(new)}, not counting the agent")
                return
            for index, pair in enumerate(zip(old, new, strict=True)):
                yield from self._check_container(f"{location}[{index}]", *pair, assumptions)
            return
        branches = _branches(before, after)
        if branches is None:
            if not same(before, after):
                yield Finding(location, "its structure changed")
            return
        for old_branch, new_branch, assumed in branches:
            yield from self._check_list(f"{location}.Fn::If", old_branch, new_branch, assumptions | assumed)

    def _check_container(self, location: str, before: Json, after: Json, assumptions: Assumptions) -> Iterator[Finding]:
        branches = _branches(before, after)
        if branches is not None:
            for old_branch, new_branch, assumed in branches:
                yield from self._check_container(f"{location}.Fn::If", old_branch, new_branch, assumptions | assumed)
            return
        if not isinstance(before, dict) or not isinstance(after, dict) or function_of(before) is not None:
            if not same(before, after):
                yield Finding(location, "its structure changed")
            return
        yield from _check_key_order(location, before, after, may_be_added=set(INSTRUMENTED_KEYS))
        for key, old in before.items():
            if key not in INSTRUMENTED_KEYS and not same(old, after.get(key)):
                yield Finding(f"{location}.{key}", "changed")
        for key in INSTRUMENTED_KEYS:
            yield from self._check_expressions(f"{location}.{key}", before.get(key), after.get(key), assumptions)

    def _check_expressions(
        self, location: str, before: Json, after: Json, assumptions: Assumptions
    ) -> Iterator[Finding]:
        for expression in self._expressions(before, assumptions):
            if not _contains(after, expression):
                yield Finding(location, f"the expression {canonical(expression)} is missing")

    def _expressions(self, node: Json, assumptions: Assumptions) -> Iterator[Json]:
        """Yield the function calls in a node that the output must contain as well.

        The macro rebuilds `Fn::If`, so its branches count instead, except those that the assumptions rule out.
        """
        if isinstance(node, list):
            for item in node:
                yield from self._expressions(item, assumptions)
            return
        if not isinstance(node, dict) or text_of(node.get("Name")) in self._replaceable:
            return
        match function_of(node):
            case None:
                for part in node.values():
                    yield from self._expressions(part, assumptions)
            case "Fn::If", [str() as name, *branches]:
                for is_true, branch in zip((True, False), branches, strict=False):
                    if assumptions.get(name, is_true) == is_true:
                        yield from self._expressions(branch, {**assumptions, name: is_true})
            case _ if node != {"Ref": NO_VALUE.value} and not _may_be_absent(node):
                yield node


def _check_key_order(
    location: str, before: dict[str, Json], after: dict[str, Json], may_be_added: set[str] | None = None
) -> Iterator[Finding]:
    missing = [key for key in before if key not in after and not _is_absent(before[key])]
    if missing:
        yield Finding(location, f"{missing} is missing")
    added = [key for key in after if key not in before and key not in (may_be_added or set())]
    if added:
        yield Finding(location, f"{added} was added")
    if [key for key in before if key in after] != [key for key in after if key in before]:
        yield Finding(location, "the order of the keys changed")


def _is_absent(node: Json) -> bool:
    return node is None or node in ([], {"Ref": NO_VALUE.value})


def _may_be_absent(function: Json) -> bool:
    """Return whether a function has a DefaultValue of AWS::NoValue, in whose place the image's values may stand."""
    return '"DefaultValue":{"Ref":"AWS::NoValue"}' in canonical(function)


def _branches(before: Json, after: Json) -> list[tuple[Json, Json, Assumptions]] | None:
    """Return the pairs of branches if both nodes are `Fn::If` on the same condition, each with its assumption."""
    match before, after:
        case {"Fn::If": [old_name, *old]}, {"Fn::If": [new_name, *new]} if old_name == new_name and len(old) == len(
            new
        ):
            return [
                (*pair, {str(old_name): is_true})
                for is_true, pair in zip((True, False), zip(old, new, strict=True), strict=False)
            ]
    return None


def _is_agent_entry(container: Json) -> bool:
    """Return whether this entry is the agent, possibly inside `Fn::If`."""
    match container:
        case {"Fn::If": [_, yes, no]}:
            no_value: Json = {"Ref": NO_VALUE.value}
            are_agents = [_is_agent_entry(branch) for branch in (yes, no) if branch != no_value]
            return bool(are_agents) and all(are_agents)
        case {"Name": name}:
            return name == AGENT
    return False


def _contains(node: Json, expression: Json) -> bool:
    if same(node, expression):
        return True
    parts = list(node.values()) if isinstance(node, dict) else items(node)
    return any(_contains(part, expression) for part in parts)


def _without_result(metadata: Json) -> Json:
    """Return the Metadata without the Result that the macro writes."""
    rest = dict(mapping(metadata))
    own = {key: value for key, value in mapping(rest.pop("SysdigInstrument", None)).items() if key != "Result"}
    return {**rest, "SysdigInstrument": own} if own else rest


def _check_role(location: str, before: dict[str, Json], after: dict[str, Json]) -> Iterator[Finding]:
    """Check that an execution role changed at most by one policy, for what ECS does for the agent's container."""
    if same(before, after):
        return
    old, new = dict(mapping(before.get("Properties"))), dict(mapping(after.get("Properties")))
    policies = (old.pop("Policies", None), new.pop("Policies", None))
    if not same({**before, "Properties": old}, {**after, "Properties": new}):
        yield Finding(location, "more than Policies changed in the role")
    yield from _check_policies(location, *policies)


def _check_policies(location: str, before: Json, after: Json) -> Iterator[Finding]:
    """Check that exactly one policy was appended, in every branch if the list depends on a condition."""
    branches = _branches(before, after)
    if branches is not None:
        for old_branch, new_branch, _ in branches:
            yield from _check_policies(location, old_branch, new_branch)
        return
    old, new = items(before), items(after)
    if not (isinstance(before, list) or _is_absent(before)) or len(new) != len(old) + 1 or not same(old, new[:-1]):
        yield Finding(location, "the role changed by more than one policy")
        return
    allowed = {
        "secretsmanager:GetSecretValue", "ssm:GetParameters", "kms:Decrypt", "ecr:GetAuthorizationToken", "ecr:BatchGetImage",
        "ecr:GetDownloadUrlForLayer", "logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents",
    }  # fmt: skip
    for statement in map(mapping, items(mapping(mapping(new[-1]).get("PolicyDocument")).get("Statement"))):
        actions = statement.get("Action")
        if not {text_of(action) for action in (actions if isinstance(actions, list) else [actions])} <= allowed:
            yield Finding(location, "the policy allows more than the agent's container needs")
        covers_all = statement.get("Resource") in ("*", ["*"], None) and actions != "ecr:GetAuthorizationToken"
        if statement.get("Effect") != "Allow" or covers_all:
            yield Finding(location, "the policy covers more than the agent's container needs")


def _check_tags(location: str, before: Json, after: Json) -> Iterator[Finding]:
    """Yield a finding if a tag is missing, apart from the values of the macro's own tags."""
    if isinstance(before, list) and isinstance(after, list):
        kept = [tag for tag in before if not str(mapping(tag).get("Key")).startswith("sysdig-instrument")]
        if [canonical(tag) for tag in kept if not _contains(after, tag)]:
            yield Finding(location, "a tag changed")
    elif function_of(before) is None and not same(before, after):
        yield Finding(location, "changed")
