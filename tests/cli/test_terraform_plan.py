"""``check``, ``diff`` and ``explain`` on a Terraform plan. Terraform is not installed: the plans follow its published format."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cli.running import Ran, run

SET = ["--set", "Collector=us2", "--set", "AccessKeySecret=none", "--offline", "--no-config"]
ADDRESS = "aws_ecs_task_definition.web"
NESTED = 'module.shop.module.tasks["eu"].aws_ecs_task_definition.api[0]'
CONTAINER = {"name": "web", "image": "shop/web:1", "entryPoint": ["/web"], "essential": True, "environment": []}


def after(*containers: Any, **members: Any) -> dict[str, Any]:
    """Return the planned values of ``aws_ecs_task_definition``, with the empty values that the provider writes."""
    return {
        "family": "shop",
        "container_definitions": json.dumps(containers or [CONTAINER]),
        "cpu": "512",
        "memory": "1024",
        "network_mode": "awsvpc",
        "requires_compatibilities": ["FARGATE"],
        "execution_role_arn": "arn:aws:iam::111122223333:role/execution",
        "ephemeral_storage": [],
        "ipc_mode": None,
        "pid_mode": None,
        "proxy_configuration": [],
        "runtime_platform": [],
        "skip_destroy": False,
        "tags": None,
        "tags_all": {},
        "task_role_arn": None,
        "track_latest": False,
        "volume": [],
        **members,
    }


def change(values: Any, address: str = ADDRESS, unknown: Any = None, **members: Any) -> dict[str, Any]:
    kind = next(part for part in address.split(".") if part.startswith("aws"))
    actions = ["delete"] if values is None else ["create"]
    not_known = {"arn": True, "id": True, "revision": True, **(unknown or {})} if values is not None else {}
    return {
        "address": address,
        "mode": "managed",
        "type": kind,
        "name": "web",
        "provider_name": "registry.terraform.io/hashicorp/aws",
        "change": {
            "actions": actions,
            "before": None,
            "after": values,
            "after_unknown": not_known,
            "after_sensitive": {},
        },
        **members,
    }


def test_a_finding_has_the_address_for_a_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "tfplan.json"
    path.write_text(plan(change(after({**CONTAINER, "entryPoint": "/web"}))))
    for command in ("explain", "check", "diff"):
        shown = run(capsys, command, path, *SET)
        assert f"--> {path}: {ADDRESS}\n" in shown.out + shown.err


def plan(*changes: Any, **members: Any) -> str:
    return json.dumps(
        {
            "format_version": "1.2",
            "terraform_version": "1.9.8",
            "planned_values": {"root_module": {}},
            "resource_changes": list(changes),
            "configuration": {"root_module": {}},
            "complete": True,
            "errored": False,
            **members,
        }
    )


@pytest.fixture
def tool(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Return a function that runs a command on a plan."""

    def run_on(command: str, text: str, *options: str) -> Ran:
        path = tmp_path / "plan.json"
        path.write_text(text)
        return run(capsys, command, path, *SET, *options)

    return run_on


def protected(tool: Any, **members: Any) -> dict[str, Any]:
    """Return the values of a task definition as the tool makes them."""
    task = {
        "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "512", "memory": "1024",
        "executionRoleArn": "arn:aws:iam::111122223333:role/execution", "containerDefinitions": [CONTAINER],
    }  # fmt: skip
    made = tool("transform", json.dumps(task)).value
    return after(*made["containerDefinitions"], pid_mode=made["pidMode"], **members)


def rows(ran: Ran) -> dict[str, str]:
    return {task["name"]: task["outcome"] for file in ran.value for task in file["taskDefinitions"]}


def test_each_task_definition_is_judged_by_its_address(tool: Any) -> None:
    ran = tool("check", plan(change(after()), change(protected(tool), NESTED)), "--format", "json")
    assert ran.code == 1
    assert rows(ran) == {ADDRESS: "NOT protected", NESTED: "protected"}
    assert {file["file"].endswith("plan.json") for file in ran.value} == {True}
    assert all(file["macro"] is None for file in ran.value)


def test_a_plan_with_protected_task_definitions_passes(tool: Any) -> None:
    assert tool("check", plan(change(protected(tool)))).code == 0


@pytest.mark.parametrize("command", ["check", "explain", "diff"])
def test_a_plan_without_task_definitions_passes(tool: Any, command: str) -> None:
    assert tool(command, plan(change({"bucket": "b"}, "aws_s3_bucket.b"))).code == 0
    assert tool(command, json.dumps({"format_version": "1.2", "planned_values": {"root_module": {}}})).code == 0


