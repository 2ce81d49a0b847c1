"""Globs: fnmatch's meaning, without what fnmatch keeps."""

from __future__ import annotations

import gc
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from factories import CONDITIONS, container, plan_of, template
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.expressions.scope import PlanState
from sysdig_instrument.engine.expressions.work import WorkLimitError
from sysdig_instrument.engine.findings import Reason, without_names
from sysdig_instrument.engine.globs import matches_any

LETTERS = "ab-!]["


@given(name=st.text(LETTERS, max_size=8), glob=st.text(LETTERS + "*?", max_size=10))
@example("a", "[!]")
@example("]", "[]]")
@example("a", "[]a]")
@example("a", "[!]b]")
@example("b", "[a-c-e]")
@example("a", "[b-a]")
@example("-", "[--a]")
@example("a", "[a-]")
@example("aba", "a*ba*")
@example("aa", "a*a*a")
@example("a\nb", "a?b")
def test_it_is_what_fnmatch_does(name: str, glob: str) -> None:
    assert matches_any(name, [glob], PlanState()) is fnmatchcase(name, glob)


MARK = "zqmark"


def patterns() -> Iterator[str]:
    gc.collect()
    return (
        str(each.pattern) for each in gc.get_objects() if isinstance(each, re.Pattern) and MARK in str(each.pattern)
    )


@pytest.mark.parametrize(
    "settings",
    [
        {"ExcludeContainers": [f"{MARK}*", f"[{MARK}]?"]},
        {"Mode": "opt-in", "IncludeContainers": [f"*{MARK}*"]},
        {"ImageConfigs": {f"*{MARK}*": {"Entrypoint": ["/a"]}}},
        {f"{MARK}*": "unknown"},
        {"AgentImage": f"quay.io/sysdig/{MARK}:1"},
        {"Collector": f"{MARK}.example.com"},
        {"AgentEnvironment": {MARK: MARK}},
        {"ExtraConf": MARK},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_python_keeps_no_pattern_that_a_template_chose(settings: Mapping[str, Any]) -> None:
    """``re`` and ``fnmatch`` keep hundreds of patterns for the life of the process, each with up to a megabyte."""
    workload = container(Name=f"{MARK}-web", Image=f"{MARK}/x:1", EntryPoint=None)
    tags: Any = [{"Key": "kilt-ignore-containers", "Value": f"{MARK}*"}, {"Key": MARK, "Value": MARK}]
    value = template(workload, container(Image={"Fn::Sub": f"{MARK}/${{{MARK}}}"}), sections=CONDITIONS, Tags=tags)
    value["Metadata"] = {"SysdigInstrument": dict(settings)}
    plan_of(value)
    plan_of(json.loads(json.dumps(value).replace('"Name": "', '"Name": "*')))
    assert not list(patterns())


def test_a_hidden_name_is_no_pattern() -> None:
    reason = Reason(f"The image {MARK}.example.com/a b:1 could not be read from {MARK}", code=Code.NO_ANSWER)
    assert MARK not in without_names(reason, f"{MARK}.example.com/a b:1").text
    assert not list(patterns())


@pytest.mark.parametrize(
    "glob", ["*".join(["a"] * 50_000), "[ab]" * 20_000 + "*", "*?" * 40_000, "*[ab]" * 20_000 + "c"]
)
def test_a_long_glob_ends(glob: str) -> None:
    try:
        matches_any("a" * 20_000 + "b", [glob], PlanState())
    except WorkLimitError:
        return


def test_ordinary_globs_take_few_steps() -> None:
    state = PlanState()
    names: Sequence[str] = [f"service-{number}-sidecar" for number in range(4000)]
    globs = ["web-*", "*-proxy", "datadog-agent", "envoy*", "log-router-[0-9]*", "init?"]
    assert not any(matches_any(name, globs, state) for name in names)
    assert state.work.steps < 200_000
