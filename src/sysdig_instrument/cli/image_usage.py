"""Report the entries of a file of ``--images`` that no container of a run used: most likely, an image is misspelt."""

from __future__ import annotations

import argparse

from sysdig_instrument.cli.console import write_stderr
from sysdig_instrument.engine.plan import Plan
from sysdig_instrument.engine.unused_configs import unused_entries_reason
from sysdig_instrument.printable import printable_name

_SETTING = "ImageConfigs"


class ImageUsage:
    """Collects which entries the plans of a run used. An entry counts as used if any of the files needs it."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._file: str | None = options.images[-1] if options.images else None
        self._given: dict[str, None] = {}
        self._used: set[str] = set()

    def record(self, plan: Plan) -> None:
        """Record what a plan used."""
        layer = plan.context.deployment_settings.layer(_SETTING)
        if self._file is None or layer.name != self._file:
            return  # --set or a settings file gives them: they may be the deployment's, which serve many templates
        given = layer.values.get(_SETTING)
        self._given |= dict.fromkeys(given) if isinstance(given, dict) else {}
        self._used |= {use.key for use in plan.used_configs if (use.setting, use.layer) == (_SETTING, self._file)}

    def write_notice(self) -> None:
        """Write one notice for the whole run, if entries were not used."""
        unused = [key for key in self._given if key not in self._used]
        if unused and self._file is not None:
            reason = unused_entries_reason(unused, len(unused), printable_name(self._file))
            write_stderr(f"notice: {reason.text}")