def test_what_is_deleted_or_only_read_is_left_out(tool: Any) -> None:
    read = change(after(), f"data.{ADDRESS}", mode="data")
    assert rows(tool("check", plan(change(None), read), "--format", "json")) == {}


def test_what_does_not_change_is_judged(tool: Any) -> None:
    unchanged = change(after())
    unchanged["change"]["actions"] = ["no-op"]
    assert tool("check", plan(unchanged)).code == 1


@pytest.mark.parametrize("command", ["check", "explain", "diff"])
def test_containers_that_are_known_after_apply_are_unknown(tool: Any, command: str) -> None:
    text = plan(change(after(container_definitions=None), unknown={"container_definitions": True}))
    failed = tool(command, text)
    assert failed.code == 1
    assert "container_definitions is known only after apply" in " ".join((failed.out + failed.err).split())
    assert "unknown" in failed.out + failed.err
    warned = tool(command, text, "--unknown", "warn")
    assert warned.code == 0


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("pid_mode", "unknown"),
        ("runtime_platform", "unknown"),
        ("execution_role_arn", "protected"),
        ("cpu", "protected"),
        ("task_role_arn", "protected"),
    ],
)
def test_another_value_that_is_known_after_apply_counts_if_it_decides(tool: Any, name: str, outcome: str) -> None:
    values = protected(tool)
    del values[name]
    ran = tool("check", plan(change(values, unknown={name: True})), "--format", "json")
    assert rows(ran) == {ADDRESS: outcome}
    assert "a value known after apply" not in ran.out
    assert "CloudFormation" not in ran.out


def test_a_tag_leaves_a_task_definition_alone_only_if_its_value_is_known(tool: Any) -> None:
    tags = {"sysdig-instrument": "false"}
    assert rows(tool("check", plan(change(after(tags=tags, tags_all=tags))), "--format", "json")) == {
        ADDRESS: "left alone"
    }
    unknown = change(after(tags={}, tags_all={}), unknown={"tags_all": {"sysdig-instrument": True}})
    assert rows(tool("check", plan(unknown), "--format", "json"))[ADDRESS] != "left alone"


def test_the_tags_of_the_provider_count(tool: Any) -> None:
    ran = tool("check", plan(change(after(tags_all={"sysdig-instrument": "false"}))), "--format", "json")
    assert rows(ran) == {ADDRESS: "left alone"}


def test_a_task_definition_for_ec2_or_windows_is_left_alone(tool: Any) -> None:
    ec2 = change(after(requires_compatibilities=["EC2"], network_mode="bridge", cpu=None, memory=None))
    windows = change(
        after(runtime_platform=[{"operating_system_family": "WINDOWS_SERVER_2022_CORE", "cpu_architecture": "X86_64"}]),
        "aws_ecs_task_definition.windows",
    )
    ran = tool("check", plan(ec2, windows), "--format", "json")
    assert ran.code == 0
    assert set(rows(ran)) == {ADDRESS, "aws_ecs_task_definition.windows"}


def test_a_mount_over_the_wrapper_does_not_pass(tool: Any) -> None:
    values = protected(tool, volume=[{"name": "v", "host_path": ""}])
    containers = json.loads(values["container_definitions"])
    containers[0]["mountPoints"] = [{"sourceVolume": "v", "containerPath": "/opt/draios"}]
    assert tool("check", plan(change({**values, "container_definitions": json.dumps(containers)}))).code == 1


@pytest.mark.parametrize("text", ["{", "5", "{}", "", '["web"]'])
def test_containers_that_are_no_array_of_objects_do_not_pass(tool: Any, text: str) -> None:
    assert tool("check", plan(change(after(container_definitions=text)))).code == 1
    assert tool("explain", plan(change(after(container_definitions=text)))).code == 1


def test_explain_shows_each_container_by_address(tool: Any) -> None:
    ran = tool("explain", plan(change(after(), NESTED)), "--format", "json")
    assert ran.code == 0, ran.err
    assert rows(ran) == {NESTED: "instrumented"}


def test_diff_shows_what_the_task_definition_needs(tool: Any) -> None:
    ran = tool("diff", plan(change(after()), change(protected(tool), NESTED)))
    assert ran.code == 0, ran.err
    assert f"plan.json: {ADDRESS}" in ran.out
    assert '+  "pidMode": "task"' in ran.out
    assert "SysdigInstrumentation" in ran.out
    records = tool("diff", plan(change(after()), change(protected(tool), NESTED)), "--format", "json").value
    assert [bool(each["changes"]) for each in records] == [True, False]
    assert [each["resource"] for each in records] == [ADDRESS, NESTED]


