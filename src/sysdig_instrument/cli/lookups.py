"""Answer a plan's lookups with the caller's own credentials, or decline them all (``--offline``).

Three parties meet here: the document, the files found near it, and the caller, whose credentials are used. Anyone may
have written the document. So it does not decide what leaves the caller's account:

- A registry gets only the credentials that the caller has for it: RegistryCredentials, or Docker's. The secret that a
  container names in RepositoryCredentials is not read.
- An image that may depend on a value of the account (an SSM parameter, an export, a stack's output, a NoEcho parameter) is looked up only at
  a registry that the caller names in AllowedRegistries, or in the account's own Amazon ECR in this Region. The value could
  be in the name of the host or in the path, and even whether there is a lookup at all could tell something about it.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from functools import cache
from typing import TYPE_CHECKING, Final

from sysdig_instrument.cli.caller_values import CallerValues
from sysdig_instrument.cli.inputs import DocumentContext
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.ecr import EcrRepository
from sysdig_instrument.engine.expressions.parameters import MASKED, is_no_echo
from sysdig_instrument.engine.findings import Reason, quote
from sysdig_instrument.engine.globs import is_glob
from sysdig_instrument.engine.image_reference import InvalidReferenceError, parse_reference
from sysdig_instrument.engine.lookups import Answer, ImageLookup, Lookup, SsmLookup, StackOutputLookup, Unavailable
from sysdig_instrument.engine.plan import plan
from sysdig_instrument.errors import UsageError
from sysdig_instrument.lazy_dataclasses import dataclass, replace
from sysdig_instrument.lookup.session import LookupSession, make_lookup
from sysdig_instrument.planning import look_up_nothing

if TYPE_CHECKING:
    from sysdig_instrument.cli.builds import Builds
    from sysdig_instrument.cli.documents import InputDocument
    from sysdig_instrument.engine.json_types import Json
    from sysdig_instrument.engine.plan import Context
    from sysdig_instrument.planning import LookupFunction

_OFFLINE_ADVICE: Final = "Remove --offline, add the image to the --images file, read it from Docker with --docker, or give the container an EntryPoint, and a Command if the image has a CMD"

_OFFLINE_SSM_ADVICE: Final = "Remove --offline, or give the value with --ssm NAME=VALUE"


def look_up_from_options(
    options: argparse.Namespace,
    document: InputDocument,
    context: Context,
    environment: Mapping[str, str],
    session: Callable[[], LookupSession] | None = None,
) -> LookupFunction:
    """Return the function that answers a document's lookups: from registries and AWS, or with ``--offline`` none of them.

    The time limit LookupSeconds starts with this call, which also does the lookups that must not depend on the values of NoEcho
    parameters. ``session`` lets several files share one cache of images.
    """
    own = CallerValues.from_options(options, environment).with_file(context)
    builds_first = _builds_first(document, context)
    if options.offline or (isinstance(context, DocumentContext) and context.is_offline):
        return own.before(builds_first(own.before(_answer_offline)))
    get_session = session or shared_session(environment, options.profile)
    look_up = own.before(make_lookup(context.deployment_settings.values, context.region, get_session, lambda: math.inf))
    values = _AccountValues(
        document.fragment, document.with_transform_parameters(context), look_up, get_session, builds_first
    )
    values.look_up_without_values()
    return own.before(values.look_up)


def look_up_only_here(
    options: argparse.Namespace, environment: Mapping[str, str]
) -> Callable[[InputDocument, Context], LookupFunction]:
    """Return the function that makes, for a document, one that answers lookups with what is given here, and no others.

    Raises:
        UsageError: An option, or DOCKER_HOST, is wrong.
    """
    own = CallerValues.from_options(options, environment)

    def of_document(document: InputDocument, context: Context) -> LookupFunction:
        here = own.with_file(context)
        return here.before(_builds_first(document, context)(here.before(look_up_nothing)))

    return of_document


def _builds_first(document: InputDocument, context: Context) -> Callable[[LookupFunction], LookupFunction]:
    """Return the function that lets a document's Dockerfiles answer before another lookup function.

    What reads them is imported at the first lookup.
    """

    @cache
    def builds() -> Builds:
        from sysdig_instrument.cli.builds import Builds  # noqa: PLC0415 - only for a lookup

        return Builds.of_document(document, context)

    def before(look_up: LookupFunction) -> LookupFunction:
        def look_up_after_builds(lookups: Sequence[Lookup]) -> Mapping[Lookup, Answer]:
            return builds().before(look_up)(lookups)

        return look_up_after_builds

    return before


def shared_session(environment: Mapping[str, str], profile: str | None) -> Callable[[], LookupSession]:
    """Return a function that creates the lookup session at its first call, and returns the same one after that.

    Raises (the returned function):
        UsageError: The environment has an invalid proxy.
    """

    @cache
    def session() -> LookupSession:
        from sysdig_instrument.lookup.aws import AwsClients, aws_session  # noqa: PLC0415 - only for a lookup
        from sysdig_instrument.lookup.docker_config import DockerConfig  # noqa: PLC0415 - the same
        from sysdig_instrument.lookup.images import ImageCache  # noqa: PLC0415 - the same
        from sysdig_instrument.lookup.proxy import Proxy  # noqa: PLC0415 - the same

        try:
            proxy = Proxy.from_environment(environment)
        except ValueError as error:
            raise UsageError(f"{error}. Correct it or remove it from the environment.", code=Code.PROXY) from None
        return LookupSession(
            AwsClients(lambda: aws_session(profile)),
            ImageCache(),
            DockerConfig.from_environment(environment),
            proxy,
            reads_container_secrets=False,
        )

    return session


@dataclass(slots=True)
class _AccountValues:
    """Keeps values of the caller's account away from hosts that only the document names.

    The first lookups are those that the plan needs while no value is known. They are all done, whether or not a value shows
    that some are not needed, and none is repeated. All later ones may depend on a value. That also holds for the base
    images that Dockerfiles name.
    """

    fragment: Json
    context: Context
    answer: LookupFunction
    get_session: Callable[[], LookupSession]
    builds_first: Callable[[LookupFunction], LookupFunction]
    first_answers: dict[Lookup, Answer] | None = None

    def look_up_without_values(self) -> None:
        """Do the lookups that the plan would need if values of NoEcho parameters were masked, and the caller's account unknown."""
        context, values = self.context, self.context.parameter_values
        masked = {name: MASKED for name in values if is_no_echo(name, self.fragment)}
        has_account = isinstance(context, DocumentContext) and context.is_account_from_credentials
        if masked or has_account:
            without_values = replace(context, parameter_values={**values, **masked})
            if has_account:
                without_values = replace(without_values, account=None)
            self._look_up_first(plan(self.fragment, without_values).lookups)

    def look_up(self, lookups: Sequence[Lookup]) -> Mapping[Lookup, Answer]:
        """Answer the lookups that reveal nothing, or reveal it only to whom the caller names."""
        if self.first_answers is None:
            return self._look_up_first(lookups)
        known = self._known(lookups)
        answers = self.builds_first(self._answer_later)([lookup for lookup in lookups if lookup not in known])
        return {**known, **answers}

    def _look_up_first(self, lookups: Sequence[Lookup]) -> Mapping[Lookup, Answer]:
        first = self.first_answers = {}

        def answer_first(lookups: Sequence[Lookup]) -> Mapping[Lookup, Answer]:
            answers = self.answer(lookups)
            first.update({_without_secret(lookup): answer for lookup, answer in answers.items()})
            return answers

        answers = self.builds_first(answer_first)(lookups)
        first.update({_without_secret(lookup): answer for lookup, answer in answers.items()})
        return answers

    def _answer_later(self, lookups: Sequence[Lookup]) -> Mapping[Lookup, Answer]:
        known = self._known(lookups)
        others = [lookup for lookup in lookups if lookup not in known]
        declined = {lookup: _DEPENDS_ON_VALUE for lookup in others if not self._may_send(lookup)}
        answers = self.answer([lookup for lookup in others if lookup not in declined])
        return {**known, **declined, **answers}

    def _known(self, lookups: Sequence[Lookup]) -> dict[Lookup, Answer]:
        first = self.first_answers or {}
        return {lookup: first[_without_secret(lookup)] for lookup in lookups if _without_secret(lookup) in first}

    def _may_send(self, lookup: Lookup) -> bool:
        if isinstance(lookup, ImageLookup):
            return self._may_reach_registry(lookup.image)
        from sysdig_instrument.lookup.aws import Arn  # noqa: PLC0415 - only for a lookup

        if isinstance(lookup, StackOutputLookup) and (lookup.role or lookup.region != self.context.region):
            return False  # a value could choose the Region, and the account of a role would see it
        arn = Arn.parse(lookup.name)
        return arn is None or self._is_own_account(arn.account, arn.region)

    def _may_reach_registry(self, image: str) -> bool:
        try:
            reference = parse_reference(image)
        except InvalidReferenceError:
            return True  # it reaches no registry
        settings = self.context.deployment_settings
        is_from_caller = "AllowedRegistries" in settings.layers and not settings.layer("AllowedRegistries").is_found
        named = [pattern.lower() for pattern in settings.values.allowed_registries] if is_from_caller else []
        repository = EcrRepository.from_reference(reference)
        if repository is not None:  # a glob for Amazon ECR would name the registries of all accounts
            return reference.registry in named or self._is_own_account(repository.account, repository.region)
        return any(fnmatchcase(reference.registry, pattern) for pattern in named if _names_owner(pattern))

    def _is_own_account(self, account: str, region: str) -> bool:
        """Return whether this is the caller's account, and the Region of this run: a name may contain a value in either."""
        if region != self.context.region:
            return False
        context = self.context
        own = context.callers_account if isinstance(context, DocumentContext) else context.account
        return account == (own or self.get_session().clients.account(region))


