"""The plan as a whole, and the rounds of lookups that lead to it."""

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
from sysdig_instrument.engine.codes import Code
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
from sysdig_instrument.planning import look_up_nothing, plan_with_lookups

CONFIG = ImageConfig(("start",), ())
NEEDS_LOOKUP = template(container(EntryPoint=None))


class LookupTable:
    """Answer lookups from a table, and record each round of them."""

    def __init__(self, answers: Mapping[Lookup, Answer]) -> None:
        self.answers = answers
        self.rounds: list[tuple[Lookup, ...]] = []

    def __call__(self, lookups: Sequence[Lookup]) -> Mapping[Lookup, Answer]:
        self.rounds.append(tuple(lookups))
        return {lookup: self.answers[lookup] for lookup in lookups if lookup in self.answers}


def context(**more: Json) -> Context:
    return context_of(more)


def test_a_template_may_need_no_lookups() -> None:
    look_up = LookupTable({})
    assert plan_with_lookups(template(), context(), look_up).lookups == ()
    assert look_up.rounds == []


def test_all_needed_lookups_are_made_at_once() -> None:
    value = template(
        container(EntryPoint=None, Image="a"),
        container(Name="b", EntryPoint=None, Image="b"),
        container(Name="c", Image="c"),
    )
    value["Resources"]["Arm"] = resource(
        container(EntryPoint=None, Image="a"), RuntimePlatform={"CpuArchitecture": "ARM64"}
    )
    first_plan = plan(value, context())
    look_up = LookupTable(dict.fromkeys(first_plan.lookups, CONFIG))
    current = plan_with_lookups(value, context(), look_up)
    assert look_up.rounds == [(ImageLookup("a"), ImageLookup("b"), ImageLookup("a", "arm64"))]
    assert look_up.rounds == [first_plan.lookups]
    assert (current.lookups, current.problems) == ((), ())


def test_an_image_lookup_carries_the_container_credentials() -> None:
    value = template(container(EntryPoint=None, RepositoryCredentials={"CredentialsParameter": "secret"}))
    assert plan(value, context()).lookups == (ImageLookup("shop/web:1", "amd64", "secret"),)


def test_an_answer_may_require_another_lookup() -> None:
    value = template(
        container(EntryPoint=None, Image={"Fn::Sub": ["{{resolve:ssm:${x}}}", {"x": {"Fn::ImportValue": "name"}}]})
    )
    look_up = LookupTable({ExportLookup("name"): "/image", SsmLookup("/image"): "nginx", ImageLookup("nginx"): CONFIG})
    current = plan_with_lookups(value, context(), look_up)
    assert look_up.rounds == [(ExportLookup("name"),), (SsmLookup("/image"),), (ImageLookup("nginx"),)]
    assert current.problems == ()


def test_nothing_is_looked_up_twice() -> None:
    value = template(container(EntryPoint=None, Image={"Fn::ImportValue": "x"}), container(Name="b", EntryPoint=None))
    look_up = LookupTable({ExportLookup("x"): "nginx", ImageLookup("nginx"): CONFIG, ImageLookup("shop/web:1"): CONFIG})
    plan_with_lookups(value, context(), look_up)
    looked_up = [lookup for lookups in look_up.rounds for lookup in lookups]
    assert len(looked_up) == len(set(looked_up)) == 3


def test_a_lookup_without_an_answer_is_a_problem() -> None:
    look_up = LookupTable({})
    (problem,) = plan_with_lookups(NEEDS_LOOKUP, context(), look_up).problems
    assert "The lookup returned no answer" in problem.text
    assert len(look_up.rounds) == 1


def test_an_endless_chain_ends() -> None:
    chain: Json = "x"
    for _ in range(30):
        chain = {"Fn::ImportValue": chain}
    calls: list[int] = []

    def look_up(lookups: Sequence[Lookup]) -> Mapping[Lookup, Answer]:
        calls.append(len(lookups))
        return {lookup: f"{lookup.name}x" for lookup in lookups if isinstance(lookup, ExportLookup)}

    (problem,) = plan_with_lookups(template(container(EntryPoint=None, Image=chain)), context(), look_up).problems
    assert "It depends on too long a chain of parameters and exports" in problem.text
    assert len(calls) == 8


