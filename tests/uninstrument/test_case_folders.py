"""What is written into the template of each case goes again: byte for byte, or a message says what is not known."""

from __future__ import annotations

import functools
import json

import pytest

from case_folders import ACCOUNT, CASES, REGION, Case
from sysdig_instrument.cli.documents import input_document
from sysdig_instrument.cli.removals import remove_from
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.plan import Context
from sysdig_instrument.engine.removal.entries import is_same
from sysdig_instrument.engine.settings.layers import Layer, merge_layers
from test_cases import event_of
from uninstrument.round_trip import RoundTrip, round_trip

VALUE_LOST = {
    "agent-image-under-fn-if": "one of the two agents was there",
    "command-find-in-map-default-no-value": "the default was replaced",
    "entry-point-elements-all-no-value": "items under conditions became a list for each",
    "entry-point-find-in-map-default-no-value": "the default was replaced",
    "entry-point-item-find-in-map-default-no-value": "items under conditions became a list for each",
    "environment-user-set-sidecar-mode": "the value of a variable was replaced",
    "environment-user-set-sidecar-mode-conditional": "the value of a variable was replaced",
    "express-service-convert": "PrimaryContainer became a task definition",
    "express-service-convert-in-metadata": "PrimaryContainer became a task definition",
    "opt-out-tag-corrected": "the value of a tag was replaced",
}
"""Cases in which a value was replaced, which no record may have."""

OTHER_TEXT = {
    "entry-point-command-image-conditions-combine": "AWS::NoValue in quotes and without",
    "entry-point-find-in-map-default-no-value-not-taken": "a function that was inside another one was in flow style",
}
"""Cases in which the value is the same, and its text is not."""


def trip_of(case: Case) -> RoundTrip | None:
    parameters = {} if case.is_plain else event_of(case)["templateParameterValues"]
    context = Context(
        deployment_settings=merge_layers(Layer("the case", case.settings)),
        parameter_values=parameters,
        region=REGION,
        account=ACCOUNT,
    )
    return round_trip(case.document, context, case.answers)


@functools.cache
def trips() -> dict[str, RoundTrip]:
    """Return the round trip of each case that is not refused, and whose document has nothing of the agent."""
    found = {}
    for case in CASES:
        removal, _ = remove_from(case.document, input_document(case.document).kind, {})
        if not removal.changes and not removal.problems and (trip := trip_of(case)):
            found[case.name] = trip
    return found


def test_every_case_comes_back() -> None:
    assert len(trips()) > 150
    refused = {name: trip.removal.problems for name, trip in trips().items() if trip.removal.problems}
    assert refused.keys() == VALUE_LOST.keys()
    assert {each.reason.code for problems in refused.values() for each in problems} == {Code.REMOVAL_VALUE_LOST}
    done = {name: trip for name, trip in trips().items() if name not in refused}
    assert [name for name, trip in done.items() if not is_same(trip.after.value, trip.before.value)] == []
    assert {name for name, trip in done.items() if not trip.is_exact} <= OTHER_TEXT.keys()


def test_most_need_no_record() -> None:
    recorded = [name for name, trip in trips().items() if '"Undo"' in json.dumps(trip.instrumented.value)]
    assert len(recorded) < len(trips()) / 3


@pytest.mark.parametrize("name", ["already-instrumented-by-kilt", "already-instrumented-by-hand"])
def test_what_another_tool_wrote_is_asked_for(name: str) -> None:
    (case,) = (each for each in CASES if each.name == name)
    removal, _ = remove_from(case.document, "template", {})
    assert {each.reason.code for each in removal.problems} == {Code.REMOVAL_NOT_KNOWN}
    added = {"PidMode": True, "SYS_PTRACE": True, "EntryPoint": False}
    answered, after = remove_from(case.document, "template", added)
    assert answered.problems == ()
    assert "sysdig" not in after.text.lower().replace("metadata", "").replace("sysdiginstrument:", "")
    assert "draios" not in after.text
