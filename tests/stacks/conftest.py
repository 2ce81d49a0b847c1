"""A fleet of stacks in a fake CloudFormation, and the command on it."""

from __future__ import annotations

import copy
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.running import Ran, run
from coverage_report.fake_ecs import BOTOCORE_LOADER
from repositories import TASK, WORKLOADS
from stacks.fake_cloudformation import ACCOUNT, REGION, FakeCloudFormation, FakeStack
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.plan import Context, process
from sysdig_instrument.engine.settings.layers import Layer, merge_layers
from sysdig_instrument.planning import LookupFunction, look_up_nothing, plan_with_lookups

KEY = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/key"
GIVEN: dict[str, Json] = {"Collector": "us2", "AccessKeySecret": KEY}
SETTINGS = ("--set", "Collector=us2", "--set", f"AccessKeySecret={KEY}", "--offline", "--no-config")
SERVICE: dict[str, Json] = {"Type": "AWS::ECS::Service", "Properties": {"TaskDefinition": {"Ref": "Api"}}}


def template(name: str, line: Json = "SysdigInstrument", **resources: Json) -> dict[str, Any]:
    task = copy.deepcopy(dict(TASK))
    task["Properties"]["Family"] = name
    return {**({"Transform": line} if line else {}), "Resources": {"Api": task, "Service": SERVICE, **resources}}


def macro(original: Any, look_up: LookupFunction = look_up_nothing, **settings: Json) -> Any:
    """Return what the macro makes of a template."""
    fragment = {key: value for key, value in original.items() if key != "Transform"}
    if original.get("Transform") is None:
        return fragment
    context = Context(deployment_settings=merge_layers(Layer("the macro", {**GIVEN, **settings})), region=REGION)
    made, problems = process(fragment, plan_with_lookups(fragment, context, look_up))
    if problems:
        raise ValueError(problems[0].reason.fact)
    return made


@pytest.fixture
def fleet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeCloudFormation:
    for name in [name for name in os.environ if name.startswith("AWS_") or name == "COLUMNS"]:
        monkeypatch.delenv(name)
    for name, value in {"ACCESS_KEY_ID": "testing", "SECRET_ACCESS_KEY": "testing", "DEFAULT_REGION": REGION}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setattr("botocore.session.create_loader", lambda _=None: BOTOCORE_LOADER)
    monkeypatch.chdir(tmp_path)
    fake = FakeCloudFormation(macro)
    now = [0.0]
    monkeypatch.setattr("time.sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    monkeypatch.setattr("sysdig_instrument.cli.commands.stacks.time.monotonic", lambda: now[0])
    monkeypatch.setattr("sysdig_instrument.cli.stack_accounts.aws_session", lambda _=None: fake.session())

    def of_role(_own: Any, role: str, _region: str) -> Any:
        return fake.session(role.split(":")[4])

    monkeypatch.setattr("sysdig_instrument.cli.stack_accounts.session_of_role", of_role)
    return fake


def behind(fake: FakeCloudFormation, name: str, **members: Any) -> FakeStack:
    """Add a stack that was deployed with another setting."""
    original = template(name)
    return fake.add(name, original, macro(original, LogLevel="debug"), **members)


def up_to_date(fake: FakeCloudFormation, name: str, **members: Any) -> FakeStack:
    original = template(name)
    return fake.add(name, original, macro(original), **members)


def add_every_state(fleet: FakeCloudFormation) -> None:
    """Add a stack for each state, named after it."""
    behind(fleet, "behind")
    up_to_date(fleet, "current")
    never = template("never")
    fleet.add("never", never, macro({**never, "Transform": None}))
    windows = template("windows", Api=WORKLOADS["Express"])
    fleet.add("express", windows, macro(windows))
    refused = template("refused")
    refused["Resources"]["Api"]["Properties"]["PidMode"] = "host"
    fleet.add("refused", refused, {"Resources": {}})
    image = template("image")
    del image["Resources"]["Api"]["Properties"]["ContainerDefinitions"][0]["EntryPoint"]
    fleet.add("image-never-read", image, macro({**image, "Transform": None}))
    fleet.add("broken", "Transform: [", "Resources: {}")
    fleet.add("other", template("other", line=None), template("other", line=None))


Stacks = Callable[..., Ran]


@pytest.fixture
def stacks(capsys: pytest.CaptureFixture[str]) -> Stacks:
    """Return the function that runs the command."""

    def command(*options: str) -> Ran:
        return run(capsys, "stacks", *options, *SETTINGS)

    return command


@pytest.fixture
def inventory(capsys: pytest.CaptureFixture[str]) -> Stacks:
    """Return the function that runs ``inventory --stacks``."""

    def command(*options: str) -> Ran:
        return run(capsys, "inventory", "--stacks", *options, *SETTINGS)

    return command


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the answers that a person at the terminal gives."""
    given: list[str] = []
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("sysdig_instrument.cli.commands.stacks.sys", _Terminal())
    monkeypatch.setattr("builtins.input", lambda: given.pop(0))
    return given


class _Terminal:
    """Standard input and output of a terminal."""

    class stdin:  # noqa: N801 - its name in sys
        @staticmethod
        def isatty() -> bool:
            return True

    class stdout(stdin):  # noqa: N801 - the same
        @staticmethod
        def flush() -> None:
            """Do nothing."""