def test_a_task_definition_of_another_provider_is_unknown(tool: Any) -> None:
    text = plan(change({"family": "shop"}, "awscc_ecs_task_definition.web"))
    assert rows(tool("check", text, "--format", "json")) == {"awscc_ecs_task_definition.web": "unknown"}
    assert tool("explain", text).code == 1


def test_a_deferred_task_definition_is_unknown(tool: Any) -> None:
    deferred = [{"reason": "resource_config_unknown", "resource_change": change(after())}]
    assert rows(tool("check", plan(deferred_changes=deferred), "--format", "json")) == {ADDRESS: "unknown"}


JOB, SERVICE = "aws_batch_job_definition.job", "aws_ecs_express_gateway_service.web"


@pytest.mark.parametrize(
    ("address", "values"), [(JOB, {"platform_capabilities": ["FARGATE"]}), (SERVICE, {"primary_container": []})]
)
def test_another_workload_on_fargate_is_named(tool: Any, address: str, values: Any) -> None:
    text = plan(change(values, address))
    named = tool("check", text, "--format", "json")
    assert (named.code, rows(named)) == (0, {address: "cannot be protected"})
    assert address in (explained := tool("explain", text)).out + explained.err
    for command in ("check", "explain", "diff"):
        assert tool(command, text, "--set", "OtherWorkloads=fail").code == 1


def test_a_batch_job_on_ec2_is_not_named(tool: Any) -> None:
    values = [{"platform_capabilities": ["EC2"]}, {"platform_capabilities": None}]
    text = plan(*(change(each, JOB) for each in values))
    assert rows(tool("check", text, "--format", "json")) == {}
    unknown = plan(change({}, JOB, unknown={"platform_capabilities": True}))
    assert rows(tool("check", unknown, "--format", "json")) == {JOB: "cannot be protected"}


def test_an_incomplete_plan_does_not_pass(tool: Any) -> None:
    ran = tool("check", plan(change(protected(tool)), errored=True))
    assert ran.code == 2
    assert "planning ended with an error" in ran.err


@pytest.mark.parametrize(
    "members",
    [
        {"format_version": "2.0"},
        {"format_version": 1},
        {"resource_changes": {}},
        {"resource_changes": [5]},
        {"deferred_changes": 5},
    ],
)
def test_a_plan_of_another_form_does_not_pass(tool: Any, members: Any) -> None:
    ran = tool("check", plan(**members))
    assert ran.code == 2
    assert "format version 1" in ran.err


@pytest.mark.parametrize("values", [5, [], "", None])
def test_a_task_definition_that_stays_without_values_is_unknown(tool: Any, values: Any) -> None:
    odd = change(after())
    odd["change"] = {"actions": ["update"], "after": values}
    assert rows(tool("check", plan(odd), "--format", "json")) == {ADDRESS: "unknown"}
    assert rows(tool("check", plan({**odd, "change": None}), "--format", "json")) == {ADDRESS: "unknown"}


@pytest.mark.parametrize(
    "name", ["tags", "tags_all", "volume", "runtime_platform", "requires_compatibilities", "pid_mode", "cpu"]
)
@pytest.mark.parametrize("value", [5, [5], {"a": 5}, "x", [[]], True])
def test_values_of_other_types_never_raise(tool: Any, name: str, value: Any) -> None:
    for unknown in ({}, {name: [True]}, {name: {"a": True}}):
        assert tool("check", plan(change(after(**{name: value}), unknown=unknown))).code in (0, 1)


def test_the_state_is_not_a_plan(tool: Any) -> None:
    ran = tool("check", json.dumps({"format_version": "1.0", "values": {"root_module": {"resources": []}}}))
    assert ran.code == 2
    assert "is Terraform's state" in ran.err


@pytest.mark.parametrize("command", ["transform", "images"])
def test_other_commands_take_no_plan(tool: Any, command: str) -> None:
    ran = tool(command, plan(change(after())))
    assert ran.code == 2
    assert "does not take plans" in ran.err


