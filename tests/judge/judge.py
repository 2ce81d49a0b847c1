"""The judge: what a template would do before and after, held against the contract."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

from judge.evaluate import Surroundings, World, evaluate, written_out
from judge.findings import Finding
from judge.images import Images
from judge.loop_items import differing_loops
from judge.raw import check_raw
from judge.refusal import reasons
from judge.settings import Settings
from judge.shapes import has_conditional_platform, has_live_size
from judge.task import Run, check_task
from judge.values import Json, canonical, items, mapping, same
from judge.workload import workload_variables

LIVE_CAPABILITIES = re.compile(r'"Add":(\{"Fn::If":.*)?\{"(Ref":"(?!AWS::NoValue)|Fn::(?!If))')
SHORTEST_SECRET = 6  # shorter values occur by chance in names and counts


def judge(  # noqa: PLR0913 - a judgement depends on this many things, each named at the call
    before: Json,
    after: Json,
    *,
    surroundings: Surroundings,
    settings: Mapping[str, Json],
    images: Images,
    forced: Mapping[str, bool] | None = None,
) -> list[Finding]:
    """All that is wrong with an output. `forced`: judge it under other conditions than the macro met."""
    raw = mapping(written_out(before, surroundings))
    run = replace(
        _run(before, after, surroundings, settings, images, forced),
        made_by_loops=frozenset(mapping(raw.get("Resources"))) - frozenset(mapping(mapping(before).get("Resources"))),
        live_capabilities=frozenset(
            name for name, text in mapping(raw.get("Resources")).items() if LIVE_CAPABILITIES.search(canonical(text))
        ),
        live_sizes=frozenset(name for name, body in mapping(raw.get("Resources")).items() if has_live_size(body)),
        conditional_platforms=frozenset(
            name for name, body in mapping(raw.get("Resources")).items() if has_conditional_platform(body)
        ),
    )
    findings: list[Finding] = []
    if not forced:
        findings += check_raw(before, after, _replaced_variables(run))
        musts = [reason for reason, must in reasons(run, raw).items() if must]
        findings += [Finding("the template", f"should have been refused: {reason}") for reason in musts]
    if set(run.before.resources) != set(run.after.resources):
        findings.append(Finding("Resources", "the logical ids changed"))
    for name in run.before.task_definitions():
        conditional = '"Fn::If"' in canonical(mapping(raw.get("Resources")).get(name))
        findings += check_task(run, name, conditional=conditional)
        findings += _check_report(run, name)
    return findings


def may_refuse(
    before: Json, *, surroundings: Surroundings, settings: Mapping[str, Json], images: Images
) -> dict[str, bool]:
    """The rightful reasons for refusing this input, each with whether refusing is a must."""
    run = _run(before, before, surroundings, settings, images, None)
    found = reasons(run, written_out(before, surroundings))
    for reason in differing_loops(before, run):
        found.setdefault(reason, False)
    return found


def _run(  # noqa: PLR0913, PLR0917 - the arguments of judge, passed on
    before: Json,
    after: Json,
    surroundings: Surroundings,
    settings: Mapping[str, Json],
    images: Images,
    forced: Mapping[str, bool] | None,
) -> Run:
    chosen = evaluate(before, surroundings)
    judged = evaluate(before, surroundings, forced) if forced else chosen
    outcome: World = evaluate(after, surroundings, forced)
    return Run(settings, images, surroundings.ssm, chosen, judged, outcome, flipped=bool(forced))


def _replaced_variables(run: Run) -> frozenset[str]:
    """Names of variables whose values the settings decide."""
    every = [run.settings_of(name) for name in run.before.task_definitions()]
    own = [settings.over(layer) for settings in every for layer in settings.table("Containers").values()]
    return frozenset(name for settings in (*every, *own) for name in workload_variables(settings))


def _check_report(run: Run, name: str) -> Iterator[Finding]:
    """The report in the Metadata: there where something was done, and without anybody's values."""
    metadata = mapping(mapping(run.after.resources.get(name, {}).get("Metadata")).get("SysdigInstrument"))
    report = metadata.get("Result")
    if report is None:
        touched = not same(
            run.before.resources[name].get("Properties"), run.after.resources.get(name, {}).get("Properties")
        )
        if touched:
            yield Finding(f"{name}.Metadata", "SysdigInstrument.Result is missing")
        return
    text = canonical(report)
    for value in _private_values(run, name):
        if value in text:
            yield Finding(f"{name}.Metadata", "SysdigInstrument.Result holds the value of a variable")


def _private_values(run: Run, name: str) -> Iterator[str]:
    resource, settings = run.before.resources[name], run.settings_of(name)
    containers = [mapping(item) for item in items(mapping(resource.get("Properties")).get("ContainerDefinitions"))]
    secret = settings.text("AccessKeySecret")  # its ARN may be told, and the region that is in it
    public = canonical([name, secret, *([item.get("Name"), item.get("Image")] for item in containers)])
    values = [mapping(entry).get("Value") for item in containers for entry in items(item.get("Environment"))]
    values += _setting_values(settings)
    for value in values:
        if isinstance(value, str) and len(value) >= SHORTEST_SECRET and value not in public:
            yield value


def _setting_values(settings: Settings) -> list[Json]:
    tables = [settings.table(name).values() for name in ("AgentEnvironment", "WorkloadEnvironment")]
    return [value for table in tables for value in table]
