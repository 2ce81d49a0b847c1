"""The inputs of a plan, from the command line options: parameter values, settings, image configs, region and account.

Settings also come from a settings file, ``.sysdig-instrument.yaml`` (or ``.yml``, ``.json``), which has the form of
``--settings``. It is searched beside the document, upward to the root of its Git repository, and in the current folder.
Outside a repository, parent folders are not searched: whoever can write to one must not control this run. A file that was
found is a party of its own: whoever wrote the document may have written it, too. So it may not have the settings that decide
which hosts are reached and what they are sent, and the caller's LockedSettings bind it. With ``--from-macro`` its settings do
not count at all: the deployed macro does not read it.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING

from sysdig_instrument.cli.console import write_stderr
from sysdig_instrument.cli.file_options import FileOptions, existing
from sysdig_instrument.cli.settings_file import (
    SettingsFile,
    display_path,
    find_settings_file,
    is_same_file,
    parameters_of,
    read_settings_file,
)
from sysdig_instrument.cli.value_files import load_all, load_image_configs, load_parameters, merged, parse_pairs
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Reason
from sysdig_instrument.engine.plan import Context
from sysdig_instrument.engine.settings.layers import Layer, ResolvedSettings, merge_layers, with_layer
from sysdig_instrument.errors import UsageError
from sysdig_instrument.lazy_dataclasses import dataclass, field

if TYPE_CHECKING:
    from sysdig_instrument.cli.from_macro import DeployedMacro
    from sysdig_instrument.lookup.aws import AwsSession


@dataclass(frozen=True, slots=True)
class DocumentContext(Context):
    """The context of a document's plan, and what its settings file says about lookups.

    ``callers_account`` is the account that the caller gives. A file that was found does not say which account is the caller's.
    ``ssm`` has the values in Ssm of settings files. ``unknown`` is ``warn`` if it is only a warning that something is not known
    here. ``is_account_from_credentials`` is true if AWS STS returned the account.
    """

    callers_account: str | None = None
    ssm: Mapping[str, str] = field(default_factory=dict)
    is_offline: bool = False
    unknown: str = "fail"
    is_account_from_credentials: bool = False


class PlanInputs:
    """The inputs from the options. The context depends on the document: each may have its own settings file."""

    def __init__(self, options: argparse.Namespace, environment: Mapping[str, str]) -> None:
        self._options = options
        self._named = [read_settings_file(path) for path in options.settings]
        given = [each.options for each in self._named]
        self._account = options.account_id or _last(each.account_id for each in given)
        if options.account_id and not re.fullmatch(r"[0-9]{12}", options.account_id):
            raise UsageError(
                "The value of --account-id is not an account ID. Give twelve digits.", code=Code.OPTION_VALUE
            )
        self._region = options.region or _last(each.region for each in given)
        self._default_region = aws_region(environment, options.profile)
        of_files = (existing(each.options.image_files, "Images", each.layer.name) for each in self._named)
        image_files = [*chain(*of_files), *options.images]
        configs = load_all(load_image_configs, image_files)
        image_layers = [Layer(image_files[-1], {"ImageConfigs": configs})] if image_files else []
        self._parameters = {
            **merged(parameters_of(each) for each in self._named),
            **load_all(load_parameters, options.parameters),
            **parse_pairs(options.parameter, "-p"),
        }
        self._ssm = merged(each.ssm for each in given)
        self._unknown = getattr(options, "unknown", None) or _last(each.unknown for each in given)
        self._is_offline = options.offline or any(each.offline for each in given)
        layers = [
            *(each.layer for each in self._named),
            Layer("--set", parse_pairs(options.set, "--set")),
            *image_layers,
        ]
        self._settings = _SettingsSources(
            options, self._region or self._default_region, layers, is_offline=self._is_offline
        )
        self._contexts: dict[str | None, DocumentContext] = {}

    def context_for(self, path: str) -> DocumentContext:
        """Return the plan context for a file.

        Raises:
            UsageError: An option or the settings file has an invalid value.
        """
        found_file = None if self._options.no_config else find_settings_file(path)
        if found_file not in self._contexts:
            self._contexts[found_file] = self._context(found_file)
        return self._contexts[found_file]

    def known_context(self, path: str) -> DocumentContext | None:
        """Return the plan context for a file, or None if its settings file has not been read yet."""
        return self._contexts.get(None if self._options.no_config else find_settings_file(path))

    def _context(self, found_file: str | None) -> DocumentContext:
        found = self._settings.read_found(found_file)
        options = found.options if found else FileOptions()
        return DocumentContext(
            deployment_settings=self._settings.merge(found),
            parameter_values={**(parameters_of(found) if found else {}), **self._parameters},
            region=self._region or options.region or self._default_region,
            account=self._account or options.account_id,
            callers_account=self._account,
            ssm={**options.ssm, **self._ssm},
            is_offline=self._is_offline or options.offline,
            unknown=self._unknown or options.unknown or "fail",
        )


def is_unknown_a_warning(context: Context) -> bool:
    """Return whether it is only a warning that something is not known here."""
    return isinstance(context, DocumentContext) and context.unknown == "warn"


def context_for_file(options: argparse.Namespace, environment: Mapping[str, str], path: str) -> Context:
    """Return the plan context for a file.

    Raises:
        UsageError: An option or the settings file has an invalid value.
    """
    return PlanInputs(options, environment).context_for(path)


def account_inputs(
    options: argparse.Namespace,
    environment: Mapping[str, str],
    make_session: Callable[[], AwsSession] | None = None,
) -> tuple[ResolvedSettings, str | None]:
    """Return the settings and the default region of a command that reads an account, which also come from settings files.

    The deployed macro is that of the caller's account, or of the account of another session.

    Raises:
        UsageError: A setting does not exist or has an invalid value.
    """
    named = [read_settings_file(path) for path in options.settings]
    default_region = _last(each.options.region for each in named)
    region = next(iter(options.region), None) or default_region or aws_region(environment, options.profile)
    layers = [each.layer for each in named]
    layers.append(Layer("--set", parse_pairs(options.set, "--set")))
    sources = _SettingsSources(options, region, layers, make_session=make_session)
    found = sources.read_found(None if options.no_config else find_settings_file("-"))
    default_region = default_region or (found.options.region if found else None)
    return sources.merge(found), default_region or aws_region(environment, options.profile)


class _SettingsSources:
    """The sources of settings that are the same for all files. They are read, and reported, once in a run."""

    def __init__(
        self,
        options: argparse.Namespace,
        region: str | None,
        layers: Sequence[Layer],
        *,
        is_offline: bool = False,
        make_session: Callable[[], AwsSession] | None = None,
    ) -> None:
        self._options = options
        self._caller_layers = list(layers)
        if options.from_macro and is_offline:
            raise UsageError(
                "--from-macro reads from AWS, and --offline prevents it. Remove one of them.", code=Code.FROM_MACRO
            )
        self._macro: DeployedMacro | None = None
        if options.from_macro:
            from sysdig_instrument.cli.from_macro import read_macro, tell_unknown_values  # noqa: PLC0415 - only for this option

            self._macro = read_macro(options.from_macro, region, options.profile, make_session)
            tell_unknown_values(self._macro, {name for layer in layers for name in layer.values})
            self._caller_layers.insert(0, self._macro.layer)

    def read_found(self, found_file: str | None) -> SettingsFile | None:
        """Return the settings file that was found near a document. Who names it with --settings vouches for it."""
        if found_file is None or any(is_same_file(found_file, path) for path in self._options.settings):
            return None
        return read_settings_file(display_path(found_file), is_found=True)

    def merge(self, found: SettingsFile | None) -> ResolvedSettings:
        """Return the settings, with those of the settings file that was found near a document."""
        from_caller = merge_layers(*self._caller_layers)
        if found is None:
            return from_caller
        if self._macro:
            _report_ignored(found.layer)
            return from_caller
        _, invalid = with_layer(from_caller, found.layer)  # checks it against the caller's LockedSettings
        if invalid:
            raise UsageError("\n".join(each.reason.coded_text for each in invalid), code=None)
        return merge_layers(found.layer, *self._caller_layers)


def _report_ignored(found: Layer) -> None:
    if found.values:
        fact = f"The settings in {found.name} do not count with --from-macro, because the macro does not read this file"
        reason = Reason(fact, "Name it with --settings if they should", code=Code.FROM_MACRO)
        write_stderr(f"notice: {reason.coded_text}")


def _last(values: Iterable[str | None]) -> str | None:
    return next((value for value in reversed(list(values)) if value), None)


# --- the AWS region


def aws_region(environment: Mapping[str, str], profile: str | None = None) -> str | None:
    """Return the region that the AWS CLI would use: from the environment, or from the profile in ``~/.aws``.

    It is read without botocore, whose import takes half a second. Source: "Configuration and credential file settings" in
    the AWS CLI user guide.
    """
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        if environment.get(name):
            return environment[name]
    profile = profile or environment.get("AWS_PROFILE") or environment.get("AWS_DEFAULT_PROFILE") or "default"
    sections = (f"profile {profile}", profile) if profile != "default" else ("default", "profile default")
    files = (  # a value in the first one takes precedence
        environment.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials",
        environment.get("AWS_CONFIG_FILE") or "~/.aws/config",
    )
    return next((region for file in files if (region := _configured_region(file, sections))), None)


def _configured_region(file: str, sections: Iterable[str]) -> str | None:
    """Return the region that the first of these sections gives; None if there is no such file or section."""
    try:
        with open(os.path.expanduser(file), encoding="utf-8") as opened:
            text = opened.read()
    except (OSError, UnicodeDecodeError):
        return None  # botocore reports it when a lookup needs AWS
    import configparser  # noqa: PLC0415 - only if there is a file to read

    aws_config = configparser.RawConfigParser()
    try:
        aws_config.read_string(text)
    except configparser.Error:
        return None  # likewise
    regions = (aws_config.get(section, "region", fallback=None) for section in sections)
    return next((value for value in regions if value), None)
