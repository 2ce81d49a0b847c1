"""The entry point of watch's function: events of Amazon ECS that AWS CloudTrail recorded. ``watch.py`` does the work.

The function has a reserved concurrency of 1, so that two events never change one family at once. An event whose run fails is
repeated by Lambda, and goes to the dead letter queue in the end.
"""

from __future__ import annotations

import functools
import os
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from sysdig_instrument.aws_changes import Timer, clients_for_changes
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.settings.layers import merge_layers
from sysdig_instrument.errors import RefusedError, UserError
from sysdig_instrument.function import telemetry
from sysdig_instrument.function.handled_events import HandledEvents
from sysdig_instrument.function.macro_settings import settings_of_macro
from sysdig_instrument.function.memory import limit_memory, release
from sysdig_instrument.function.telemetry import logger, metrics
from sysdig_instrument.function.watch import Outcome, Status, Watch
from sysdig_instrument.function.watch_event import Ignored, Owner, Subject, parse_event
from sysdig_instrument.function.watch_message import limited, message_text, subject_line
from sysdig_instrument.lookup.auth import ANONYMOUS
from sysdig_instrument.lookup.aws import AwsClients, AwsError, call
from sysdig_instrument.lookup.images import ImageCache
from sysdig_instrument.lookup.session import LookupSession, make_lookup
from sysdig_instrument.services.ecs import Ecs

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from sysdig_instrument.engine.json_types import Json
    from sysdig_instrument.engine.settings.table import Settings
    from sysdig_instrument.planning import LookupFunction

limit_memory(os.environ)
telemetry.record_start()

_RESPONSE_RESERVE_SECONDS: Final = 10.0


class WatchFailedError(RefusedError):
    """An event could not be handled completely. Lambda repeats it."""

    def __init__(self, fact: str, advice: str) -> None:
        super().__init__(f"{fact}. {advice}.", code=Code.WATCH_FAILED)


_one_at_a_time: Final = threading.Lock()
"""For what calls the handler in threads. In AWS, the reserved concurrency does this."""


def handler(event: Json, context: LambdaContext) -> dict[str, Json]:
    """Handle an event.

    Raises:
        WatchFailedError: Something could not be read or done, and is to be repeated.
    """
    with _one_at_a_time:
        result: dict[str, Json] = _handler(event, context)
        return result


@logger.inject_lambda_context(clear_state=True, log_event=False)
@metrics.log_metrics
def _handler(event: Json, context: LambdaContext) -> dict[str, Json]:
    try:
        return _handle(event, context)
    except AwsError as error:
        failure = WatchFailedError(f"The event could not be judged: {error.fact('AWS')}", _ADVICE)
        telemetry.record_watch_failure(failure)
        raise failure from None
    except UserError as error:
        telemetry.record_watch_failure(error)
        raise
    except Exception as error:  # noqa: BLE001 - its text may quote the event, and Lambda would log it
        telemetry.record_watch_failure(error)
        release(error)
        raise WatchFailedError("Internal error of watch", "Report it to the platform team, with this log") from None


_ADVICE: Final = "Check the permissions that docs/watch.md lists; Lambda repeats the event"


def _handle(event: Json, context: LambdaContext) -> dict[str, Json]:
    owner = Owner.of_function(context.invoked_function_arn, os.environ.get("WATCH_ROLE", ""))
    subject = parse_event(event, owner)
    if isinstance(subject, Ignored) or _handled().is_complete(subject.event_id):
        why = subject.why if isinstance(subject, Ignored) else "this event was handled already"
        outcome = Outcome(Status.IGNORED, why)
        telemetry.record_watched(outcome.as_json)
        return outcome.as_json
    if message := _handled().unsent(subject.event_id):
        _publish(subject, message, owner)
    outcome = _watch(owner, context).handle(subject)
    return _finish(outcome, subject, owner)


def _finish(outcome: Outcome, subject: Subject, owner: Owner) -> dict[str, Json]:
    """Record and report an outcome.

    Raises:
        WatchFailedError: Something is to be repeated.
    """
    value = limited(outcome.as_json)
    telemetry.record_watched(value)
    if outcome.status is Status.UNPROTECTED:
        _publish(subject, message_text(value), owner)
    if not outcome.is_complete:
        raise WatchFailedError(f"{subject.what} was not repaired completely", "The line «watched» of this log says why")
    _handled().keep_complete(subject.event_id)
    return value


def _publish(subject: Subject, message: str, owner: Owner) -> None:
    """Send a message to the topic, unless it was sent.

    Raises:
        WatchFailedError: It could not be sent.
    """
    topic = os.environ.get("WATCH_TOPIC")
    if not topic or _handled().is_reported(subject.event_id, message):
        return
    title = subject_line(subject.what or subject.event_name)
    _handled().keep_unsent(subject.event_id, message)
    try:
        call(_readers().client("sns", owner.region).publish, TopicArn=topic, Subject=title, Message=message)
    except AwsError as error:
        raise WatchFailedError(f"The report was not published: {error.fact('Amazon SNS')}", _ADVICE) from None
    _handled().keep_reported(subject.event_id, message)


def _watch(owner: Owner, context: LambdaContext) -> Watch:
    settings = merge_layers(settings_of_macro(_readers(), owner.region, os.environ))

    def remaining_seconds() -> float:
        return context.get_remaining_time_in_millis() / 1000 - _RESPONSE_RESERVE_SECONDS

    def look_up(values: Settings) -> LookupFunction:
        get_session = functools.partial(_lookup_session, values.tag_cache_seconds)
        return make_lookup(values, owner.region, get_session, remaining_seconds)

    ecs = Ecs(_readers().client("ecs", owner.region), _writers().client("ecs", owner.region), time.sleep)
    repairs: Callable[[Settings], LookupFunction] | None = look_up if os.environ.get("WATCH") == "REMEDIATE" else None
    return Watch(ecs, owner, settings, repairs, Timer(time.monotonic, time.sleep))


@functools.cache
def _handled() -> HandledEvents:
    return HandledEvents()


@functools.cache
def _readers() -> AwsClients:
    return AwsClients()


@functools.cache
def _writers() -> AwsClients:
    return clients_for_changes()


@functools.cache
def _lookup_session(tag_cache_seconds: int) -> LookupSession:
    return LookupSession(
        _readers(), ImageCache(tag_ttl_seconds=tag_cache_seconds), ANONYMOUS, reads_container_secrets=False
    )
