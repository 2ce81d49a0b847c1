"""The entry points: verify an output, and say for which reasons an input may be refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from oracle.comparison import Comparison, Run, compare
from oracle.evaluate import StackInputs
from oracle.express_services import not_convertible, with_task_definitions
from oracle.findings import Finding
from oracle.images import Images
from oracle.loop_items import differing_loops
from oracle.refusal import find_reasons
from oracle.settings import Settings
from oracle.task import check_task
from oracle.template_diff import check_template_diff
from oracle.values import Json, canonical, items, mapping, same
from oracle.workload import workload_variables

MIN_SECRET_LENGTH = 6  # shorter values occur by chance in names and counts


def verify_output(  # noqa: PLR0913 - the result depends on this many things, each named at the call
    before: Json,
    after: Json,
    *,
    stack: StackInputs,
    settings: Mapping[str, Json],
    images: Images,
    condition_overrides: Mapping[str, bool] | None = None,
) -> list[Finding]:
    """Return everything that is wrong with an output.

    With `condition_overrides`, the output is verified as if these conditions had other values than in the run.
    """
    run = Run.of(with_task_definitions(before, settings), stack)
    return verify_run(run, after, settings=settings, images=images, condition_overrides=condition_overrides)


def verify_run(
    run: Run,
    after: Json,
    *,
    settings: Mapping[str, Json],
    images: Images,
    condition_overrides: Mapping[str, bool] | None = None,
) -> list[Finding]:
    """Return everything that is wrong with the output of a run, as `verify_output` does."""
    comparison = compare(run, after, settings=settings, images=images, condition_overrides=condition_overrides)
    findings: list[Finding] = []
    if not condition_overrides:
        findings += check_template_diff(run.template, after, _replaced_variables(comparison))
        required = [reason for reason, is_required in find_reasons(comparison).items() if is_required]
        findings += [Finding("the template", f"should have been refused: {reason}") for reason in required]
        services = set(not_convertible(run.template, settings)) - set(run.evaluated.inactive)
        findings += [Finding(name, "an Express Mode service that cannot be converted") for name in sorted(services)]
    if set(comparison.before.resources) != set(comparison.after.resources):
        findings.append(Finding("Resources", "the logical ids changed"))
    for name in comparison.before.task_definitions():
        findings += check_task(comparison, name)
        findings += _check_result(comparison, name)
    return findings


def refusal_reasons(
    before: Json, *, stack: StackInputs, settings: Mapping[str, Json], images: Images
) -> dict[str, bool]:
    """Return the valid reasons for refusing this input, each with whether a refusal is required."""
    before = with_task_definitions(before, settings)
    run = Run.of(before, stack)
    comparison = compare(run, before, settings=settings, images=images, condition_overrides=None)
    found = find_reasons(comparison)
    for reason in differing_loops(comparison):
        found.setdefault(reason, False)
    if any(not_convertible(before, settings)):
        found["express-service-not-convertible"] = True
    return found


def _replaced_variables(comparison: Comparison) -> frozenset[str]:
    """Return the names of variables whose values the settings decide."""
    of_tasks = [comparison.settings_of(name) for name in comparison.before.task_definitions()]
    of_containers = [
        settings.with_layer(layer) for settings in of_tasks for layer in settings.object("Containers").values()
    ]
    return frozenset(name for settings in (*of_tasks, *of_containers) for name in workload_variables(settings))


def _check_result(comparison: Comparison, name: str) -> Iterator[Finding]:
    """Check `SysdigInstrument.Result` in the Metadata: present where something changed, and free of secrets."""
    resource = comparison.after.resources.get(name, {})
    result = mapping(mapping(resource.get("Metadata")).get("SysdigInstrument")).get("Result")
    if result is None:
        if not same(comparison.before.resources[name].get("Properties"), resource.get("Properties")):
            yield Finding(f"{name}.Metadata", "SysdigInstrument.Result is missing")
        return
    text = canonical(result)
    for value in _private_values(comparison, name):
        if value in text:
            yield Finding(f"{name}.Metadata", "SysdigInstrument.Result holds the value of a variable")


def _private_values(comparison: Comparison, name: str) -> Iterator[str]:
    resource, settings = comparison.before.resources[name], comparison.settings_of(name)
    containers = [mapping(item) for item in items(mapping(resource.get("Properties")).get("ContainerDefinitions"))]
    secret = settings.string("AccessKeySecret")  # its ARN is public, and so is the region in it
    public = canonical([name, secret, *([item.get("Name"), item.get("Image")] for item in containers)])
    values = [mapping(entry).get("Value") for item in containers for entry in items(item.get("Environment"))]
    values += _environment_settings(settings)
    for value in values:
        if isinstance(value, str) and len(value) >= MIN_SECRET_LENGTH and value not in public:
            yield value


def _environment_settings(settings: Settings) -> list[Json]:
    names = ("AgentEnvironment", "WorkloadEnvironment")
    return [value for name in names for value in settings.object(name).values()]
