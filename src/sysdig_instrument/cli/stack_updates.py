"""The stacks of accounts and Regions that list the macro, each with what an update would change today.

The settings are those of each Region: with ``--from-macro``, of the macro that is deployed there. What cannot be read is a row, and
everything else is still read.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Final

from sysdig_instrument.cli.documents import InputDocument
from sysdig_instrument.cli.inputs import account_inputs
from sysdig_instrument.cli.lookups import look_up_from_options, shared_session
from sysdig_instrument.coverage.ecs import AwsAccount
from sysdig_instrument.documents import Document
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Reason, quote
from sysdig_instrument.engine.plan import Context
from sysdig_instrument.engine.settings.layers import ResolvedSettings
from sysdig_instrument.errors import UsageError, UserError
from sysdig_instrument.lazy_dataclasses import dataclass, replace
from sysdig_instrument.lookup.aws import Arn, AwsClients, AwsError, AwsSession, aws_session, session_of_role
from sysdig_instrument.lookup.session import LookupSession
from sysdig_instrument.planning import LookupFunction
from sysdig_instrument.stacks.change_sets import ChangeSets
from sysdig_instrument.stacks.model import Stack, UnreadStack
from sysdig_instrument.stacks.read import NESTED_TOO_DEEPLY, ReadStack, read_stacks
from sysdig_instrument.stacks.updates import StackState, StackUpdate, assess_update, lists_macro

_WRITE_TIMEOUT: Final = 30
_STANDARD_INPUT: Final = "-"  # a document of this name has no files beside it
_DEFAULT_REGION: Final = "us-east-1"  # for AWS STS, which answers in each Region


@dataclass(frozen=True, slots=True)
class _Account:
    """An account: its number if a role names it, its clients to read and to write, and the session for lookups."""

    number: str
    account: AwsAccount
    writers: AwsClients
    make_session: Callable[[], AwsSession]
    lookup_session: Callable[[], LookupSession]


class StackAccounts:
    """The accounts of the caller's credentials, or of the roles that the options name."""

    def __init__(
        self, options: argparse.Namespace, environment: Mapping[str, str], sleep: Callable[[float], object]
    ) -> None:
        self._options = options
        self._sleep = sleep
        self._environment = environment
        without_macro = copy.copy(options)
        without_macro.from_macro = None
        self._settings, self._default_region = account_inputs(without_macro, environment)
        self._lookup_session = shared_session(environment, options.profile)
        self._roles = _by_account(options.role)
        self._accounts: dict[str, _Account] = {}
        self._macro_names: dict[tuple[str, str], str] = {}
        self.unmatched: list[str] = list(options.stack)
        self._own = AwsAccount.from_session(lambda: aws_session(options.profile), self._default_region)
        self._regions = None if options.all_regions else self._own.regions(options.region)

    def updates(self) -> Iterator[StackUpdate]:
        """Yield the stacks that list the macro, and what could not be read."""
        for number, role in self._roles.items():
            try:
                account = self._account(role, number)
                regions = self._regions or account.account.all_regions()
            except UserError as error:
                yield _unread(Stack(account=number, region="", name=""), _reason(error))
                continue
            for region in regions:
                yield from self._in_region(account, region)

    def change_sets(self, stack: Stack) -> ChangeSets:
        """Return CloudFormation in the account and the Region of a stack."""
        account = self._accounts.get(stack.account) or self._accounts[""]
        reader = account.account.clients.client("cloudformation", stack.region)
        return ChangeSets(
            reader, account.writers.client("cloudformation", stack.region), self._sleep, self._macro_name(stack)
        )

    def _macro_name(self, stack: Stack) -> str:
        here = self._macro_names
        return here.get((stack.account, stack.region)) or here.get(("", stack.region), "")

    def _account(self, role: str | None, number: str) -> _Account:
        session = aws_session(self._options.profile)
        if role is not None:
            session = self._session_of_role(role, session)

        def make_session() -> AwsSession:
            return session

        def lookup_session() -> LookupSession:
            return replace(self._lookup_session(), clients=AwsClients(make_session))

        account = self._accounts[number] = _Account(
            number,
            AwsAccount.from_session(make_session, self._default_region),
            AwsClients(make_session, read_timeout=_WRITE_TIMEOUT, max_attempts=1),
            make_session,
            lookup_session if role else self._lookup_session,
        )
        return account

    def _session_of_role(self, role: str, own: AwsSession) -> AwsSession:
        region = next(iter(self._regions or ()), self._default_region or _DEFAULT_REGION)
        try:
            return session_of_role(own, role, region)
        except AwsError as error:
            raise UsageError(
                f"AssumeRole: {error.fact('AWS STS')}. Allow sts:AssumeRole on the role, here and in its trust policy.",
                code=Code.NOT_READ,
            ) from None

    def _in_region(self, account: _Account, region: str) -> Iterator[StackUpdate]:
        try:
            resolved = self._settings_in(account, region)
        except UserError as error:
            yield _unread(Stack(account=account.number, region=region, name=""), _reason(error))
            return
        self._macro_names[account.number, region] = name = resolved.values.macro_name
        for found in read_stacks(account.account.clients, [region], lambda original: lists_macro(original, name)):
            self.unmatched = [glob for glob in self.unmatched if not _matches(found.stack.name, [glob])]
            if not found.stack.name or _is_selected(found.stack.name, self._options):
                yield self._update(account, found, resolved)

    def _settings_in(self, account: _Account, region: str) -> ResolvedSettings:
        if not self._options.from_macro:
            return self._settings
        options = copy.copy(self._options)
        options.region = [region]
        return account_inputs(options, self._environment, account.make_session)[0]

    def _update(self, account: _Account, found: ReadStack, resolved: ResolvedSettings) -> StackUpdate:
        if isinstance(found, UnreadStack):
            stack = found.stack if found.stack.account else replace(found.stack, account=account.number)
            return _unread(stack, found.reason)

        def look_up_for(original: Document, context: Context) -> LookupFunction:
            document = InputDocument(replace(original, name=_STANDARD_INPUT), "template", original.value)
            return look_up_from_options(self._options, document, context, self._environment, account.lookup_session)

        try:
            return assess_update(found, resolved, look_up_for)
        except RecursionError:
            return _unread(found.stack, NESTED_TOO_DEEPLY)


def _by_account(roles: Iterable[str]) -> dict[str, str | None]:
    """Return the roles by their accounts. Without any, there is the account of the credentials, with an empty number.

    Raises:
        UsageError: One is not the ARN of a role, or two are of the same account.
    """
    found: dict[str, str | None] = {}
    for role in dict.fromkeys(roles):
        arn = Arn.parse(role)
        if arn is None or arn.service != "iam" or not arn.resource.startswith("role/"):
            raise UsageError(
                f"--role {quote(role)} is not the ARN of an IAM role. Give its ARN.", code=Code.OPTION_VALUE
            )
        if arn.account in found:
            raise UsageError(
                f"Two of --role are roles of account {quote(arn.account)}. Give one for each account.",
                code=Code.OPTION_VALUE,
            )
        found[arn.account] = role
    return found or {"": None}


def _is_selected(name: str, options: argparse.Namespace) -> bool:
    return (not options.stack or _matches(name, options.stack)) and not _matches(name, options.leave)


def _matches(name: str, globs: Iterable[str]) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs)


def _unread(stack: Stack, reason: Reason) -> StackUpdate:
    return StackUpdate(stack, StackState.UNREADABLE, reason=reason)


def _reason(error: UserError) -> Reason:
    return Reason(error.text.removesuffix("."), code=error.code or Code.NOT_READ)