def test_known_answers_are_not_looked_up() -> None:
    look_up = LookupTable({})
    known = Context(deployment_settings=resolved(), answers={ImageLookup("shop/web:1"): CONFIG})
    assert plan_with_lookups(NEEDS_LOOKUP, known, look_up).problems == ()
    assert look_up.rounds == []


def test_image_configs_of_the_settings_win_over_the_registry() -> None:
    look_up = LookupTable({})
    current = plan_with_lookups(NEEDS_LOOKUP, context(ImageConfigs={"shop/web:1": {"Cmd": ["x"]}}), look_up)
    assert (current.problems, look_up.rounds) == ((), [])


def test_a_failure_is_a_notice_where_the_settings_say_skip() -> None:
    failed: dict[Lookup, Answer] = {
        ImageLookup("shop/web:1"): Unavailable(Reason("The registry answered 503", "Try again", code=Code.NO_ANSWER))
    }
    current = plan_with_lookups(NEEDS_LOOKUP, context(OnUnresolvedImage="skip"), LookupTable(failed))
    assert current.problems == ()
    assert any("The registry answered 503" in notice.text for notice in current.notices)
    processed_value, _ = process(NEEDS_LOOKUP, current)
    assert properties_of(processed_value) == properties_of(NEEDS_LOOKUP)  # type: ignore[arg-type]


def test_the_result_holds_no_registry_error_text() -> None:
    outputs = set()
    for status in ("503", "429"):
        failed: dict[Lookup, Answer] = {
            ImageLookup("shop/web:1"): Unavailable(
                Reason(f"The registry answered {status}", "Try again", code=Code.NO_ANSWER)
            )
        }
        current = plan_with_lookups(NEEDS_LOOKUP, context(OnUnresolvedImage="skip"), LookupTable(failed))
        outputs.add(str(process(NEEDS_LOOKUP, current)[0]))
    assert len(outputs) == 1


def test_a_plan_is_made_without_lookups() -> None:
    assert plan_with_lookups(NEEDS_LOOKUP, context(), look_up_nothing).lookups == ()


def test_a_problem_leaves_the_template_unchanged() -> None:
    value = template(container(Environment=5))
    value["Resources"]["Good"] = resource()
    before = copy.deepcopy(value)
    current, problems = process(value, plan_of(value))
    assert current is value
    assert value == before
    assert len(problems) == 1


def test_the_input_is_never_changed() -> None:
    before = copy.deepcopy(NEEDS_LOOKUP)
    processed(NEEDS_LOOKUP)
    assert before == NEEDS_LOOKUP


def test_the_same_input_gives_the_same_plan() -> None:
    first, second = plan_of(NEEDS_LOOKUP), plan_of(copy.deepcopy(NEEDS_LOOKUP))
    assert (list(first.changes), first.notices) == (list(second.changes), second.notices)


def test_only_what_changes_differs() -> None:
    value = {"Description": "x", "Unknown": {"z": 1, "a": 2}, **template()}
    current = processed(value)
    assert list(current) == list(value)
    assert current["Unknown"] == value["Unknown"]
    assert list(properties_of(current))[: len(properties_of(value))] == list(properties_of(value))


def test_a_nested_stack_is_noticed_by_its_name() -> None:
    value = template()
    value["Resources"]["Inner"] = {"Type": "AWS::CloudFormation::Stack"}
    assert any(
        notice.text.startswith("(Resources.Inner): The macro cannot see a nested stack's template")
        for notice in plan_of(value).notices
    )


def test_the_test_answers_cover_every_lookup_type() -> None:
    lookups = (ImageLookup("a"), SsmLookup("b"), ExportLookup("c"))
    assert set(answer_lookups(lookups)) == set(lookups)
    assert set(SETTINGS) == {"Collector", "AccessKeySecret"}
