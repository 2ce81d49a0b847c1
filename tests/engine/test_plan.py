"""The plan as a whole, and the rounds of questions and answers that lead to it."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

from making import (
    SETTINGS,
    answering,
    container,
    context_of,
    plan_of,
    processed,
    properties_of,
    resource,
    settled,
    template,
)
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.lookups import (
    Answer,
    ExportRequest,
    ImageConfig,
    ImageRequest,
    Request,
    SsmRequest,
    Unavailable,
)
from sysdig_instrument.engine.plan import Context, plan, process
from sysdig_instrument.planning import nobody, planned

CONFIG = ImageConfig(("start",), ())
LOOKED_UP = template(container(EntryPoint=None))


class World:
    """Answers from a table, and remembers what it was asked."""

    def __init__(self, answers: Mapping[Request, Answer]) -> None:
        self.answers = answers
        self.rounds: list[tuple[Request, ...]] = []

    def __call__(self, requests: Sequence[Request]) -> Mapping[Request, Answer]:
        self.rounds.append(tuple(requests))
        return {request: self.answers[request] for request in requests if request in self.answers}


def context(**more: Json) -> Context:
    return context_of(more)


def test_a_template_that_needs_nothing_asks_nothing() -> None:
    world = World({})
    assert planned(template(), context(), world).requests == ()
    assert world.rounds == []


def test_what_a_plan_lacks_is_asked_all_at_once_and_nothing_else() -> None:
    value = template(
        container(EntryPoint=None, Image="a"),
        container(Name="b", EntryPoint=None, Image="b"),
        container(Name="c", Image="c"),
    )
    value["Resources"]["Arm"] = resource(
        container(EntryPoint=None, Image="a"), RuntimePlatform={"CpuArchitecture": "ARM64"}
    )
    lacking = plan(value, context())
    world = World(dict.fromkeys(lacking.requests, CONFIG))
    made = planned(value, context(), world)
    assert world.rounds == [(ImageRequest("a"), ImageRequest("b"), ImageRequest("a", "arm64"))]
    assert world.rounds == [lacking.requests]
    assert (made.requests, made.problems) == ((), ())


def test_credentials_of_the_container_go_with_the_question() -> None:
    value = template(container(EntryPoint=None, RepositoryCredentials={"CredentialsParameter": "secret"}))
    assert plan(value, context()).requests == (ImageRequest("shop/web:1", "amd64", "secret"),)


def test_an_answer_may_lead_to_the_next_question() -> None:
    value = template(
        container(EntryPoint=None, Image={"Fn::Sub": ["{{resolve:ssm:${x}}}", {"x": {"Fn::ImportValue": "name"}}]})
    )
    world = World({ExportRequest("name"): "/image", SsmRequest("/image"): "nginx", ImageRequest("nginx"): CONFIG})
    made = planned(value, context(), world)
    assert world.rounds == [(ExportRequest("name"),), (SsmRequest("/image"),), (ImageRequest("nginx"),)]
    assert made.problems == ()


def test_nothing_is_asked_twice() -> None:
    value = template(container(EntryPoint=None, Image={"Fn::ImportValue": "x"}), container(Name="b", EntryPoint=None))
    world = World({ExportRequest("x"): "nginx", ImageRequest("nginx"): CONFIG, ImageRequest("shop/web:1"): CONFIG})
    planned(value, context(), world)
    asked = [request for each in world.rounds for request in each]
    assert len(asked) == len(set(asked)) == 3


def test_a_question_without_an_answer_is_a_problem_and_no_endless_loop() -> None:
    world = World({})
    (problem,) = planned(LOOKED_UP, context(), world).problems
    assert "Nothing came back for it" in problem.text
    assert len(world.rounds) == 1


def test_an_endless_chain_ends() -> None:
    chain: Json = "x"
    for _ in range(30):
        chain = {"Fn::ImportValue": chain}
    calls: list[int] = []

    def world(requests: Sequence[Request]) -> Mapping[Request, Answer]:
        calls.append(len(requests))
        return {request: f"{request.name}x" for request in requests if isinstance(request, ExportRequest)}

    (problem,) = planned(template(container(EntryPoint=None, Image=chain)), context(), world).problems
    assert "It hangs on too long a chain of parameters and exports" in problem.text
    assert len(calls) == 8


def test_what_is_known_beforehand_is_not_asked() -> None:
    world = World({})
    known = Context(settled=settled(), answers={ImageRequest("shop/web:1"): CONFIG})
    assert planned(LOOKED_UP, known, world).problems == ()
    assert world.rounds == []


def test_image_configs_of_the_settings_win_over_the_registry() -> None:
    world = World({})
    made = planned(LOOKED_UP, context(ImageConfigs={"shop/web:1": {"Cmd": ["x"]}}), world)
    assert (made.problems, world.rounds) == ((), [])


def test_a_failure_is_a_notice_where_the_settings_say_skip() -> None:
    failed: dict[Request, Answer] = {
        ImageRequest("shop/web:1"): Unavailable(Reason("The registry answered 503", "Try again"))
    }
    made = planned(LOOKED_UP, context(OnUnresolvedImage="skip"), World(failed))
    assert made.problems == ()
    assert any("The registry answered 503" in notice.text for notice in made.notices)
    processed_value, _ = process(LOOKED_UP, made)
    assert properties_of(processed_value) == properties_of(LOOKED_UP)  # type: ignore[arg-type]


def test_a_result_does_not_hold_what_a_registry_happened_to_say() -> None:
    texts = set()
    for status in ("503", "429"):
        failed: dict[Request, Answer] = {
            ImageRequest("shop/web:1"): Unavailable(Reason(f"The registry answered {status}", "Try again"))
        }
        made = planned(LOOKED_UP, context(OnUnresolvedImage="skip"), World(failed))
        texts.add(str(process(LOOKED_UP, made)[0]))
    assert len(texts) == 1


def test_in_a_world_with_nobody_to_ask_a_plan_is_made_all_the_same() -> None:
    assert planned(LOOKED_UP, context(), nobody).requests == ()


def test_with_a_problem_the_template_is_as_it_was() -> None:
    value = template(container(Environment=5))
    value["Resources"]["Good"] = resource()
    before = copy.deepcopy(value)
    made, problems = process(value, plan_of(value))
    assert made is value
    assert value == before
    assert len(problems) == 1


def test_the_input_is_never_changed() -> None:
    before = copy.deepcopy(LOOKED_UP)
    processed(LOOKED_UP)
    assert before == LOOKED_UP


def test_the_same_input_gives_the_same_plan() -> None:
    first, second = plan_of(LOOKED_UP), plan_of(copy.deepcopy(LOOKED_UP))
    assert (list(first.changes), first.notices) == (list(second.changes), second.notices)


def test_only_what_changes_differs() -> None:
    value = {"Description": "x", "Unknown": {"z": 1, "a": 2}, **template()}
    made = processed(value)
    assert list(made) == list(value)
    assert made["Unknown"] == value["Unknown"]
    assert list(properties_of(made))[: len(properties_of(value))] == list(properties_of(value))


def test_a_nested_stack_is_noticed_by_its_name() -> None:
    value = template()
    value["Resources"]["Inner"] = {"Type": "AWS::CloudFormation::Stack"}
    assert any(
        notice.text.startswith("(Resources.Inner): A nested stack's template") for notice in plan_of(value).notices
    )


def test_answers_of_the_tests_answer_everything() -> None:
    requests = (ImageRequest("a"), SsmRequest("b"), ExportRequest("c"))
    assert set(answering(requests)) == set(requests)
    assert set(SETTINGS) == {"Collector", "AccessKeySecret"}
