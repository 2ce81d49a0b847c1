"""The texts side by side: nothing but the named places may differ, and expressions stay expressions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from judge.evaluate import TASK_DEFINITION
from judge.findings import Finding
from judge.functions import function_of
from judge.loops import read_loop
from judge.selection import AGENT
from judge.values import NO_VALUE, Json, canonical, items, mapping, same, text_of
from judge.workload import KILT_LEFTOVERS, OWNED

ROLE = "AWS::IAM::Role"
CONTAINERS = "ContainerDefinitions"
SIZES = {"Cpu", "Memory"}  # numbers in them may be raised
When: TypeAlias = "dict[str, bool]"


def check_raw(before: Json, after: Json, replaced_variables: frozenset[str]) -> Iterator[Finding]:
    """Findings about a whole template. `replaced_variables`: names whose values the macro may replace."""
    old, new = mapping(before), mapping(after)
    yield from _check_key_order("the template", old, new)
    for section in old:
        if section == "Resources":
            yield from _Resources(replaced_variables).check(section, mapping(old[section]), mapping(new.get(section)))
        elif section not in new or not same(old[section], new[section]):
            yield Finding(section, "the section changed")


class _Resources:
    """A walk over resources and loops of resources, in both templates at once."""

    def __init__(self, replaced_variables: frozenset[str]) -> None:
        self._replaceable = replaced_variables | KILT_LEFTOVERS

    def check(self, where: str, before: dict[str, Json], after: dict[str, Json]) -> Iterator[Finding]:
        yield from _check_key_order(where, before, after)
        for name, old in before.items():
            place, new = f"{where}.{name}", after.get(name)
            loop, new_loop = read_loop(name, old), read_loop(name, new)
            if loop is not None and new_loop is not None:
                if loop[0] != new_loop[0] or not same(loop[1], new_loop[1]):
                    yield Finding(place, "the loop itself changed")
                yield from self.check(place, loop[2], new_loop[2])
            elif mapping(old).get("Type") == TASK_DEFINITION:
                yield from self._check_task(place, mapping(old), mapping(new))
            elif mapping(old).get("Type") == ROLE:
                yield from _check_role(place, mapping(old), mapping(new))
            elif not same(old, new):
                yield Finding(place, "a resource that is no task definition changed")

    def _check_task(self, where: str, before: dict[str, Json], after: dict[str, Json]) -> Iterator[Finding]:
        yield from _check_key_order(where, before, after, may_be_added={"Metadata"})
        for key, old in before.items():
            if key not in {"Properties", "Metadata"} and not same(old, after.get(key)):
                yield Finding(f"{where}.{key}", "changed")
        if not same(_without_result(before.get("Metadata")), _without_result(after.get("Metadata"))):
            yield Finding(f"{where}.Metadata", "more than SysdigInstrument.Result changed")
        old_properties, new_properties = mapping(before.get("Properties")), mapping(after.get("Properties"))
        may_be_added = {"PidMode", "ExecutionRoleArn"}
        yield from _check_key_order(f"{where}.Properties", old_properties, new_properties, may_be_added=may_be_added)
        for key, old in old_properties.items():
            if key in SIZES:
                yield from self._check_expressions(f"{where}.Properties.{key}", old, new_properties.get(key), {})
            elif key not in {CONTAINERS, "PidMode"} and not same(old, new_properties.get(key)):
                yield Finding(f"{where}.Properties.{key}", "changed")
        containers = (old_properties.get(CONTAINERS), new_properties.get(CONTAINERS))
        yield from self._check_list(f"{where}.Properties.{CONTAINERS}", *containers, {})

    def _check_list(self, where: str, before: Json, after: Json, when: When) -> Iterator[Finding]:
        """A list of containers, also where it is an `Fn::If` of lists."""
        if isinstance(before, list) and isinstance(after, list):
            old = [container for container in before if not _mentions_agent(container)]
            new = [container for container in after if not _mentions_agent(container)]
            if len(old) != len(new):
                yield Finding(where, f"{len(old)} entries became {len(new)}, the agent not counted")
                return
            for index, pair in enumerate(zip(old, new, strict=True)):
                yield from self._check_container(f"{where}[{index}]", *pair, when)
            return
        branches = _branches(before, after)
        if branches is None:
            if not same(before, after):
                yield Finding(where, "changed its shape")
            return
        for old_branch, new_branch, assumed in branches:
            yield from self._check_list(f"{where}.Fn::If", old_branch, new_branch, when | assumed)

    def _check_container(self, where: str, before: Json, after: Json, when: When) -> Iterator[Finding]:
        branches = _branches(before, after)
        if branches is not None:
            for old_branch, new_branch, assumed in branches:
                yield from self._check_container(f"{where}.Fn::If", old_branch, new_branch, when | assumed)
            return
        if not isinstance(before, dict) or not isinstance(after, dict) or function_of(before) is not None:
            if not same(before, after):
                yield Finding(where, "changed its shape")
            return
        yield from _check_key_order(where, before, after, may_be_added=set(OWNED))
        for key, old in before.items():
            if key not in OWNED and not same(old, after.get(key)):
                yield Finding(f"{where}.{key}", "changed")
        for key in OWNED:
            yield from self._check_expressions(f"{where}.{key}", before.get(key), after.get(key), when)

    def _check_expressions(self, where: str, before: Json, after: Json, when: When) -> Iterator[Finding]:
        for expression in self._expressions(before, when):
            if not _contains(after, expression):
                yield Finding(where, f"the expression {canonical(expression)} is gone")

    def _expressions(self, node: Json, when: When) -> Iterator[Json]:
        """The functions in a node that must be found in the output again.

        `Fn::If` is rebuilt, so its branches count, but for those that what is assumed of conditions rules out.
        """
        if isinstance(node, list):
            for item in node:
                yield from self._expressions(item, when)
            return
        if not isinstance(node, dict) or text_of(node.get("Name")) in self._replaceable:
            return
        match function_of(node):
            case None:
                for part in node.values():
                    yield from self._expressions(part, when)
            case "Fn::If", [str() as name, *branches]:
                for truth, branch in zip((True, False), branches, strict=False):
                    if when.get(name, truth) == truth:
                        yield from self._expressions(branch, {**when, name: truth})
            case _ if node != {"Ref": NO_VALUE.value}:
                yield node


def _check_key_order(
    where: str, before: dict[str, Json], after: dict[str, Json], may_be_added: set[str] | None = None
) -> Iterator[Finding]:
    missing = [key for key in before if key not in after and not _is_nothing(before[key])]
    if missing:
        yield Finding(where, f"{missing} is gone")
    added = [key for key in after if key not in before and key not in (may_be_added or set())]
    if added:
        yield Finding(where, f"{added} was added")
    if [key for key in before if key in after] != [key for key in after if key in before]:
        yield Finding(where, "the order of the keys changed")


def _is_nothing(node: Json) -> bool:
    return node is None or node in ([], {"Ref": NO_VALUE.value})


def _branches(before: Json, after: Json) -> list[tuple[Json, Json, When]] | None:
    """Both sides' branches, where both are the same `Fn::If`, with what each assumes."""
    match before, after:
        case {"Fn::If": [old_name, *old]}, {"Fn::If": [new_name, *new]} if old_name == new_name and len(old) == len(
            new
        ):
            return [
                (*pair, {str(old_name): truth})
                for truth, pair in zip((True, False), zip(old, new, strict=True), strict=False)
            ]
    return None


