"""The SSM parameter from which the command line tool reads the settings of the macro's stack (``--from-macro``).

Its value is JSON: ``{"Release": …, "Settings": {"Collector": "us2", …}, "Withheld": "ExtraConf "}``. Settings
has the strings of the template's parameters. Withheld has the names of the settings with a value that may hold a secret,
a space after each: whoever may read the parameter learns that they are set, and not their values.

CloudFormation writes JSON only with a transform, which template.yaml must not have. So a text is made of all names and
values, with marks between them. Each ``Fn::Join`` over ``Fn::Split`` then replaces something in it: first what JSON strings
cannot contain, last the marks. No text is empty, since it contains the names.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sysdig_instrument import __version__
from sysdig_instrument.cli.from_macro import SETTINGS_PARAMETER_PREFIX
from sysdig_instrument.engine.settings.layers import for_deployment
from sysdig_instrument.engine.settings.table import TABLE

WITHHELD: Final = ("ExtraConf", "AgentEnvironment", "AgentLogConfiguration", "WorkloadEnvironment")
"""Settings into which people put secrets: variables, a proxy's password, the token of a log driver.

Of secrets, the others have names only: ARNs. Commands of images are known to all who may read the images.
"""
_PUBLISHED: Final = tuple(setting.name for setting in for_deployment(TABLE) if setting.name not in WITHHELD)

_AFTER_NAME: Final = "<:>"
_AFTER_VALUE: Final = "<,>"
_REPLACEMENTS: Final = (
    (f'"{_AFTER_VALUE}"', """'","'"""),
    (f'"{_AFTER_NAME}"', """'":"'"""),
    ('"{{"', r"'{\u007b'"),  # Systems Manager refuses a value with {{ }}
    (r'"\n"', r"'\n'"),
    ("""'"'""", r"""'\"'"""),
    (r"'\'", r"'\\'"),
)
"""What is replaced in the text, and by what, as YAML. The last is done first."""


def conditions() -> Iterator[str]:
    """Yield the conditions that tell whether the withheld settings have a value."""
    for name in WITHHELD:
        yield f'Has{name}: !Not [!Equals [!Ref {name}, ""]]'


def parameter() -> Iterator[str]:
    """Yield the name and the value of the SSM parameter."""
    members = '"Settings":{"${Settings}"},"Withheld":"${Withheld}"'
    yield f"Name: !Sub {SETTINGS_PARAMETER_PREFIX}${{MacroName}}"
    yield "Value: !Sub"
    yield f"""  - '{{"Release":"{__version__}",{members}}}'"""
    yield "  - Withheld: !Join"
    yield '      - ""'
    for prefix, name in zip(("- ", *["  "] * len(WITHHELD)), WITHHELD, strict=False):
        yield f'      {prefix}- !If [Has{name}, "{name} ", ""]'
    yield "    Settings:"
    yield from (f"      !Join [{new}, !Split [{old}," for old, new in _REPLACEMENTS)
    yield '      !Sub "\\'
    *others, last = (f"{name}{_AFTER_NAME}${{{name}}}" for name in _PUBLISHED)
    yield from (f"      {line}{_AFTER_VALUE}\\" for line in others)
    yield f'      {last}"' + "]]" * len(_REPLACEMENTS)
