"""The work of a plan is bounded: what is built, by its length, and what is done, by its steps. Nothing here is timed."""

from __future__ import annotations

import fnmatch
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest

from factories import NOVALUE, container, context_of, plan_of, problems_of, processed, resource, scope, template
from sysdig_instrument.engine import plan as plan_module
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.expressions.decision_tree import (
    Branch,
    Leaf,
    TooManyConditionsError,
    Tree,
    branch_on,
    flat_map,
)
from sysdig_instrument.engine.expressions.evaluate import evaluate, is_true
from sysdig_instrument.engine.expressions.references import references, strings_in
from sysdig_instrument.engine.expressions.scope import EvaluationScope, PlanState
from sysdig_instrument.engine.expressions.values import Known, Unknown
from sysdig_instrument.engine.expressions.work import (
    MAX_DEPTH,
    MAX_ITEMS,
    MAX_STEPS,
    MAX_TEXT,
    TOO_MUCH_WORK,
    Work,
    WorkLimitError,
    counting,
    substitute,
)
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.globs import matches_any
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.template import task_definitions

TOO_LONG = f"its text has more than {MAX_TEXT:,} characters"
TOO_MANY = f"its list has more than {MAX_ITEMS:,} items"
TOO_DEEP = f"it is nested more than {MAX_DEPTH} levels deep"
LIST: Any = {"Parameters": {"L": {"Type": "CommaDelimitedList"}, "S": {"Type": "String"}}}


def nested(depth: int, innermost: Json, around: Callable[[Json], Json]) -> Any:
    for _ in range(depth):
        innermost = around(innermost)
    return innermost


def doubled(inner: Json) -> Any:
    return {"Fn::Sub": ["${A}${A}", {"A": inner}]}


def sections(count: int, condition: Callable[[int], Json]) -> dict[str, Any]:
    """Return the Conditions C0 … of a template; the last one is true."""
    return {"Conditions": {**{f"C{n}": condition(n) for n in range(count)}, f"C{count}": {"Fn::Equals": [1, 1]}}}


def steps_of_evaluating(expression: Any, evaluated_in: EvaluationScope) -> int:
    evaluate(expression, evaluated_in)
    return evaluated_in.state.work.steps


# --- Texts, lists and depth


@pytest.mark.parametrize(
    ("expression", "fact"),
    [
        pytest.param(nested(60, "xx", doubled), TOO_LONG, id="sub-doubles"),
        pytest.param({"Fn::Sub": "${S}" * 300}, TOO_LONG, id="sub-repeats"),
        pytest.param({"Fn::Join": ["x" * 5000, ["a"] * 300]}, TOO_LONG, id="join-delimiter"),
        pytest.param({"Fn::Join": ["", [{"Ref": "S"}] * 300]}, TOO_LONG, id="join-items"),
        pytest.param(nested(60, '"', lambda inner: {"Fn::ToJsonString": inner}), TOO_LONG, id="to-json"),
        pytest.param({"Fn::ToJsonString": [{"Ref": "S"}] * 300}, TOO_LONG, id="to-json-items"),
        pytest.param(nested(60, "x", lambda inner: {"Fn::Base64": inner}), TOO_LONG, id="base64"),
        pytest.param({"Fn::Split": [",", "," * MAX_ITEMS]}, TOO_MANY, id="split"),
        pytest.param({"Ref": "L"}, TOO_MANY, id="list-parameter"),
        pytest.param({"Fn::Select": [0, ["a"] * (MAX_ITEMS + 1)]}, TOO_MANY, id="select"),
        pytest.param({"Fn::Length": ["a"] * (MAX_ITEMS + 1)}, TOO_MANY, id="length"),
        pytest.param(nested(150, "x", lambda inner: {"Fn::Join": ["", [inner]]}), TOO_DEEP, id="deep-join"),
        pytest.param(nested(150, "x", lambda inner: [inner]), TOO_DEEP, id="deep-list"),
        pytest.param(nested(150, "x", doubled), TOO_DEEP, id="deep-sub"),
    ],
)
def test_values_beyond_a_limit_are_unknown(expression: Json, fact: str) -> None:
    found = evaluate(expression, scope(LIST, {"L": "," * MAX_ITEMS, "S": "s" * 4000}))
    assert isinstance(found, Unknown)
    assert found.reason.fact == fact
    assert found.reason.advice


