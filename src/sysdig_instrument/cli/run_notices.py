"""Notices for a whole run: they would be the same for each of its files."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Final

from sysdig_instrument.cli.console import write_stderr
from sysdig_instrument.cli.exit_codes import EXIT_REFUSED
from sysdig_instrument.cli.inputs import DocumentContext
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Reason, quote
from sysdig_instrument.engine.globs import is_glob
from sysdig_instrument.engine.lookups import ImageConfig, SsmLookup
from sysdig_instrument.engine.plan import Plan, agent_image_notices, unpinned_agent_images
from sysdig_instrument.engine.settings.layers import ResolvedSettings
from sysdig_instrument.engine.settings.table import BY_NAME
from sysdig_instrument.engine.suggestions import did_you_mean
from sysdig_instrument.engine.unused_configs import unused_entries_reason
from sysdig_instrument.lazy_dataclasses import dataclass, field
from sysdig_instrument.printable import printable_name

_SETTING: Final = "ImageConfigs"
_CALLERS_ACCOUNT: Final = Reason(
    "AWS::AccountId is the account of your AWS credentials",
    "Give --account-id if it is deployed in another one",
    code=Code.CALLERS_ACCOUNT,
)
_NAMES_OF_CONTAINERS: Final = ("ExcludeContainers", "IncludeContainers")


@dataclass(slots=True)
class Recorded:
    """A record of what the plans of a run use. For files that another process has processed, that process has made it."""

    given: dict[str, None] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    agent_images: dict[str, None] = field(default_factory=dict)
    containers: set[str] = field(default_factory=set)
    has_unknown_names: bool = False
    names: dict[tuple[str, str], None] = field(default_factory=dict)
    has_callers_account: bool = False
    ssm_needed: dict[str, None] = field(default_factory=dict)
    help_text: str | None = None

    def add(self, later: Recorded) -> None:
        """Add what was recorded for a file whose turn is after all that are recorded here."""
        self.given |= later.given
        self.used |= later.used
        self.agent_images |= later.agent_images
        self.containers |= later.containers
        self.has_unknown_names |= later.has_unknown_names
        self.names |= later.names
        self.has_callers_account |= later.has_callers_account
        self.ssm_needed |= later.ssm_needed
        if later.help_text is not None:
            self.help_text = later.help_text


class RunNotices:
    """Collects what the plans of a run use: agent's images without a version, entries of ``--images``, names in ``--set``.

    What none of the files needs is most likely misspelt.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self._file: str | None = options.images[-1] if options.images else None
        self._ssm_given = tuple(each.partition("=")[0] for each in options.ssm)
        self.recorded = Recorded()

    def record_settings(self, resolved: ResolvedSettings) -> None:
        """Record what ends the refusals of a run: HelpText."""
        self.recorded.help_text = resolved.values.help_text

    def record(self, plan: Plan) -> None:
        """Record what a plan used."""
        self.recorded.agent_images |= dict.fromkeys(unpinned_agent_images(plan))
        self.record_image_configs(plan)

    def record_image_configs(self, plan: Plan) -> None:
        """Record the entries that a plan used, in a command that writes no agent's container."""
        context = plan.context
        self._record_names(plan)
        self.recorded.ssm_needed |= {each.name: None for each in context.answers if isinstance(each, SsmLookup)}
        self.recorded.has_callers_account |= (
            isinstance(context, DocumentContext) and context.is_account_from_credentials
        )
        layer = plan.context.deployment_settings.layer(_SETTING)
        if self._file is None or layer.name != self._file:
            return  # --set or a settings file gives them: they may be the deployment's, which serve many templates
        given = layer.values.get(_SETTING)
        self.recorded.given |= dict.fromkeys(given) if isinstance(given, dict) else {}
        self.recorded.used |= {
            use.key for use in plan.used_configs if (use.setting, use.layer) == (_SETTING, self._file)
        }
        answers = context.answers.values()
        self.recorded.used |= {
            each.build.config_key for each in answers if isinstance(each, ImageConfig) and each.build
        }

    def _record_names(self, plan: Plan) -> None:
        """Record the names of containers, and those that ``--set`` has for them."""
        found = [container.name for task in plan.tasks for container in task.containers]
        self.recorded.containers.update(name for name in found if name)
        self.recorded.has_unknown_names |= not all(found)
        for setting in _NAMES_OF_CONTAINERS:
            given = plan.context.deployment_settings
            if given.layer(setting).name == "--set":
                names = getattr(given.values, BY_NAME[setting].attribute)
                self.recorded.names |= dict.fromkeys((setting, name) for name in names)

    def _unused_names(self) -> Iterator[str]:
        if self.recorded.has_unknown_names or not self.recorded.containers:
            return
        for setting, name in self.recorded.names:
            if name not in self.recorded.containers and not is_glob(name):
                fact = f"{setting} in --set names {quote(name)}, and no container of these files has that name"
                yield Reason(
                    fact, did_you_mean(name, self.recorded.containers), code=Code.NAME_OF_NO_CONTAINER
                ).coded_text

    def _unused_ssm_values(self) -> Iterator[str]:
        for name in dict.fromkeys(self._ssm_given):
            if name not in self.recorded.ssm_needed:
                fact = f"--ssm gives a value for {quote(name)}, and no template needs it"
                advice = (
                    did_you_mean(name, self.recorded.ssm_needed) or "Give the parameter's name as the template has it"
                )
                yield Reason(fact, advice, code=Code.SSM_VALUE_UNUSED).coded_text

    def write(self) -> None:
        """Write the notices to standard error."""
        for text in self._texts():
            write_stderr(f"notice: {text}")

    def write_help(self, code: int) -> None:
        """Write HelpText, if the exit code is that of a refusal."""
        if self.recorded.help_text and code == EXIT_REFUSED:
            write_stderr(self.recorded.help_text)

    def _texts(self) -> Iterator[str]:
        yield from (notice.coded_text for notice in agent_image_notices(self.recorded.agent_images))
        if self.recorded.has_callers_account:
            yield _CALLERS_ACCOUNT.coded_text
        yield from self._unused_names()
        yield from self._unused_ssm_values()
        unused = [key for key in self.recorded.given if key not in self.recorded.used]
        if unused and self._file is not None:
            yield unused_entries_reason(unused, len(unused), printable_name(self._file)).coded_text
