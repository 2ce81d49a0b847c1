"""The plan as a whole, and the rounds of questions and answers that lead to it."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

from factories import (
    SETTINGS,
    answer_lookups,
    container,
    context_of,
    plan_of,
    processed,
    properties_of,
    resolved,
    resource,
    template,
)
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.lookups import (
    Answer,
    ExportLookup,
    ImageConfig,
    ImageLookup,
    Lookup,
    SsmLookup,
    Unavailable,
)
from sysdig_instrument.engine.plan import Context, plan, process
from sysdig_instrument.planning import no_lookups, plan_with_lookups

CONFIG = ImageConfig(("start",), ())
LOOKED_UP = template(container(EntryPoint=None))


class World:
    """Answers from a table, and remembers what it was asked."""

    def __init__(self, answers: Mapping[Lookup, Answer]) -> None:
        self.answers = answers
        self.rounds: list[tuple[Lookup, ...]] = []

    def __call__(self, requests: Sequence[Lookup]) -> Mapping[Lookup, Answer]:
        self.rounds.append(tuple(requests))
        return {request: self.answers[request] for request in requests if request in self.answers}


def context(**more: Json) -> Context:
    return context_of(more)


def test_a_template_may_need_no_lookups() -> None:
    world = World({})
    assert plan_with_lookups(template(), context(), world).lookups == ()
    assert world.rounds == []


def test_all_needed_lookups_are_made_at_once() -> None:
    value = template(
        container(EntryPoint=None, Image="a"),
        container(Name="b", EntryPoint=None, Image="b"),
        container(Name="c", Image="c"),
    )
    value["Resources"]["Arm"] = resource(
        container(EntryPoint=None, Image="a"), RuntimePlatform={"CpuArchitecture": "ARM64"}
    )
    lacking = plan(value, context())
    world = World(dict.fromkeys(lacking.lookups, CONFIG))
    made = plan_with_lookups(value, context(), world)
    assert world.rounds == [(ImageLookup("a"), ImageLookup("b"), ImageLookup("a", "arm64"))]
    assert world.rounds == [lacking.lookups]
    assert (made.lookups, made.problems) == ((), ())


def test_an_image_lookup_carries_the_container_credentials() -> None:
    value = template(container(EntryPoint=None, RepositoryCredentials={"CredentialsParameter": "secret"}))
    assert plan(value, context()).lookups == (ImageLookup("shop/web:1", "amd64", "secret"),)


def test_an_answer_may_require_another_lookup() -> None:
    value = template(
        container(EntryPoint=None, Image={"Fn::Sub": ["{{resolve:ssm:${x}}}", {"x": {"Fn::ImportValue": "name"}}]})
    )
    world = World({ExportLookup("name"): "/image", SsmLookup("/image"): "nginx", ImageLookup("nginx"): CONFIG})
    made = plan_with_lookups(value, context(), world)
    assert world.rounds == [(ExportLookup("name"),), (SsmLookup("/image"),), (ImageLookup("nginx"),)]
    assert made.problems == ()


def test_nothing_is_looked_up_twice() -> None:
    value = template(container(EntryPoint=None, Image={"Fn::ImportValue": "x"}), container(Name="b", EntryPoint=None))
    world = World({ExportLookup("x"): "nginx", ImageLookup("nginx"): CONFIG, ImageLookup("shop/web:1"): CONFIG})
    plan_with_lookups(value, context(), world)
    asked = [request for each in world.rounds for request in each]
    assert len(asked) == len(set(asked)) == 3


def test_a_lookup_without_an_answer_is_a_problem() -> None:
    world = World({})
    (problem,) = plan_with_lookups(LOOKED_UP, context(), world).problems
    assert "The lookup returned no answer" in problem.text
    assert len(world.rounds) == 1


def test_an_endless_chain_ends() -> None:
    chain: Json = "x"
    for _ in range(30):
        chain = {"Fn::ImportValue": chain}
    calls: list[int] = []

    def world(requests: Sequence[Lookup]) -> Mapping[Lookup, Answer]:
        calls.append(len(requests))
        return {request: f"{request.name}x" for request in requests if isinstance(request, ExportLookup)}

    (problem,) = plan_with_lookups(template(container(EntryPoint=None, Image=chain)), context(), world).problems
    assert "It depends on too long a chain of parameters and exports" in problem.text
    assert len(calls) == 8


def test_known_answers_are_not_looked_up() -> None:
    world = World({})
    known = Context(resolved=resolved(), answers={ImageLookup("shop/web:1"): CONFIG})
    assert plan_with_lookups(LOOKED_UP, known, world).problems == ()
    assert world.rounds == []


def test_image_configs_of_the_settings_win_over_the_registry() -> None:
    world = World({})
    made = plan_with_lookups(LOOKED_UP, context(ImageConfigs={"shop/web:1": {"Cmd": ["x"]}}), world)
    assert (made.problems, world.rounds) == ((), [])


def test_a_failure_is_a_notice_where_the_settings_say_skip() -> None:
    failed: dict[Lookup, Answer] = {
        ImageLookup("shop/web:1"): Unavailable(Reason("The registry answered 503", "Try again"))
    }
    made = plan_with_lookups(LOOKED_UP, context(OnUnresolvedImage="skip"), World(failed))
    assert made.problems == ()
    assert any("The registry answered 503" in notice.text for notice in made.notices)
    processed_value, _ = process(LOOKED_UP, made)
    assert properties_of(processed_value) == properties_of(LOOKED_UP)  # type: ignore[arg-type]


def test_the_result_holds_no_registry_error_text() -> None:
    texts = set()
    for status in ("503", "429"):
        failed: dict[Lookup, Answer] = {
            ImageLookup("shop/web:1"): Unavailable(Reason(f"The registry answered {status}", "Try again"))
        }
        made = plan_with_lookups(LOOKED_UP, context(OnUnresolvedImage="skip"), World(failed))
        texts.add(str(process(LOOKED_UP, made)[0]))
    assert len(texts) == 1


def test_a_plan_is_made_without_lookups() -> None:
    assert plan_with_lookups(LOOKED_UP, context(), no_lookups).lookups == ()


def test_a_problem_leaves_the_template_unchanged() -> None:
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
        notice.text.startswith("(Resources.Inner): The macro cannot see a nested stack's template")
        for notice in plan_of(value).notices
    )


def test_the_test_answers_cover_every_lookup_type() -> None:
    requests = (ImageLookup("a"), SsmLookup("b"), ExportLookup("c"))
    assert set(answer_lookups(requests)) == set(requests)
    assert set(SETTINGS) == {"Collector", "AccessKeySecret"}
