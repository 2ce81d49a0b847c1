"""``stacks``: what it says of each stack, what it leaves alone and why, and that nothing is executed without being asked."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.running import ROOT
from stacks.conftest import Stacks, add_every_state, behind, macro, template, up_to_date
from stacks.fake_cloudformation import ACCOUNT, FakeChangeSet, FakeCloudFormation, FakeStack, copied
from sysdig_instrument.cli.parser import COMMANDS
from sysdig_instrument.stacks.change_sets import CHANGE_SET_NAME


def states(stacks: Stacks, *options: str) -> dict[str, str]:
    return {
        each["stack"] or each["region"]: each["state"] for each in stacks("--format", "json", *options).value["stacks"]
    }


def test_states(fleet: FakeCloudFormation, stacks: Stacks) -> None:
    add_every_state(fleet)
    assert states(stacks) == {
        "behind": "behind",
        "current": "up to date",
        "never": "behind",
        "express": "up to date",
        "refused": "refused",
        "image-never-read": "unknown",
        "broken": "unreadable",
    }
    table = stacks().out
    assert "Api replaced, Service changed" in table
    assert "1 refused, 1 unreadable, 1 unknown, 2 behind, 2 up to date." in table


def test_an_image_is_not_needed_for_what_the_macro_changes_in_its_own_output(
    fleet: FakeCloudFormation, stacks: Stacks
) -> None:
    image = template("image")
    processed = macro(image, LogLevel="debug")
    del image["Resources"]["Api"]["Properties"]["ContainerDefinitions"][0]["EntryPoint"]
    fleet.add("image", image, processed)
    assert states(stacks) == {"image": "behind"}


def test_what_the_macro_does_no_longer_is_found_too(fleet: FakeCloudFormation, stacks: Stacks) -> None:
    """The macro does not take out what it wrote in an earlier release: only the template as it was submitted shows it."""
    original = template("shop")
    processed = macro(original)
    processed["Resources"]["Api"]["Properties"]["ContainerDefinitions"][0]["Environment"].append(
        {"Name": "OLD", "Value": "1"}
    )
    fleet.add("shop", original, processed)
    with_sam = {**original, "Transform": ["SysdigInstrument", "AWS::Serverless-2016-10-31"]}
    fleet.add("with-sam", with_sam, processed)
    assert states(stacks) == {"shop": "behind", "with-sam": "up to date"}


def test_other_spellings_of_the_same_change_nothing(fleet: FakeCloudFormation, stacks: Stacks) -> None:
    original = template("shop", Bucket={"Type": "AWS::S3::Bucket", "Properties": {"Size": 3, "Is": True}})
    original["Resources"]["Api"]["Properties"]["TaskRoleArn"] = {"Fn::GetAtt": "Role.Arn"}
    processed = macro(original)
    processed["Resources"]["Api"]["Properties"]["TaskRoleArn"] = {"Fn::GetAtt": ["Role", "Arn"]}
    processed["Resources"]["Bucket"]["Properties"] = {"Size": "3", "Is": "true"}
    processed["Resources"]["Api"]["Metadata"] = {"Other": "1"}
    fleet.add("shop", original, processed)
    assert states(stacks) == {"shop": "up to date"}


def test_a_macro_in_one_resource(fleet: FakeCloudFormation, stacks: Stacks) -> None:
    original = template("shop", line=None)
    original["Resources"]["Other"] = json.loads(json.dumps(original["Resources"]["Api"]))
    deployed = json.loads(json.dumps(original))
    deployed["Resources"]["Api"] = macro(template("shop"), LogLevel="debug")["Resources"]["Api"]
    original["Resources"]["Api"]["Fn::Transform"] = {"Name": "SysdigInstrument"}
    fleet.add("shop", original, deployed)
    (row,) = stacks("--format", "json").value["stacks"]
    assert row["replaces"] == ["Api"]


@pytest.mark.parametrize("name", ["csv", "markdown"])
def test_formats(name: str, fleet: FakeCloudFormation, stacks: Stacks) -> None:
    behind(fleet, "=shop", tags={"stage": "canary"})
    ran = stacks("--format", name, "--tag", "stage")
    assert "canary" in ran.out
    assert ("'=shop" in ran.out) == (name == "csv")


def test_a_region_that_is_denied_is_told_and_the_others_are_read(fleet: FakeCloudFormation, stacks: Stacks) -> None:
    behind(fleet, "shop")
    fleet.denied_regions = {"us-east-1"}
    regions = ("--region", "us-east-1", "--region", "eu-central-1")
    assert states(stacks, *regions) == {"us-east-1": "unreadable", "shop": "behind"}
    ran = stacks(*regions, "--update", "--execute")
    assert ran.code == 1
    assert "DescribeStacks: CloudFormation returned AccessDenied. Allow cloudformation:DescribeStacks." in ran.out
    assert "secret" not in ran.out + ran.err
    assert ran.out.endswith("1 updated.\n")


def test_accounts_by_their_roles(fleet: FakeCloudFormation, stacks: Stacks) -> None:
    other = "444455556666"
    behind(fleet, "own")
    theirs = behind(fleet, "theirs", account=other)
    role = ("--role", f"arn:aws:iam::{other}:role/fleet")
    assert states(stacks, *role) == {"theirs": "behind"}
    assert stacks(*role, "--update", "--execute").code == 0
    assert len(theirs.executed) == 1
    assert "is not the ARN of an IAM role" in stacks("--role", "fleet").err
    assert "Two of --role are roles of account" in stacks(*role, "--role", f"{role[1]}-2").err
    both = states(stacks, *role, "--role", f"arn:aws:iam::{ACCOUNT}:role/fleet")
    assert both == {"theirs": "up to date", "own": "behind"}


def test_only_some_stacks(fleet: FakeCloudFormation, stacks: Stacks) -> None:
    for name in ("shop-web", "shop-api", "other"):
        behind(fleet, name)
    assert set(states(stacks, "--stack", "shop-*", "--leave", "*-api")) == {"shop-web"}
    ran = stacks("--stack", "shop-*", "--stack", "shpo-*", "--update", "--execute")
    assert (ran.code, fleet.calls["CreateChangeSet"]) == (2, 0)
    assert 'No stack that lists the macro matches "shpo-*"' in ran.err


# --- nothing is executed without being asked


def test_without_a_terminal_the_change_sets_are_only_made(fleet: FakeCloudFormation, stacks: Stacks) -> None:
    stack = behind(fleet, "shop", parameters={"Size": "1"}, tags={"team": "a", "aws:x": "y"})
    ran = stacks("--update")
    assert (ran.code, stack.executed) == (0, [])
    assert "eu-central-1 shop: to execute: Api replaced, Service changed" in ran.out
    (made,) = stack.change_sets.values()
    assert f"delete-change-set --region eu-central-1 --change-set-name {made.arn}" in ran.out
    assert json.loads(made.given["TemplateBody"]) == stack.original
    assert "UsePreviousTemplate" not in made.given
    assert made.given["Parameters"] == [{"ParameterKey": "Size", "UsePreviousValue": True}]
    assert made.given["Tags"] == [{"Key": "team", "Value": "a"}]
    assert stacks("--update", "--execute").code == 0
    assert len(stack.executed) == 1


def test_a_person_is_asked_for_each_wave(fleet: FakeCloudFormation, stacks: Stacks, answers: list[str]) -> None:
    first, second, third = (behind(fleet, name) for name in ("a", "b", "c"))
    answers += ["yes", "no"]
    ran = stacks("--update", "--wave", "1")
    assert ran.code == 1
    assert [len(each.executed) for each in (first, second, third)] == [1, 0, 0]
    assert "Execute 1 change set of wave 2? Answer yes or no:" in ran.err
    assert "Wave 2 was not executed, as you said" in ran.err
    assert ran.out.endswith("1 updated, 1 not executed, 1 not reached.\n")
    answers += [""]
    assert stacks("--update").code == 1
    answers += ["y"]
    assert stacks("--update").code == 0
    assert [len(each.executed) for each in (first, second, third)] == [1, 1, 1]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--execute",), "--execute is for updates"),
        (("--json", "a.json"), "--json is for updates"),
        (("--update", "--format", "json"), "--update prints for people"),
        (("--update", "--order", "a"), "Name the tag with --tag"),
        (("--update", "--tag", "stage", "--order", " , "), "--order has no value in it"),
        (("--allow-changes", "Role"), "--allow-changes is for updates"),
    ],
)
def test_options_that_do_not_go_together(
    options: tuple[str, ...], text: str, fleet: FakeCloudFormation, stacks: Stacks
) -> None:
    ran = stacks(*options)
    assert (ran.code, text in ran.err, fleet.calls.total()) == (2, True, 0)


def test_a_report_that_cannot_be_written_changes_nothing(
    fleet: FakeCloudFormation, stacks: Stacks, tmp_path: Path
) -> None:
    stack = behind(fleet, "shop")
    (tmp_path / "folder").mkdir()
    ran = stacks("--update", "--execute", "--json", "folder")
    assert (ran.code, stack.executed, stack.change_sets) == (2, [], {})


# --- what is left alone


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({"status": "UPDATE_IN_PROGRESS"}, "an operation is in progress (UPDATE_IN_PROGRESS)"),
        ({"status": "DELETE_IN_PROGRESS"}, "an operation is in progress (DELETE_IN_PROGRESS)"),
        (
            {"status": "UPDATE_ROLLBACK_FAILED"},
            "its status is UPDATE_ROLLBACK_FAILED. Continue its rollback first: aws cloudformation continue-update-rollback",
        ),
        ({"status": "ROLLBACK_COMPLETE"}, "its status is ROLLBACK_COMPLETE"),
        ({"status": "DELETE_FAILED"}, "its status is DELETE_FAILED"),
        ({"status": "SOMETHING_NEW"}, "its status is SOMETHING_NEW"),
        (
            {"root": "arn:aws:cloudformation:eu-central-1:111122223333:stack/parent/1"},
            "it is nested. Update its root stack parent",
        ),
        ({"tags": {"stage": "late"}}, "its tag stage is late, which --order does not have"),
        ({"tags": {}}, "it has no tag stage"),
    ],
)
def test_stacks_that_are_not_updated(
    members: dict[str, Any], why: str, fleet: FakeCloudFormation, stacks: Stacks
) -> None:
    stack = behind(fleet, "shop", **{"tags": {"stage": "canary"}, **members})
    ran = stacks("--update", "--execute", "--tag", "stage", "--order", "canary")
    assert ran.code == (0 if "tags" in members else 1)  # the caller does not mean the others
    assert f"shop: left alone: {why}" in " ".join(ran.out.split())
    assert (stack.executed, stack.change_sets) == ([], {})


def test_a_stack_whose_update_begins_after_the_list(fleet: FakeCloudFormation, stacks: Stacks) -> None:
    stack = behind(fleet, "shop")

    def begin(_event: str, each: FakeStack) -> None:
        each.status = "UPDATE_IN_PROGRESS"

    fleet.observe = begin
    assert "left alone: an operation is in progress" in stacks("--update", "--execute").out
    assert stack.change_sets == {}


def test_somebody_else_updates_the_stack_while_the_change_set_is_made(
    fleet: FakeCloudFormation, stacks: Stacks
) -> None:
    """The change set has the template of before: it would take their change back."""
    stack = behind(fleet, "shop")

    def update(event: str, each: FakeStack) -> None:
        if event == "change set made":
            each.updates += 1

    fleet.observe = update
    ran = stacks("--update", "--execute")
    assert "left alone: somebody else updated it meanwhile" in ran.out
    assert (ran.code, stack.executed, stack.change_sets) == (1, [], {})


ROLE = {"LogicalResourceId": "Role", "ResourceType": "AWS::IAM::Role"}
PARAMETER = {"ChangeSource": "ParameterReference", "CausingEntity": "Image"}
DIRECT = {"ChangeSource": "DirectModification"}


def with_cause(changes: list[dict[str, Any]], index: int, **members: str) -> list[dict[str, Any]]:
    change = changes[index]["ResourceChange"]
    change["Details"] = [{**change["Details"][0], **members}]
    return changes


@pytest.mark.parametrize(
    ("change", "named"),
    [
        pytest.param(lambda found: copied(found, **ROLE, Details=[]), "Role changed (AWS::IAM::Role)", id="no-details"),
        pytest.param(lambda found: copied(found, Action="Add", LogicalResourceId="X"), "X added", id="added"),
        pytest.param(lambda found: copied(found, Action="Remove", LogicalResourceId="X"), "X removed", id="removed"),
        pytest.param(
            lambda found: copied(found, LogicalResourceId="X", Replacement="Conditional"),
            "X changed or replaced",
            id="may-be-replaced",
        ),
        pytest.param(lambda found: with_cause(found, 0, **PARAMETER), "Api replaced", id="parameter"),
        pytest.param(lambda found: with_cause(found, 1, **DIRECT), "Service changed", id="service-itself"),
        pytest.param(lambda found: with_cause(found, 1, ChangeSource="Automatic"), "Service changed", id="automatic"),
        pytest.param(
            lambda found: with_cause(found, 1, CausingEntity="Cluster"), "Service changed", id="another-cause"
        ),
    ],
)
def test_a_change_set_that_would_change_something_else(
    change: Any, named: str, fleet: FakeCloudFormation, stacks: Stacks
) -> None:
    stack = behind(fleet, "shop")
    fleet.change = change
    ran = stacks("--update", "--execute")
    assert "left alone: the update would change more than task definitions and what uses them: " in ran.out
    assert named in ran.out
    assert (ran.code, stack.executed, stack.change_sets) == (1, [], {})
    assert stacks("--update", "--execute", "--allow-changes", named.split(maxsplit=1)[0]).code == 0


def test_what_is_allowed_is_told(fleet: FakeCloudFormation, stacks: Stacks) -> None:
    behind(fleet, "shop")
    fleet.change = lambda found: copied(found, **ROLE, Details=[])
    ran = stacks("--update", "--allow-changes", "AWS::IAM::*")
    assert "to execute: Api replaced, Service changed, Role changed" in ran.out


def test_a_change_set_of_somebody_else_stays(fleet: FakeCloudFormation, stacks: Stacks) -> None:
    stack = behind(fleet, "shop")
    theirs = FakeChangeSet(f"arn:aws:cloudformation:x:1:changeSet/{CHANGE_SET_NAME}/1", None, "theirs")
    stack.change_sets[CHANGE_SET_NAME] = theirs
    ran = stacks("--update", "--execute")
    assert f"it has a change set {CHANGE_SET_NAME} that this tool did not make" in ran.out
    assert (ran.code, stack.change_sets, stack.executed) == (1, {CHANGE_SET_NAME: theirs}, [])


def test_a_change_set_that_was_left_over_is_made_again(fleet: FakeCloudFormation, stacks: Stacks) -> None:
    stack = behind(fleet, "shop")
    assert stacks("--update").code == 0
    (old,) = stack.change_sets.values()
    old.status, old.polls = "CREATE_PENDING", 1  # the earlier run was stopped while it was made
    assert stacks("--update").code == 0
    (new,) = stack.change_sets.values()
    assert new.arn != old.arn


def test_nothing_to_change_for_cloudformation(fleet: FakeCloudFormation, stacks: Stacks) -> None:
    stack = behind(fleet, "shop")
    fleet.change = lambda _: []
    ran = stacks("--update", "--execute")
    assert ran.out.endswith("1 nothing to change.\n")
    assert (ran.code, stack.change_sets) == (0, {})


def test_the_macro_refuses_and_the_wave_is_not_executed(fleet: FakeCloudFormation, stacks: Stacks) -> None:
    bad, good = behind(fleet, "bad"), behind(fleet, "good")

    def refuse(original: Any) -> Any:
        if original["Resources"]["Api"]["Properties"]["Family"] == "bad":
            raise ValueError('Task "Api": it is refused')
        return macro(original)

    fleet.macro = refuse
    ran = stacks("--update", "--execute")
    assert 'bad: failed: the macro refuses its template: Task "Api": it is refused' in ran.out
    assert "Wave 1 was not executed, because not all of its change sets could be made" in ran.err
    assert (ran.code, bad.change_sets, bad.executed, good.executed) == (1, {}, [], [])
    assert stacks("--update", "--execute", "--leave", "bad").code == 0
    assert len(good.executed) == 1


@pytest.mark.parametrize("reason", ["Transform 1::Other failed with: a secret", "Resource X failed with: a secret"])
def test_a_reason_that_is_not_the_macros_is_not_repeated(
    reason: str, fleet: FakeCloudFormation, stacks: Stacks
) -> None:
    stack = behind(fleet, "shop")

    def fail(_event: str, each: FakeStack) -> None:
        for made in each.change_sets.values():
            made.reason, made.status = reason, "FAILED"

    fleet.observe = fail
    ran = stacks("--update", "--execute", "--json", "report.json")
    assert "failed: CloudFormation could not make the change set. Deploy its template to see why" in ran.out
    assert "secret" not in ran.out + ran.err + Path("report.json").read_text()
    assert (ran.code, stack.executed) == (1, [])


def test_a_large_template_is_not_sent(fleet: FakeCloudFormation, stacks: Stacks) -> None:
    original = template("shop", Topic={"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "x" * 52_000}})
    stack = fleet.add("shop", original, macro(original, LogLevel="debug"))
    assert stacks("--update").code == 0
    (made,) = stack.change_sets.values()
    assert made.given["UsePreviousTemplate"] is True
    assert "TemplateBody" not in made.given


def test_a_large_template_that_is_taken_as_it_was_processed(fleet: FakeCloudFormation, stacks: Stacks) -> None:
    """CloudFormation does not call the macro then. The stack stays behind, so the run must not say that all is well."""
    original = template("shop", Topic={"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "x" * 52_000}})
    stack = fleet.add("shop", original, macro(original, LogLevel="debug"))
    fleet.macro = lambda _: stack.processed
    ran = stacks("--update", "--execute")
    assert "left alone: its template has more than 51200 bytes" in ran.out
    assert "Deploy it from its source" in ran.out
    assert (ran.code, stack.executed, stack.change_sets) == (1, [], {})


def test_letters_take_no_room_that_they_need_not(fleet: FakeCloudFormation, stacks: Stacks) -> None:
    original = template("shop", Topic={"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "é" * 20_000}})
    stack = fleet.add("shop", original, macro(original, LogLevel="debug"))
    assert stacks("--update").code == 0
    (made,) = stack.change_sets.values()
    assert json.loads(made.given["TemplateBody"]) == original


def meanwhile(fleet: FakeCloudFormation, change: Callable[[FakeStack], object]) -> None:
    """Have somebody else change a stack after its change set is shown, before it is executed."""
    real = fleet._ExecuteChangeSet

    def execute(account: str, region: str, given: Any) -> dict[str, Any]:
        change(fleet._stack(account, region, given))
        return real(account, region, given)

    fleet._ExecuteChangeSet = execute  # type: ignore[method-assign]


def make_obsolete(stack: FakeStack) -> None:
    for each in stack.change_sets.values():
        each.execution = "OBSOLETE"


def begin_another(stack: FakeStack) -> None:
    stack.status, stack.running, stack.polls = "UPDATE_IN_PROGRESS", None, 0
    for each in stack.change_sets.values():
        each.execution = "UNAVAILABLE"


MEANWHILE: dict[str, tuple[Callable[[FakeStack], object], str]] = {
    "updates": (make_obsolete, "somebody else updated it meanwhile. Run it again"),
    "deletes the change set": (
        lambda stack: stack.change_sets.clear(),
        "its change set sysdig-instrument-update is not there any more: somebody",
    ),
    "begins an update": (begin_another, "an operation is in progress (UPDATE_IN_PROGRESS). Wait for it"),
}


@pytest.mark.parametrize("who", MEANWHILE)
def test_somebody_else_comes_first(who: str, fleet: FakeCloudFormation, stacks: Stacks) -> None:
    """It ends at once, and says what happened: not after an hour."""
    stack = behind(fleet, "shop")
    change, why = MEANWHILE[who]
    meanwhile(fleet, change)
    ran = stacks("--update", "--execute")
    assert f"shop: failed: {why}" in ran.out
    assert (ran.code, stack.executed, fleet.calls["ExecuteChangeSet"]) == (1, [], 1)
    assert "Wave 1 has a failure" in ran.err


def test_a_change_set_that_is_obsolete_when_it_is_made(fleet: FakeCloudFormation, stacks: Stacks) -> None:
    stack = behind(fleet, "shop")
    fleet.observe = lambda event, each: make_obsolete(each) if event == "change set made" else None
    ran = stacks("--update", "--execute")
    assert "left alone: somebody else updated it meanwhile" in ran.out
    assert (ran.code, stack.executed, stack.change_sets) == (1, [], {})


def test_a_stack_policy_is_named(fleet: FakeCloudFormation, stacks: Stacks) -> None:
    behind(fleet, "shop", fails=True, policy=True)
    ran = stacks("--update", "--execute")
    assert "first at Api (AWS::ECS::Service), because a stack policy denies it. Look at its events" in ran.out
    assert "secret" not in ran.out + ran.err


def test_nothing_else_of_a_stack_is_given(fleet: FakeCloudFormation, stacks: Stacks) -> None:
    """CloudFormation keeps the role, the policy, the alarms and the termination protection of a stack that an update does not name."""
    stack = behind(fleet, "shop", parameters={"Key": "****", "Size": "256"}, capabilities=("CAPABILITY_NAMED_IAM",))
    assert stacks("--update").code == 0
    (made,) = stack.change_sets.values()
    assert made.given["Parameters"] == [
        {"ParameterKey": "Key", "UsePreviousValue": True},
        {"ParameterKey": "Size", "UsePreviousValue": True},
    ]
    assert made.given["Capabilities"] == ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
    kept = {"RoleARN", "RollbackConfiguration", "StackPolicyBody", "EnableTerminationProtection", "OnStackFailure"}
    assert kept.isdisjoint(made.given)


def test_the_resource_that_failed_is_named(fleet: FakeCloudFormation, stacks: Stacks) -> None:
    behind(fleet, "bad", fails=True)
    other = behind(fleet, "other")
    ran = stacks("--update", "--execute")
    assert "bad: failed: UPDATE_ROLLBACK_COMPLETE, first at Api (AWS::ECS::Service). Look at its events" in ran.out
    assert "secret" not in ran.out + ran.err
    assert (ran.code, len(other.executed)) == (1, 1)
    assert ran.out.endswith("1 failed, 1 updated.\n")


def test_an_update_that_takes_too_long(fleet: FakeCloudFormation, stacks: Stacks) -> None:
    stack, later = behind(fleet, "slow"), behind(fleet, "later")

    def hold(_event: str, each: FakeStack) -> None:
        each.polls = 9

    fleet.observe = hold
    ran = stacks("--update", "--execute", "--wave", "1", "--timeout", "30")
    assert "slow: not known: it was not complete after 30 seconds" in ran.out
    assert (ran.code, later.executed) == (1, [])
    fleet.observe = lambda *_: None
    ran = stacks("--update", "--execute", "--leave", "later")
    assert "slow: left alone: an operation is in progress" in " ".join(ran.out.split())
    for _ in range(20):
        fleet._advance(stack)
    assert stacks("--update", "--execute").code == 0
    assert (len(stack.executed), len(later.executed)) == (1, 1)


def test_an_interruption(fleet: FakeCloudFormation, stacks: Stacks) -> None:
    stack = behind(fleet, "shop")

    def interrupt(event: str, each: FakeStack) -> None:
        if event == "looked" and each.running:
            raise KeyboardInterrupt

    fleet.observe = interrupt
    ran = stacks("--update", "--execute", "--json", "report.json")
    assert "It was interrupted. What is in progress goes on" in ran.err
    assert json.loads(Path("report.json").read_text())["stacks"][0]["outcome"] == "not known"
    assert (ran.code, len(stack.executed)) == (1, 1)


def test_a_change_set_that_is_gone_was_executed(fleet: FakeCloudFormation, stacks: Stacks) -> None:
    behind(fleet, "bad", fails=True)
    behind(fleet, "good")
    fleet.forgets = True
    ran = stacks("--update", "--execute")
    assert (ran.code, ran.out.endswith("1 failed, 1 updated.\n")) == (1, True)


def test_the_page_has_the_list_and_the_permissions(fleet: FakeCloudFormation, stacks: Stacks) -> None:
    """The examples of the help and of the pages run, too; they would read the settings of a macro that is not there."""
    behind(fleet, "billing", tags={"stage": "canary"})
    up_to_date(fleet, "orders", tags={"stage": "early"})
    behind(fleet, "shop", tags={"stage": "early"})
    ((command, printed),) = re.findall(r"```console\n\$ (.*?)\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert lines(stacks(*arguments(command)).out) == lines(printed)
    (help_text,) = (each.examples for each in COMMANDS if each.name == "stacks")
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)
    runbook = (ROOT / "docs" / "runbooks" / "upgrade-the-macro.md").read_text()
    for line in "\n".join([runbook, *blocks, help_text]).splitlines():
        if line.strip().startswith("sysdig-instrument stacks"):
            assert stacks(*arguments(line)).code == ("--fail-on" in line), line
    behind(fleet, "failing", fails=True)
    assert stacks("--update", "--execute").code == 1
    (policy,) = re.findall(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL)
    allowed = set(re.findall(r'"cloudformation:(\w+)"', policy))
    assert allowed == set(fleet.calls)


PAGE = ROOT / "docs" / "stacks.md"


def lines(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


def arguments(command: str) -> list[str]:
    return [each for each in shlex.split(command)[2:] if each not in ("--from-macro", "--all-regions")]


def test_a_run_that_is_killed_leaves_its_report(fleet: FakeCloudFormation, stacks: Stacks) -> None:
    behind(fleet, "first")
    behind(fleet, "second")

    def kill(event: str, each: FakeStack) -> None:
        if event == "change set made" and each.name == "second":
            raise SystemExit(137)

    fleet.observe = kill
    assert stacks("--update", "--execute", "--wave", "1", "--json", "report.json").code == 137
    found = json.loads(Path("report.json").read_text())["stacks"]
    assert [each["outcome"] for each in found] == ["updated", "not reached"]
