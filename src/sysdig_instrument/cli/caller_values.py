"""Answer lookups with what the caller gives: values of SSM parameters, and the images of the local Docker daemon.

Options give them, and the settings file of a document may give values of SSM parameters. They come before any registry and any AWS service. They stay on this machine, so they may answer
a lookup that is not sent to a registry because its name depends on a value of the account.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from sysdig_instrument.cli.inputs import DocumentContext
from sysdig_instrument.cli.value_files import parse_pairs
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.lookups import Answer, ImageLookup, Lookup, SsmLookup
from sysdig_instrument.errors import UsageError
from sysdig_instrument.lazy_dataclasses import dataclass

if TYPE_CHECKING:
    from sysdig_instrument.engine.plan import Context
    from sysdig_instrument.lookup.docker_engine import DockerEngine
    from sysdig_instrument.planning import LookupFunction


@dataclass(frozen=True, slots=True)
class CallerValues:
    """The values of SSM parameters by name, and the Docker daemon, if images may be read from it."""

    ssm: Mapping[str, str]
    docker: DockerEngine | None

    @classmethod
    def from_options(cls, options: argparse.Namespace, environment: Mapping[str, str]) -> CallerValues:
        """Return what the options give.

        Raises:
            UsageError: An option, or DOCKER_HOST, is wrong.
        """
        ssm = {name: str(value) for name, value in parse_pairs(options.ssm, "--ssm").items()}
        if not options.docker:
            return cls(ssm, None)
        from sysdig_instrument.lookup.docker_engine import DockerEngine  # noqa: PLC0415 - only for a lookup

        try:
            return cls(ssm, DockerEngine.from_environment(environment))
        except ValueError as error:
            raise UsageError(str(error), code=Code.DOCKER_DAEMON) from None

    def with_file(self, context: Context) -> CallerValues:
        """Return these values with those of the document's settings file, which the caller's own precede."""
        ssm = context.ssm if isinstance(context, DocumentContext) else {}
        return CallerValues({**ssm, **self.ssm}, self.docker)

    def before(self, look_up: LookupFunction) -> LookupFunction:
        """Return the function that answers what it can, and leaves the rest to another one.

        The other one is called each time, because its first call is the one before any value is known.
        """
        if not self.ssm and self.docker is None:
            return look_up

        def look_up_here_first(lookups: Sequence[Lookup]) -> Mapping[Lookup, Answer]:
            own = {lookup: answer for lookup in lookups if (answer := self._answer(lookup)) is not None}
            return {**own, **look_up([lookup for lookup in lookups if lookup not in own])}

        return look_up_here_first

    def _answer(self, lookup: Lookup) -> Answer | None:
        if isinstance(lookup, SsmLookup):
            return self.ssm.get(lookup.name)
        if isinstance(lookup, ImageLookup) and self.docker is not None:
            try:
                return self.docker.image(lookup)
            except ConnectionError as error:
                raise UsageError(str(error), code=Code.DOCKER_DAEMON) from None
        return None
