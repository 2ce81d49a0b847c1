"""The stacks of accounts and Regions, and their assessments: ``stacks`` and ``inventory --stacks`` have them from here.

The settings are those of each Region: with ``--from-macro``, of the macro that is deployed there. What cannot be read is a row, and
everything else is still read.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Final

from sysdig_instrument.aws_changes import clients_for_changes
from sysdig_instrument.cli.documents import InputDocument
from sysdig_instrument.cli.inputs import account_inputs
from sysdig_instrument.cli.lookups import look_up_from_options, shared_session
from sysdig_instrument.coverage.accounts import Role, parse_roles
from sysdig_instrument.coverage.ecs import AwsAccount
from sysdig_instrument.documents import Document
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Reason, quote
from sysdig_instrument.engine.plan import Context
from sysdig_instrument.engine.settings.layers import ResolvedSettings
from sysdig_instrument.errors import UsageError, UserError
from sysdig_instrument.lazy_dataclasses import dataclass, replace
from sysdig_instrument.lookup.aws import AwsClients, AwsError, AwsSession, aws_session, session_of_role
from sysdig_instrument.lookup.session import LookupSession
from sysdig_instrument.planning import LookupFunction, look_up_nothing
from sysdig_instrument.stacks.change_sets import ChangeSets
from sysdig_instrument.stacks.model import Stack, UnreadStack
from sysdig_instrument.stacks.read import ReadStack, read_stacks
from sysdig_instrument.stacks.updates import LookUpFor

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


@dataclass(frozen=True, slots=True)
class FoundStack:
    """A stack, or what could not be read, with the settings of its Region and the lookups of its account."""

    found: ReadStack
    settings: ResolvedSettings
    look_up_for: LookUpFor


IsWanted = Callable[[Document, str], bool]
"""Returns whether a stack with this submitted template is wanted. It gets the name of the macro, too."""


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
        self._roles = _by_account(
            parse_roles(options.role, options.accounts, options.role_name, self._default_region or "")
        )
        self._accounts: dict[str, _Account] = {}
        self._macro_names: dict[tuple[str, str], str] = {}
        self._unmatched: list[str] = list(options.stack)
        self._has_unread_place = False
        self._own = AwsAccount.from_session(lambda: aws_session(options.profile), self._default_region)
        self._regions = None if options.all_regions else self._own.regions(options.region)

    def read(self, is_wanted: IsWanted) -> Iterator[FoundStack]:
        """Yield the stacks whose submitted template is wanted, and what could not be read."""
        for number, role in self._roles.items():
            try:
                account = self._account(role, number)
                regions = self._regions or account.account.all_regions()
            except UserError as error:
                yield self._unread_place(Stack(account=number, region="", name=""), error)
                continue
            for region in regions:
                yield from self._in_region(account, region, is_wanted)

    def require_matches(self, kind: str) -> None:
        """Require that each name in ``--stack`` is that of a stack that was wanted. ``kind`` says which ones are.

        Raises:
            UsageError: One is not.
        """
        if self._unmatched and not self._has_unread_place:
            raise UsageError(
                f"No {kind} matches {quote(self._unmatched[0])}. Check the name, the Region and the account.",
                code=Code.OPTION_VALUE,
            )

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
            return session  # the same for all clients, so that a role is assumed once

        def lookup_session() -> LookupSession:
            return replace(self._lookup_session(), clients=AwsClients(make_session))

        account = self._accounts[number] = _Account(
            number,
            AwsAccount.from_session(make_session, self._default_region),
            clients_for_changes(make_session),
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

    def _in_region(self, account: _Account, region: str, is_wanted: IsWanted) -> Iterator[FoundStack]:
        try:
            resolved = self._settings_in(account, region)
        except UserError as error:
            yield self._unread_place(Stack(account=account.number, region=region, name=""), error)
            return
        self._macro_names[account.number, region] = name = resolved.values.macro_name
        for found in read_stacks(account.account.clients, [region], lambda original: is_wanted(original, name)):
            self._has_unread_place |= isinstance(found, UnreadStack)
            self._unmatched = [glob for glob in self._unmatched if not _matches(found.stack.name, [glob])]
            if not found.stack.name or _is_selected(found.stack.name, self._options):
                yield FoundStack(_with_account(found, account.number), resolved, self._look_up_in(account))

    def _unread_place(self, stack: Stack, error: UserError) -> FoundStack:
        self._has_unread_place = True
        reason = Reason(error.text.removesuffix("."), code=error.code or Code.NOT_READ)
        return FoundStack(UnreadStack(stack, reason), self._settings, lambda _original, _context: look_up_nothing)

    def _look_up_in(self, account: _Account) -> LookUpFor:
        def look_up_for(original: Document, context: Context) -> LookupFunction:
            document = InputDocument(replace(original, name=_STANDARD_INPUT), "template", original.value)
            return look_up_from_options(self._options, document, context, self._environment, account.lookup_session)

        return look_up_for

    def _settings_in(self, account: _Account, region: str) -> ResolvedSettings:
        if not self._options.from_macro:
            return self._settings
        options = copy.copy(self._options)
        options.region = [region]
        return account_inputs(options, self._environment, account.make_session)[0]


def _with_account(found: ReadStack, number: str) -> ReadStack:
    """Return what was found, with the account of what could not be read."""
    if isinstance(found, UnreadStack) and not found.stack.account:
        return replace(found, stack=replace(found.stack, account=number))
    return found


def _by_account(roles: Iterable[Role]) -> dict[str, str | None]:
    """Return the roles by their accounts. Without any, there is the account of the credentials, with an empty number.

    Raises:
        UsageError: Two are of the same account.
    """
    found: dict[str, str | None] = {}
    for role in roles:
        if role.account in found:
            raise UsageError(
                f"Two of --role are roles of account {role.account}. Give one for each account.",
                code=Code.OPTION_VALUE,
            )
        found[role.account] = role.arn
    return found or {"": None}


def _is_selected(name: str, options: argparse.Namespace) -> bool:
    return (not options.stack or _matches(name, options.stack)) and not _matches(name, options.leave)


def _matches(name: str, globs: Iterable[str]) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs)
