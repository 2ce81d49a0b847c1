"""``sysdig-instrument images``: print the ENTRYPOINT and CMD of the images whose containers do not set them."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from itertools import starmap

from sysdig_instrument.cli.batch import check_parameters
from sysdig_instrument.cli.build_notices import build_text
from sysdig_instrument.cli.callers_account import with_callers_account
from sysdig_instrument.cli.console import write_stderr, write_stdout
from sysdig_instrument.cli.documents import input_document
from sysdig_instrument.cli.exit_codes import EXIT_OK
from sysdig_instrument.cli.harmless import json_text, sanitize
from sysdig_instrument.cli.inputs import context_for_file
from sysdig_instrument.cli.lookups import look_up_from_options, shared_session
from sysdig_instrument.cli.messages import Messages
from sysdig_instrument.cli.output_file import write_output_file
from sysdig_instrument.cli.run_notices import RunNotices
from sysdig_instrument.documents import load
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.expressions.scope import section
from sysdig_instrument.engine.findings import Finding, Problem, quote, without_names
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.lookups import Answer, ImageConfig, ImageLookup, Lookup, Unavailable, is_build_known
from sysdig_instrument.engine.macro_line import tasks_without_line
from sysdig_instrument.engine.plan import Plan
from sysdig_instrument.engine.task_plan import Status
from sysdig_instrument.errors import RefusedError, UsageError
from sysdig_instrument.planning import LookupFunction, plan_with_lookups
from sysdig_instrument.printable import Hidden, printable_name


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Print the images with their configs, and write the configs to a file for ``--images``.

    Raises:
        RefusedError: Some images could not be read, or are not known. The file has the others.
        UsageError: An option or a file is wrong.
    """
    context = context_for_file(options, environment, options.file)
    document = input_document(load(options.file))
    check_parameters(options, section(document.fragment, "Parameters"))
    recorded: dict[ImageLookup, Answer] = {}
    session = shared_session(environment, options.profile)
    context = with_callers_account(options, document, context, session)
    plan = plan_with_lookups(
        document.fragment,
        document.with_transform_parameters(context),
        _recording_look_up(look_up_from_options(options, document, context, environment, session), recorded),
    )
    notices = RunNotices(options)
    notices.record_image_configs(plan)
    notices.write()
    line = document.macro_line(context)
    if line and (line.is_listed or tasks_without_line(line, plan.tasks)):
        Messages(options, environment).write_line("notice", line, document)
    writes_configs = options.output == "-"
    unnamed = list(_without_name(plan))
    for text in (*starmap(_image_text, recorded.items()), *(sanitize(finding.coded_text) for finding in unnamed)):
        (write_stderr if writes_configs else _write_line)(text)
    if options.output:
        configs = {**context.deployment_settings.values.image_configs, **_image_configs(recorded)}
        content = json_text(configs)
        if writes_configs:
            _write_line(content)
        else:
            write_output_file(options.output, f"{content}\n".encode())
    unread = [lookup.image for lookup, answer in recorded.items() if isinstance(answer, Unavailable)]
    failures = [f"{len(unread)} of {len(recorded)} images could not be read."] if unread else []
    if unnamed:
        failures.append(f"Containers whose image is not known: {len(unnamed)}.")
    if failures:
        raise RefusedError(" ".join(failures), code=Code.IMAGES_UNREAD)
    if not recorded:
        write_stderr("No image has to be read.")
    return EXIT_OK


def _without_name(plan: Plan) -> Iterator[Finding]:
    """Yield why the image of a container is needed and not known, and why the containers of a task definition are not.

    An image that was looked up is listed with its answer.
    """
    for task in plan.tasks:
        if task.outcome.status is Status.REFUSED and not task.containers:
            yield from (finding for finding in task.findings if isinstance(finding, Problem))
        unread = {(*container.pointer, "Image") for container in task.containers if container.image_unread}
        for finding in task.findings:
            if finding.location.pointer in unread and not finding.reason.stable_fact:
                yield finding


def _write_line(text: str) -> None:
    write_stdout(f"{text}\n")


def _recording_look_up(look_up: LookupFunction, recorded: dict[ImageLookup, Answer]) -> LookupFunction:
    def look_up_and_record(lookups: Sequence[Lookup]) -> Mapping[Lookup, Answer]:
        answers = look_up(lookups)
        images = {lookup: answers[lookup] for lookup in lookups if isinstance(lookup, ImageLookup)}
        listed = {each: answer for each, answer in images.items() if each.is_resolved or is_build_known(answer)}
        recorded.update(listed)
        return answers

    return look_up_and_record


def _image_text(lookup: ImageLookup, answer: Answer) -> str:
    name = f"{printable_name(lookup.image)} ({lookup.architecture})"
    if isinstance(answer, ImageConfig):
        entrypoint, command = (json_text(list(each), indent=None) for each in (answer.entrypoint, answer.cmd))
        source = f"\n    from       {build_text(answer.build)}" if answer.build else ""
        return f"{name}\n    ENTRYPOINT {entrypoint}\n    CMD        {command}{source}"
    if isinstance(answer, Unavailable):
        reason = without_names(answer.reason, lookup.image) if isinstance(lookup.image, Hidden) else answer.reason
        return f"{name}\n    {sanitize(reason.coded_text)}"
    return name


def _image_configs(recorded: Mapping[ImageLookup, Answer]) -> dict[str, Json]:
    """Return the value of ImageConfigs for the images that could be read.

    Raises:
        UsageError: An image has different commands on different platforms, which ImageConfigs cannot express.
    """
    configs: dict[str, Json] = {}
    for lookup, answer in recorded.items():
        if isinstance(answer, ImageConfig) and lookup.is_resolved:
            config: Json = {"Entrypoint": list(answer.entrypoint), "Cmd": list(answer.cmd)}
            if configs.setdefault(lookup.image, config) != config:
                raise UsageError(
                    f"{quote(lookup.image)} has different commands on different platforms, and a file of image configs can hold only one. "
                    "Leave the image out of the file, so that its registry is contacted.",
                    code=Code.PLATFORMS_DIFFER,
                )
    return configs