def _names_owner(pattern: str) -> bool:
    """Return whether a pattern names a host, or all hosts below a domain (``*.example.com``).

    Another glob, such as ``*``, ``*example.com`` or ``registry.*``, would leave it to the document whose host it is.
    """
    domain = pattern.removeprefix("*.")
    return not is_glob(domain) and (domain == pattern or "." in domain)


_DEPENDS_ON_VALUE: Final = Unavailable(
    Reason(
        "It was not looked up, because its name, or whether it is needed, depends on the value of an SSM parameter, an export or "
        "a NoEcho parameter, or on your account, and only the template names the registry or the account that would see the lookup",
        "If it may see the value, name the registry: --set AllowedRegistries=HOST,… (with all others that are needed); for Amazon "
        "ECR in your own account, give --region. Otherwise give the container an EntryPoint, or the image's config with --images",
        code=Code.LOOKUP_WOULD_DISCLOSE,
    )
)


def _without_secret(lookup: Lookup) -> Lookup:
    """Return the lookup without the secret in RepositoryCredentials, which the tool does not read."""
    return ImageLookup(lookup.image, lookup.architecture) if isinstance(lookup, ImageLookup) else lookup


def _answer_offline(lookups: Sequence[Lookup]) -> Mapping[Lookup, Answer]:
    return {lookup: _unavailable_offline(lookup) for lookup in lookups}


def _unavailable_offline(lookup: Lookup) -> Unavailable:
    if isinstance(lookup, ImageLookup):
        try:
            parse_reference(lookup.image)
        except InvalidReferenceError as error:
            from sysdig_instrument.lookup.errors import invalid_reference  # noqa: PLC0415 - only for a mistake

            return invalid_reference(lookup.image, error)
    name = lookup.image if isinstance(lookup, ImageLookup) else lookup.name
    advice = _OFFLINE_SSM_ADVICE if isinstance(lookup, SsmLookup) else _OFFLINE_ADVICE
    return Unavailable(Reason(f"{quote(name)} is needed, but --offline prevents the lookup", advice, code=Code.OFFLINE))