@pytest.mark.parametrize(
    ("expression", "length"),
    [
        pytest.param({"Fn::Join": ["", ["x" * (MAX_TEXT // 2)] * 2]}, MAX_TEXT, id="join"),
        pytest.param({"Fn::Sub": "${S}" * 250}, MAX_TEXT, id="sub"),
        pytest.param({"Fn::Split": [",", "," * (MAX_ITEMS - 1)]}, MAX_ITEMS, id="split"),
        pytest.param({"Ref": "L"}, MAX_ITEMS, id="list-parameter"),
        pytest.param(nested(MAX_DEPTH // 2, "x", lambda inner: {"Fn::Join": ["", [inner]]}), 1, id="depth"),
    ],
)
def test_values_at_a_limit_are_known(expression: Json, length: int) -> None:
    match evaluate(expression, scope(LIST, {"L": "," * (MAX_ITEMS - 1), "S": "s" * 4000})):
        case Known(str() | list() as value):
            assert len(value) == length
        case other:
            pytest.fail(str(other))


@pytest.mark.parametrize(
    "expression",
    [
        {"Fn::Join": ["x" * 500_000, ["a"] * 50_000]},
        {"Fn::Sub": "${S}" * 90_000},
        {"Fn::ToJsonString": ["s" * 4000] * 50_000},
        {"Fn::Split": [",", "," * 900_000]},
    ],
    ids=["join", "sub", "to-json", "split"],
)
def test_what_is_too_long_is_not_built_first(expression: Json) -> None:
    tracemalloc.start()
    try:
        assert isinstance(evaluate(expression, scope(LIST, {"S": "s" * 4000})), Unknown)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10 * MAX_TEXT


def test_a_substitution_that_shortens_a_long_text() -> None:
    text = "${A}" * MAX_TEXT
    assert substitute(r"\$\{A\}", text, lambda _match: "", Work()) == ""


def test_a_variable_of_sub_is_evaluated_once() -> None:
    variable = {"A": {"Fn::Join": ["", ["x"] * 50]}}
    once, often = ({"Fn::Sub": ["${A}" * times, variable]} for times in (1, 1000))
    assert steps_of_evaluating(often, scope()) < steps_of_evaluating(once, scope()) + 50 * 1000 / 10


def test_depth_is_counted_anew_after_an_error() -> None:
    here = scope()
    evaluate(nested(150, "x", lambda inner: [inner]), here)
    assert here.state.work.depth == 0
    assert evaluate(["a"], here) == Known(["a"])


def test_a_value_of_mappings_is_not_nested_deeper_than_an_expression() -> None:
    """Python's own recursion would end otherwise: each function on such a value calls itself for each level."""
    for depth, is_known in ((MAX_DEPTH, True), (MAX_DEPTH + 1, False), (900, False)):
        mappings: Any = {"M": {"A": {"B": nested(depth, "x", lambda inner: [inner])}}}
        found = evaluate({"Fn::FindInMap": ["M", "A", "B"]}, scope({"Mappings": mappings}))
        assert isinstance(found, Known) is is_known
        assert is_known or (isinstance(found, Unknown) and found.reason.fact == TOO_DEEP)


def test_a_list_parameter_has_only_texts() -> None:
    parameters: Any = {"Parameters": {"L": {"Type": "CommaDelimitedList", "Default": nested(900, "x", lambda x: [x])}}}
    assert evaluate({"Ref": "L"}, scope(parameters)) == Unknown(Reason("expected a string", code=Code.MALFORMED))
    assert evaluate({"Ref": "L"}, scope(parameters, {"L": ["a", 1]})) == Known(["a", "1"])


@pytest.mark.parametrize("text", ["*" * 400_000 + "x", "*" * 400_000, "x" * 400_000], ids=["mask-x", "mask", "text"])
def test_each_reading_of_a_long_parameter_counts(text: str) -> None:
    parameters: Any = {"Parameters": {"P": {"Type": "String", "Default": text}}}
    assert steps_of_evaluating({"Ref": "P"}, scope(parameters)) >= len(text) // 20


@pytest.mark.parametrize("text", ["${a." * 200_000, "${a" * 200_000, "${" * 200_000], ids=["attribute", "name", "open"])
def test_references_are_found_in_one_pass(text: str) -> None:
    """A pattern that ran on to the end from each of them would take hours."""
    assert list(references({"Fn::Sub": text + "${Last.Arn}"})) == ["Last"]


def test_references_and_strings_at_any_depth() -> None:
    value = nested(5000, [{"Ref": "A"}, {"Fn::Sub": ["${B}", {"B": {"Ref": "C"}}]}], lambda inner: [inner])
    assert list(references(value)) == ["A", "B", "C"]
    assert list(strings_in(value)) == ["A", "${B}", "C"]


# --- Conditions


def test_a_condition_is_in_no_loop_of_a_resource() -> None:
    """A loop's variable is one in its own body only, and a condition is evaluated once for all items."""
    sections_: Any = {"Conditions": {"C": {"Fn::Equals": ["${V}", "a"]}, "D": {"Fn::Equals": [{"Ref": "V"}, "a"]}}}
    for item in ("a", None):
        in_loop = scope(sections_, loops={"V": item})
        assert (is_true("C", in_loop), is_true("D", in_loop)) == (False, None)
        assert in_loop.state.conditions[frozenset()].keys() == {"C", "D"}


def test_a_chain_of_conditions_may_be_long() -> None:
    chain = sections(20_000, lambda n: {"Condition": f"C{n + 1}"})
    assert is_true("C0", scope(chain)) is True


@pytest.mark.parametrize("operator", ["Fn::And", "Fn::Or"])
def test_conditions_that_many_refer_to_are_evaluated_once(operator: str) -> None:
    def steps(count: int) -> int:
        here = scope(sections(count, lambda n: {operator: [{"Condition": f"C{n + 1}"}] * 4}))
        assert is_true("C0", here) is True
        return here.state.work.steps

    assert steps(400) < 2.1 * steps(200)


def test_conditions_by_if_are_evaluated_once() -> None:
    def condition(n: int) -> Any:
        return {"Fn::Equals": [{"Fn::If": [f"C{n + 1}", "a", "b"]}, {"Fn::If": [f"C{n + 1}", "a", "b"]}]}

    here = scope(sections(25, condition))
    assert is_true("C0", here) is True
    assert here.state.work.steps < 25 * 100


def test_a_condition_is_evaluated_once_for_many_task_definitions() -> None:
    def steps(count: int) -> int:
        chain = sections(500, lambda n: {"Fn::Not": [{"Condition": f"C{n + 1}"}]})
        tasks: Any = {f"T{n}": {**resource(container(EntryPoint=5)), "Condition": "C0"} for n in range(count)}
        return _steps_of_plan({**chain, "Resources": tasks})

    assert steps(40) < 1.5 * steps(20)


def test_deep_conditions_are_not_known() -> None:
    deep = nested(150, {"Fn::Equals": [1, 1]}, lambda inner: {"Fn::Not": [{"Fn::Not": [inner]}]})
    assert is_true("C", scope({"Conditions": {"C": deep}})) is None


def test_conditions_under_assumptions_are_not_mixed_up() -> None:
    here = scope(sections(1, lambda _: {"Fn::Not": [{"Condition": "C1"}]}))
    assert is_true("C0", here) is False
    assert is_true("C0", here.assuming({"C1": False})) is True
    assert is_true("C0", here) is False


# --- Trees


def identity(value: int, _assumptions: object) -> Tree[int]:
    return Leaf(value)


def test_a_path_of_too_many_conditions() -> None:
    tree: Tree[int] = Leaf(0)
    for n in range(200):
        tree = Branch(f"C{n}", Leaf(n + 1), tree)
    with pytest.raises(TooManyConditionsError):
        flat_map(tree, {}, identity)


def test_a_tree_whose_paths_double_ends_at_the_limit() -> None:
    tree: Tree[int] = Leaf(0)
    for n in range(40):
        tree = branch_on({f"A{n}": True, f"B{n}": True}, {}, Leaf(n + 1), tree)
    work = Work()
    with counting(work), pytest.raises(WorkLimitError):
        flat_map(tree, {}, identity)
    assert work.steps < MAX_STEPS + 100


# --- Loops


def _loop(number: int, body: Json) -> dict[str, Any]:
    return {f"Fn::ForEach::L{number}": [f"V{number}", {"Ref": "L"}, body]}


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_loops_stop_at_the_limit(depth: int) -> None:
    body: Any = {"T": resource()}
    for number in range(depth):
        body = _loop(number, body)
    fragment: Any = {**LIST, "Resources": body}
    state = PlanState()
    (task,) = task_definitions(fragment, scope(fragment, {"L": ["i"] * 501}, state=state))
    assert task.item_scopes is None
    assert state.work.steps < 501 * 100


def test_the_items_of_all_loops_are_counted() -> None:
    loops: dict[str, Any] = {}
    for number in range(500):
        loops |= _loop(number, {"T": resource(container(Image=f"${{V{number}}}"))})
    found = problems_of({**LIST, "Resources": loops}, parameters={"L": ["i"] * 400})
    assert found == [TOO_MUCH_WORK.text]


def test_a_loop_whose_keys_and_items_multiply_is_opaque() -> None:
    keys = {f"K{n}${{V}}": "x" for n in range(2000)}
    loop: Any = {"Fn::ForEach::L": ["V", ["a"] * 2000, keys]}
    (problem,) = problems_of(template(container(**loop)))
    assert "contains Fn::ForEach, whose result is not known here" in problem


# --- Whole plans


def _steps_of_plan(value: Json, monkeypatch: pytest.MonkeyPatch | None = None) -> int:
    states: list[PlanState] = []

    def create() -> PlanState:
        states.append(PlanState())
        return states[-1]

    with monkeypatch.context() if monkeypatch else pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan_module, "PlanState", create)
        plan_module.plan(value, context_of())
    return max(state.work.steps for state in states)


def test_a_large_ordinary_template_takes_a_fraction_of_the_steps() -> None:
    value: Any = {"Fn::If": ["C0", "a", {"Fn::Sub": "b-${AWS::Region}"}]}
    tasks: Any = {
        f"T{n}": resource(*(container(Name=f"c{each}", Image=value, Cpu=value) for each in range(5)))
        for n in range(200)
    }
    assert _steps_of_plan({**sections(1, lambda _: {"Fn::Equals": [1, 2]}), "Resources": tasks}) < MAX_STEPS / 5


def test_a_plan_beyond_its_steps_is_refused_for_each_task_after_it() -> None:
    image: Any = {"Fn::Join": ["", [{"Ref": "AWS::Region"}] * 1000]}
    tasks: Any = {f"T{n}": resource({"Name": "web", "Image": image}) for n in range(1000)}
    plan = plan_of({"Resources": tasks})
    texts = [problem.text for problem in plan.problems]
    assert texts[-1] == f'Task "T999" (Resources.T999.Properties): {TOO_MUCH_WORK.text}'
    assert len(texts) < len(plan.tasks) == len(tasks)


def test_a_plan_beyond_its_steps_is_refused_even_if_the_task_is_not_created() -> None:
    image: Any = {"Fn::Join": ["", [["x"] * 1000] * 1000]}
    value: Any = template({"Name": "web", "Image": image}, sections={"Conditions": {"No": {"Fn::Equals": [1, 2]}}})
    value["Resources"]["Api"]["Condition"] = "No"
    (problem,) = problems_of(value)
    assert TOO_MUCH_WORK.text in problem


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param({"WorkloadEnvironment": {"A": "x" * 400_000}}, id="workload-environment"),
        pytest.param({"AgentEnvironment": {f"V{n}": "x" for n in range(20_000)}}, id="agent-environment"),
        pytest.param({"ExtraConf": "x" * 400_000}, id="extra-conf"),
        pytest.param({"ImageConfigs": {"nginx": {"Entrypoint": ["x"] * 16_000}}}, id="image-configs"),
        pytest.param({"ExcludeContainers": [f"x*{n}" for n in range(20_000)]}, id="globs"),
        pytest.param({f"Colector{n}": "x" for n in range(2000)}, id="unknown-settings"),
    ],
)
def test_a_setting_is_not_repeated_beyond_the_limit(metadata: Json) -> None:
    tasks: Any = {f"T{n}": resource({"Name": "web", "Image": "nginx"}) for n in range(200)}
    found = problems_of({"Metadata": {"SysdigInstrument": metadata}, "Resources": tasks})
    assert any(TOO_MUCH_WORK.fact in problem for problem in found)


def test_containers_under_many_conditions() -> None:
    containers: Any = [{"Fn::If": [f"C{n}", container(Name=f"c{n}"), NOVALUE]} for n in range(500)]
    (problem,) = problems_of(template(*containers, sections=sections(500, lambda _: {"Fn::Equals": [1, 2]})))
    assert "under too many different conditions" in problem


def test_containers_under_some_conditions_are_processed() -> None:
    containers: Any = [{"Fn::If": [f"C{n}", container(Name=f"c{n}"), NOVALUE]} for n in range(50)]
    result = processed(template(*containers, sections=sections(50, lambda _: {"Fn::Equals": [1, 2]})))
    assert len(result["Resources"]["Api"]["Properties"]["ContainerDefinitions"]) == 51


def test_globs_are_compiled_once_and_not_kept() -> None:
    before = fnmatch._compile_pattern.cache_info()  # type: ignore[attr-defined]
    names: Any = {f"T{n}": resource(container(Name="web-1"), container(Name="keep")) for n in range(5)}
    result = processed({"Metadata": {"SysdigInstrument": {"ExcludeContainers": ["web-*", "*x?"]}}, "Resources": names})
    assert fnmatch._compile_pattern.cache_info() == before  # type: ignore[attr-defined]
    web = result["Resources"]["T0"]["Properties"]["ContainerDefinitions"][0]
    assert web == container(Name="web-1")


# --- Globs and mounts


def test_the_length_of_names_and_globs_counts() -> None:
    state = PlanState()
    assert matches_any("web-1", ("web-*",), state)
    ordinary = state.work.steps
    with pytest.raises(WorkLimitError):
        matches_any("a" * 100_000, ("*" + "?" * 40_000 + "b",), state)
    assert ordinary < 200


def test_containers_that_mount_each_others_volumes_are_counted() -> None:
    def each(count: int) -> Any:
        sources: Any = [{"SourceContainer": f"c{n}", "ReadOnly": True} for n in range(count)]
        return template(*(container(Name=f"c{n}", VolumesFrom=sources) for n in range(count)))

    assert problems_of(each(9)) == []
    (problem,) = problems_of(each(100))
    assert TOO_MUCH_WORK.fact in problem


@pytest.mark.parametrize("launch_type", ["EC2", "FARGATE"])
def test_launchers_inside_of_each_other_are_counted(launch_type: str) -> None:
    value = template(RequiresCompatibilities=[launch_type])
    launcher = nested(150, ["x"] * 20_000, lambda inner: {"TaskDefinition": inner})
    value["Resources"]["Service"] = {"Type": "AWS::ECS::Service", "Properties": launcher}
    (problem,) = problems_of(value)
    assert TOO_MUCH_WORK.fact in problem


def test_too_much_work_for_grants_keeps_the_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hook reads its verdict off the task."""

    def exceed(*_: object) -> None:
        raise WorkLimitError

    monkeypatch.setattr(plan_module, "grant_changes", exceed)
    planned = plan_of(template())
    assert [each.outcome.text for each in planned.tasks] == ["instrumented"]
    assert [problem.reason for problem in planned.problems] == [TOO_MUCH_WORK]