def test_the_inventory_has_each_resource_of_a_plan(tool: Any) -> None:
    text = plan(
        change(after()),
        change(protected(tool), NESTED),
        change(after(), "aws_ecs_task_definition.later", unknown={"container_definitions": True}),
        change({"platform_capabilities": ["FARGATE"]}, JOB),
    )
    ran = tool("inventory", text, "--format", "json")
    assert ran.code == 0, ran.err
    found = {row["resource"]: row["state"] for row in ran.value["rows"]}
    assert found == {
        ADDRESS: "not protected",
        NESTED: "protected already",
        "aws_ecs_task_definition.later": "unknown",
        JOB: "cannot be protected",
    }


def test_settings_takes_a_plan_with_what_is_not_known(tool: Any) -> None:
    text = plan(change(after(), unknown={"container_definitions": True}), change({"primary_container": []}, SERVICE))
    assert tool("settings", text).code == 0


@pytest.mark.parametrize(
    "arguments", [("enable",), ("disable",), ("uninstrument", "--added", "PidMode,SYS_PTRACE,EntryPoint")]
)
def test_no_command_writes_over_a_plan(
    tool: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    command, *options = arguments
    text = plan(change(protected(tool)))
    path = tmp_path / "plan.json"
    path.write_text(text)
    (tmp_path / "app.yaml").write_text("Resources: {Api: {Type: AWS::ECS::TaskDefinition}}")
    named = run(capsys, command, path, *options)
    assert named.code == 2
    assert named.err.count("does not take plans") == 1
    assert run(capsys, command, tmp_path, *options).code == 0
    from_stdin = run(capsys, command, "-", *options, stdin=text.encode())
    assert (from_stdin.code, from_stdin.out) == (2, "")
    assert path.read_text() == text


def test_a_plan_is_found_in_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "plan.json").write_text(plan(change(after())))
    (tmp_path / "other.json").write_text(json.dumps({"format_version": "1.0", "about": "aws_ecs_task_definition"}))
    ran = run(capsys, "check", tmp_path, *SET, "--format", "json")
    assert ran.code == 1
    assert [Path(file["file"]).name for file in ran.value] == ["plan.json"]


def test_a_plan_comes_from_standard_input(capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, "check", "-", *SET, "--format", "json", stdin=plan(change(after())).encode())
    assert rows(ran) == {ADDRESS: "NOT protected"}


@pytest.mark.parametrize("name", ["sarif", "junit", "github", "markdown", "csv", "table"])
@pytest.mark.parametrize("command", ["check", "explain"])
def test_each_format_names_the_address(tool: Any, command: str, name: str) -> None:
    text = plan(change(after(), NESTED), change(after(), unknown={"container_definitions": True}))
    ran = tool(command, text, "--format", name)
    assert ran.code == 1
    assert "aws_ecs_task_definition" in ran.out.replace("\\", "")


@pytest.mark.parametrize("command", ["check", "explain", "diff"])
def test_no_line_of_the_plan_is_named(tool: Any, command: str) -> None:
    """A plan is one line, which no reader looks up."""
    text = plan(change(after({**CONTAINER, "name": 5})), change(after(cpu="1"), NESTED))
    ran = tool(command, text, "--color", "never")
    assert "plan.json:1" not in ran.out + ran.err


def test_no_value_of_the_plan_is_printed(tool: Any) -> None:
    container = {
        **CONTAINER,
        "environment": [{"name": "A", "value": "hunter2"}],
        "secrets": [{"name": "S", "valueFrom": 5}],
    }
    text = plan(change(after(container)))
    for command in ("check", "explain"):
        ran = tool(command, text)
        assert "hunter2" not in ran.out + ran.err


@pytest.mark.parametrize(
    "mark", [{"container_definitions": True}, True, {"tags": {"owner": True}}, {"volume": [{"name": True}]}]
)
def test_diff_shows_no_text_that_is_sensitive_for_terraform(tool: Any, mark: Any) -> None:
    container = {**CONTAINER, "environment": [{"name": "A", "value": "hunter2"}]}
    shown, hidden = change(after(container)), change(after(container), NESTED)
    hidden["change"]["after_sensitive"] = mark
    assert "hunter2" in tool("diff", plan(shown)).out
    for options in ((), ("--side-by-side",), ("--format", "json"), ("--color", "always")):
        ran = tool("diff", plan(hidden), *options)
        assert ran.code == 0
        assert "the wrapper starts what the container runs" in ran.out
        assert "hunter2" not in ran.out + ran.err
    assert tool("diff", plan(shown, hidden)).err.count("marks a value of the task definition as sensitive") == 1


def test_a_plan_gets_no_json_patch(tool: Any) -> None:
    ran = tool("diff", plan(change(after())), "--format", "patch")
    assert (ran.code, ran.out) == (2, "")
    assert "Use --format json" in ran.err