def _mentions_agent(container: Json) -> bool:
    """Whether this entry is the agent, also under `Fn::If`."""
    match container:
        case {"Fn::If": [_, yes, no]}:
            nothing: Json = {"Ref": NO_VALUE.value}
            named = [_mentions_agent(branch) for branch in (yes, no) if branch != nothing]
            return bool(named) and all(named)
        case {"Name": name}:
            return name == AGENT
    return False


def _contains(node: Json, wanted: Json) -> bool:
    if same(node, wanted):
        return True
    parts = list(node.values()) if isinstance(node, dict) else items(node)
    return any(_contains(part, wanted) for part in parts)


def _without_result(metadata: Json) -> Json:
    """The Metadata as it would be without the macro's own report."""
    rest = dict(mapping(metadata))
    own = {key: value for key, value in mapping(rest.pop("SysdigInstrument", None)).items() if key != "Result"}
    return {**rest, "SysdigInstrument": own} if own else rest


def _check_role(where: str, before: dict[str, Json], after: dict[str, Json]) -> Iterator[Finding]:
    """An execution role may get one more policy, which lets it read one secret."""
    if same(before, after):
        return
    old, new = dict(mapping(before.get("Properties"))), dict(mapping(after.get("Properties")))
    old_policies, new_policies = items(old.pop("Policies", None)), items(new.pop("Policies", None))
    rest = ({**before, "Properties": old}, {**after, "Properties": new})
    grant = new_policies[len(old_policies) :]
    if not same(*rest) or not same(old_policies, new_policies[: len(old_policies)]) or len(grant) != 1:
        yield Finding(where, "more than one policy for the secret changed in the role")
        return
    statements = items(mapping(mapping(grant[0]).get("PolicyDocument")).get("Statement"))
    for statement in map(mapping, statements):
        actions = statement.get("Action")
        wide = {"secretsmanager:GetSecretValue", "ssm:GetParameters", "kms:Decrypt"}
        if not {canonical(word) for word in (actions if isinstance(actions, list) else [actions])} <= set(
            map(canonical, wide)
        ):
            yield Finding(where, "the policy allows more than to read the secret")
        if statement.get("Effect") != "Allow" or statement.get("Resource") in ("*", ["*"], None):
            yield Finding(where, "the policy is not for the one secret")
