"""Stacks on the embedded AWS: the deployed macro processes their templates, and ECS has the expected task definitions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from embedded_aws.stacks import Stack
from fixtures_deployment import WRAPPER, Application, task, template
from fixtures_embedded_aws import on_embedded_aws

pytestmark = on_embedded_aws

HERE = Path(__file__).parent
WEB = {"Name": "web", "Image": "shop/web:1.4"}
WORKER = {"Name": "worker", "Image": "shop/worker:1.4"}


def test_the_template_of_the_article(application: Application) -> None:
    stack = application.deployed((HERE / "article.yaml").read_text())
    described = application.described(stack.resources["TaskDefinition"])
    # The revision depends on the stacks that were deployed before.
    own = {"revision": described["revision"], "taskDefinitionArn": stack.resources["TaskDefinition"]}
    assert described == json.loads((HERE / "article.json").read_text()) | own


@pytest.mark.parametrize(
    ("given", "entry_point", "command"),
    [
        pytest.param(WEB | {"EntryPoint": ["sh", "-c"]}, [WRAPPER, "sh", "-c"], None, id="entry-point"),
        pytest.param(
            WEB | {"EntryPoint": ["sh"], "Command": ["run"]}, [WRAPPER, "sh"], ["run"], id="entry-point-and-command"
        ),
        pytest.param(
            WEB | {"Command": ["gunicorn", "other:app"]},
            [WRAPPER, "/usr/bin/tini", "--"],
            ["gunicorn", "other:app"],
            id="command",
        ),
        pytest.param(WEB, [WRAPPER, "/usr/bin/tini", "--"], ["gunicorn", "shop:app"], id="image-with-both"),
        pytest.param(WORKER, [WRAPPER], ["python", "-m", "shop.worker"], id="image-with-cmd"),
        pytest.param(
            WORKER | {"EntryPoint": [], "Command": []}, [WRAPPER], ["python", "-m", "shop.worker"], id="empty-lists"
        ),
    ],
)
def test_the_entry_points_that_ecs_runs(
    application: Application, given: dict[str, Any], entry_point: list[str], command: list[str] | None
) -> None:
    stack = application.deployed(template(Task=task(given)))
    container = application.described(stack.resources["Task"])["containerDefinitions"][0]
    assert container["entryPoint"] == entry_point
    assert container.get("command") == command


def test_an_entry_point_computed_at_deployment(application: Application) -> None:
    """The macro keeps expressions, and CloudFormation evaluates them afterwards."""
    source = template(
        Task=task(WEB | {"EntryPoint": {"Ref": "Start"}, "Command": {"Fn::Split": [" ", "shop:app {x}"]}})
    )
    source["Parameters"] = {"Start": {"Type": "CommaDelimitedList"}}
    stack = application.deployed(source, {"Start": "gunicorn,--bind,:8080"})
    container = application.described(stack.resources["Task"])["containerDefinitions"][0]
    assert container["entryPoint"] == [WRAPPER, "gunicorn", "--bind", ":8080"]
    assert container["command"] == ["shop:app", "{x}"]


@pytest.mark.parametrize(("debug", "entry_point"), [("yes", ["debug"]), ("no", ["gunicorn"])])
def test_a_condition_is_kept(application: Application, debug: str, entry_point: list[str]) -> None:
    source = template(Task=task(WEB | {"EntryPoint": {"Fn::If": ["Debug", ["debug"], ["gunicorn"]]}}))
    source["Parameters"] = {"Debugging": {"Type": "String"}}
    source["Conditions"] = {"Debug": {"Fn::Equals": [{"Ref": "Debugging"}, "yes"]}}
    stack = application.deployed(source, {"Debugging": debug})
    container = application.described(stack.resources["Task"])["containerDefinitions"][0]
    assert container["entryPoint"] == [WRAPPER, *entry_point]


def test_with_language_extensions(application: Application) -> None:
    source = template(
        **{"Fn::ForEach::Tasks": ["Name", ["Api", "Batch"], {"${Name}Task": task(WEB | {"EntryPoint": ["run"]})}]}
    )
    source["Transform"] = ["AWS::LanguageExtensions", "SysdigInstrument"]
    stack = application.deployed(source)
    for name in ("ApiTask", "BatchTask"):
        described = application.described(stack.resources[name])
        assert described["pidMode"] == "task"
        assert [container["name"] for container in described["containerDefinitions"]] == [
            "web",
            "SysdigInstrumentation",
        ]


def test_one_task_definition_of_a_template(application: Application) -> None:
    """A snippet instruments one resource: it has `Fn::Transform` in its Properties."""
    instrumented = task(WEB, **{"Fn::Transform": {"Name": "SysdigInstrument"}})
    stack = application.deployed({"Resources": {"Instrumented": instrumented, "Other": task(WORKER)}})
    assert application.described(stack.resources["Instrumented"])["pidMode"] == "task"
    assert "pidMode" not in application.described(stack.resources["Other"])


def test_a_template_without_task_definitions(application: Application) -> None:
    stack = application.deployed(template(Topic={"Type": "AWS::SNS::Topic"}))
    assert list(stack.resources) == ["Topic"]


def test_a_second_deployment_changes_nothing(application: Application) -> None:
    source = template(Task=task(WEB, WORKER, Family=application.name))
    first = application.deployed(source)
    assert application.deployed(source) == Stack(first.name, "UPDATE_COMPLETE", first.reason, first.resources)
    assert application.revisions(application.name) == [first.resources["Task"]]


REFUSED = (
    'Task "Api" (Resources.Api.Properties.PidMode): PidMode is host',
    'Task "Batch", container "SysdigInstrumentation" (Resources.Batch.Properties.ContainerDefinitions[0].Name): ',
)


def refused_template() -> dict[str, Any]:
    return template(Api=task(WEB, PidMode="host"), Batch=task(WORKER | {"Name": "SysdigInstrumentation"}))


def test_a_refused_stack_reports_every_problem(application: Application) -> None:
    stack = application.deploy(refused_template())
    assert stack.status == "CREATE_FAILED"
    assert stack.reason.startswith("Transform 000000000000::SysdigInstrument failed with: Task ")
    assert all(fact in stack.reason for fact in REFUSED)
    assert stack.resources == {}


def test_a_refused_update_leaves_the_stack_as_it_was(application: Application) -> None:
    good = template(Task=task(WEB, Family=application.name))
    first = application.deployed(good)
    refused = application.deploy(refused_template())
    assert refused.status == "UPDATE_FAILED"
    assert all(fact in refused.reason for fact in REFUSED)
    assert application.deployed(good).resources == first.resources
    assert application.revisions(application.name) == [first.resources["Task"]]
