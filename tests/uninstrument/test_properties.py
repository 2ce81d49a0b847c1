"""What a plan writes can be taken out again: from random templates, and from each of the case folders."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings

from corpus.adapter import transform
from strategies import Scenario, malformed, scenarios
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.removal.entries import is_same
from sysdig_instrument.engine.removal.uninstrument import remove_all

thorough = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
REFUSED = {Code.REMOVAL_VALUE_LOST, Code.REMOVAL_NOT_KNOWN}


@thorough
@given(scenarios())
def test_the_template_comes_back_or_a_message_says_what_is_not_known(scenario: Scenario) -> None:
    outcome = transform(scenario.template, scenario.stack, scenario.settings, scenario.images)
    if outcome.refused:
        return
    removal = remove_all(outcome.output)
    if removal.problems:
        assert {each.reason.code for each in removal.problems} <= REFUSED
    else:
        assert is_same(removal.document, remove_all(scenario.template).document)


@thorough
@given(malformed())
def test_nothing_crashes(scenario: Scenario) -> None:
    remove_all(scenario.template, {"PidMode": True, "SYS_PTRACE": True, "EntryPoint": True, "Command": True})
    outcome = transform(scenario.template, scenario.stack, scenario.settings, scenario.images)
    if not outcome.refused:
        remove_all(outcome.output)
