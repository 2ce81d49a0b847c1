"""ImageConfig of a container, image configs that no container uses, and what is said of images without a name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from factories import NOVALUE, container, context_of, plan_of, problems_of, processed, properties_of, template
from sysdig_instrument.engine.agent import WRAPPER
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.lookups import Answer, ImageBuild, ImageConfig, ImageLookup, Lookup
from sysdig_instrument.engine.plan import Context
from sysdig_instrument.lazy_dataclasses import replace
from sysdig_instrument.planning import look_up_nothing, plan_with_lookups

REPOSITORY: dict[str, Json] = {"Type": "AWS::ECR::Repository"}
UNNAMED: Json = {"Fn::Sub": "${AWS::AccountId}.dkr.ecr.eu-west-1.amazonaws.com/${Repo}:1"}
CONFIG: Json = {"Entrypoint": ["/app"], "Cmd": ["serve"]}


def with_own(config: Json = None, /, **members: Json) -> dict[str, Any]:
    """Return a template with an unnamed repository, and ImageConfig of the container ``web``."""
    value = template(container(**{"EntryPoint": NOVALUE, "Image": UNNAMED, **members}))
    value["Resources"]["Repo"] = REPOSITORY
    if config is not None:
        own: Json = {"Containers": {"web": {"ImageConfig": config}}}
        value["Resources"]["Api"]["Metadata"] = {"SysdigInstrument": own}
    return value


def notices_of(value: Json) -> list[str]:
    return [notice.text for notice in plan_of(value).notices]


@pytest.mark.parametrize(
    ("config", "command", "expected"),
    [
        pytest.param(CONFIG, None, (["/app"], ["serve"]), id="both"),
        pytest.param(CONFIG, ["run"], (["/app"], ["run"]), id="command-given"),
        pytest.param({"Cmd": ["/run"]}, None, ([], ["/run"]), id="cmd"),
        pytest.param({"Entrypoint": [""], "Cmd": ["/run"]}, None, ([], ["/run"]), id="empty-string"),
        pytest.param('{"Entrypoint": ["/app"]}', None, (["/app"], None), id="text"),
    ],
)
def test_a_container_gives_its_own_image_config(config: Json, command: Json, expected: tuple[Any, Any]) -> None:
    value = with_own(config, **({"Command": command} if command else {}))
    (web, _) = properties_of(processed(value))["ContainerDefinitions"]
    assert (web["EntryPoint"], web.get("Command")) == (["/opt/draios/bin/instrument", *expected[0]], expected[1])
    assert plan_with_lookups(value, context_of(), look_up_nothing).problems == ()  # and nothing is looked up


def test_an_image_config_without_a_program_is_refused() -> None:
    assert "The image has neither ENTRYPOINT nor CMD" in problems_of(with_own({}))[0]


def test_an_image_without_a_name_is_refused_with_what_to_write() -> None:
    (problem,) = problems_of(with_own())
    assert 'it refers to "Repo", which is known only after deployment. Give the repository a RepositoryName' in problem
    assert 'Metadata: {SysdigInstrument: {Containers: {"web": {ImageConfig: {Entrypoint: […], Cmd: […]}}}}}' in problem


def test_what_is_known_only_after_deployment_is_said_before_an_account_is_asked_for() -> None:
    asked: list[Lookup] = []

    def look_up(lookups: Sequence[Lookup]) -> Mapping[Lookup, Answer]:
        asked.extend(lookups)
        return look_up_nothing(lookups)

    context = replace(context_of(), account=None, region=None)
    value = with_own(Image={"Fn::Sub": "${AWS::AccountId}.dkr.ecr.${AWS::Region}.amazonaws.com/${Repo}:1"})
    plan = plan_with_lookups(value, context, look_up)
    assert "Repo" in plan.problems[0].text
    value = with_own(Image={"Fn::Sub": "${AWS::AccountId}.dkr.ecr.eu-west-1.amazonaws.com/app:{{resolve:ssm:/v}}"})
    plan = plan_with_lookups(value, context, look_up)
    assert "Give --account-id" in plan.problems[0].text
    assert asked == []


@pytest.mark.parametrize(
    ("image", "advice"),
    [
        pytest.param({"Fn::Sub": "${AWS::StackName}:1"}, "Write the image's ENTRYPOINT and CMD into", id="stack-name"),
        pytest.param({"Fn::GetAtt": ["Named", "RepositoryUri"]}, "Give --account-id", id="named-repository"),
        pytest.param({"Fn::Sub": "x.${AWS::URLSuffix}/a"}, "Give --region", id="suffix"),
        pytest.param({"Fn::GetAtt": ["Named", "Arn"]}, "Give --account-id", id="arn-of-a-named-one"),
    ],
)
def test_the_advice_is_what_would_help(image: Json, advice: str) -> None:
    value = with_own(Image=image)
    value["Resources"]["Named"] = {**REPOSITORY, "Properties": {"RepositoryName": "shop"}}
    context = replace(context_of(), account=None, region=None if advice == "Give --region" else "eu-west-1")
    (problem,) = plan_with_lookups(value, context, look_up_nothing).problems
    assert advice in problem.text


def test_a_locked_setting_is_not_advised() -> None:
    (problem,) = problems_of(with_own(), {"LockedSettings": "ImageConfigs"})
    assert "ImageConfig" not in problem
    assert "or give the container an EntryPoint, and a Command if the image has a CMD" in problem


def with_configs(configs: Json, *, on: str) -> dict[str, Any]:
    value = template(container(EntryPoint=NOVALUE, Image="shop/web:1"))
    (value if on == "template" else value["Resources"]["Api"])["Metadata"] = {
        "SysdigInstrument": {"ImageConfigs": configs}
    }
    return value


@pytest.mark.parametrize("on", ["template", "resource"])
def test_an_entry_that_no_container_uses_gets_a_notice(on: str) -> None:
    unused = [
        text for text in notices_of(with_configs({"shop/web": CONFIG, "shop/wbe": CONFIG}, on=on)) if "uses" in text
    ]
    assert len(unused) == 1
    assert f'ImageConfigs in the {on}\'s Metadata has an entry that no container uses: "shop/wbe".' in unused[0]
    assert not any("uses" in text for text in notices_of(with_configs({"shop/*": CONFIG}, on=on)))


def test_many_entries_get_one_short_notice() -> None:
    configs: Json = {"shop/web": CONFIG, **{f"x{number}": {} for number in range(1000)}}
    (notice,) = [text for text in notices_of(with_configs(configs, on="template")) if "uses" in text]
    assert '1000 entries that no container uses: "x0", "x1", "x2", "x3", "x4" and 995 more.' in notice


def test_an_entry_by_an_expression_is_not_named() -> None:
    hidden: Json = {"Fn::FindInMap": ["M", "a", "b"]}
    value = with_configs(hidden, on="template")
    value["Mappings"] = {"M": {"a": {"b": {"shop/secret-name": CONFIG}}}}
    assert not any("secret-name" in text for text in notices_of(value))


def test_nothing_is_said_of_the_deployments_entries_or_of_a_task_that_is_left_alone() -> None:
    value = template(container(EntryPoint=NOVALUE))
    assert not any("uses" in each.text for each in plan_of(value, {"ImageConfigs": {"other": CONFIG}}).notices)
    alone = with_configs({"other": CONFIG}, on="resource")
    alone["Resources"]["Api"]["Metadata"]["SysdigInstrument"]["Enabled"] = False
    assert not any("uses" in text for text in notices_of(alone))


def test_a_second_run_says_nothing_new() -> None:
    value = with_own(CONFIG)
    once = processed(value)
    assert processed(once) == once
    assert not any("ImageConfig" in text for text in notices_of(once))


def test_an_unused_config_of_a_container_gets_a_notice() -> None:
    assert any(
        "The container does not use its ImageConfig" in text for text in notices_of(with_own(CONFIG, EntryPoint=["/x"]))
    )


@pytest.mark.parametrize(
    ("image", "why"),
    [
        pytest.param(None, "it has no image", id="none"),
        pytest.param(UNNAMED, "its image is not known", id="unnamed"),
    ],
)
def test_the_outcome_says_why_there_is_no_config(image: Json, why: str) -> None:
    value = with_own(Image=image) if image else with_own()
    if image is None:
        del value["Resources"]["Api"]["Properties"]["ContainerDefinitions"][0]["Image"]
    assert plan_of(value).tasks[0].containers[0].text == f"refused: {why}"


def test_an_empty_image_in_a_snippet_is_left_unchanged_only_under_a_condition() -> None:
    """The conditions of a snippet are not known, but an empty value of a parameter is: ECS accepts no such image."""
    image: Json = {"Fn::If": ["HasOverride", {"Ref": "Override"}, "shop/web:1"]}
    snippet = template(container(EntryPoint=NOVALUE, Image=image))["Resources"]["Api"]
    assert plan_of(snippet, parameters={"Override": ""}).problems == ()
    plain = template(container(EntryPoint=NOVALUE, Image={"Ref": "Override"}))["Resources"]["Api"]
    assert "evaluates to an empty string" in plan_of(plain, parameters={"Override": ""}).problems[0].text


ASSET = "${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}/assets-${AWS::AccountId}:1"
NOWHERE = replace(context_of(), account=None, region=None)
BUILT = ImageConfig(("/built",), build=ImageBuild("web/Dockerfile", "web"))


@pytest.mark.parametrize(
    "image",
    [
        pytest.param({"Fn::Sub": ASSET}, id="sub"),
        pytest.param(
            {"Fn::Join": ["", [{"Ref": "AWS::AccountId"}, ".dkr.ecr.", {"Ref": "AWS::Region"}, ".", {"Ref": "AWS::URLSuffix"}, "/assets-", {"Ref": "AWS::AccountId"}, ":1"]]},
            id="join",
        ),
    ],
)  # fmt: skip
def test_the_build_of_an_image_without_region_and_account_may_be_known(image: Json) -> None:
    plan = plan_with_lookups(with_own(Image=image), NOWHERE, lambda given: dict.fromkeys(given, BUILT))
    assert not plan.problems
    (web,) = plan.tasks[0].containers
    assert web.name == "web"
    assert list(plan.context.answers) == [ImageLookup(ASSET, "amd64")]


@pytest.mark.parametrize(
    "image",
    [
        pytest.param({"Fn::Sub": f"{ASSET}${{Version}}"}, id="parameter"),
        pytest.param({"Fn::Sub": [ASSET, {}]}, id="sub-with-variables"),
        pytest.param({"Fn::Sub": f"{ASSET}{{{{resolve:ssm:/x}}}}"}, id="dynamic-reference"),
        pytest.param({"Fn::Join": ["-", ["a", {"Ref": "AWS::Region"}]]}, id="delimiter"),
        pytest.param({"Fn::Join": ["", ["a", {"Fn::Sub": ASSET}]]}, id="in-a-join"),
        pytest.param({"Fn::Join": ["", ["$", "{AWS::Region}", {"Ref": "AWS::Region"}]]}, id="in-pieces"),
        pytest.param({"Fn::Sub": "${" * 200_000 + "${AWS::Region}"}, id="long"),
        pytest.param({"Fn::Join": ["", [{"Ref": "AWS::Region"}] * 200_000]}, id="many"),
    ],
)  # fmt: skip
def test_other_images_are_not_looked_up_without_a_name(image: Json) -> None:
    asked: list[Lookup] = []

    def look_up(lookups: Sequence[Lookup]) -> Mapping[Lookup, Answer]:
        asked.extend(each for each in lookups if isinstance(each, ImageLookup))
        return dict.fromkeys(lookups, BUILT)

    value = with_own(Image=image)
    value["Parameters"] = {"Version": {"Type": "String"}}
    assert plan_with_lookups(value, NOWHERE, look_up).problems
    assert asked == []


@pytest.mark.parametrize(
    ("image", "context"),
    [pytest.param({"Fn::Sub": ASSET}, NOWHERE, id="no-name"), pytest.param("app:1", context_of(), id="name")],
)
def test_a_dockerfile_does_not_show_that_command_is_wrapped(image: Json, context: Context) -> None:
    value = with_own(Image=image, Command=[WRAPPER, "/app"])
    built = ImageConfig((), ("/app",), build=ImageBuild("web/Dockerfile", "web"))
    assert plan_with_lookups(value, context, lambda given: dict.fromkeys(given, built)).problems
    read = replace(built, build=None)
    assert not plan_with_lookups(value, context, lambda given: dict.fromkeys(given, read)).problems
