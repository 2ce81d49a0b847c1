"""Ways to say what a container runs: in the image, in the definition, and in RunTask's override."""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

SHOW: Final = "/bin/show"
SHOW_SCRIPT: Final = r"""#!/bin/sh
# Print all that a program can learn of how it was started, and end with an exit code, or by a signal.
printf '%s\0' show "$0" "$@"
printf 'cmdline\0'
cat /proc/$$/cmdline
printf 'status\0'
pwd
id
[ -w /var ] && echo 'writable root'
cat
echo 'standard error' >&2
printf 'environment\0'
cat /proc/$$/environ
[ -z "$KILL" ] || kill "-$KILL" $$
exit "${EXIT:-0}"
"""
"""The program of most forms. ``cat`` reads standard input until its end."""

WORDS: Final[Sequence[Sequence[str]]] = (
    (),
    ("a", "b"),
    ("",),
    ("", "", "x", ""),
    (" ", " leading", "trailing ", "two  spaces"),
    ("'", '"', "`id`", "''", '""'),
    ("$HOME", "$(id)", "${HOME}", "$$", "$1", "$"),
    ("\\", "\\n", "a\\ b", "C:\\x\\"),
    ("*", "?", "[a-z]*", "~", "/bin/*"),
    ("-", "--", "-x", "--help", "-c", "-o", "--", "x"),
    ("=", "A=b", "=x", "PATH=/nowhere", "SYSDIG_SIDECAR=auto"),
    ("é", "日本語", "😀", "\u200b", "e\u0301"),
    ("\t", "line\nbreak", "\r\n", "\n"),
    ("%s", "%", "%%d", "{}", "{a,b}"),
    ("!", "#", ";", "&&", "|", ">", "<", "&", "(", ")"),
    ("true", "false", "null", "0", "1.0", "yes", "~"),
    ("[]", "{}", '["a"]', '{"Ref": "x"}'),
    ("/opt/bin/instrument", "instrument", "sidecar"),
    ("sh", "-c", "echo inner"),
    ("x" * 5000,),
    tuple(str(number) for number in range(200)),
    ("a\x01b", "\x7f", "\x1b[0m"),
    ("exec", "env", "--", "nice"),
    ("AWS::NoValue", "Fn::Join", "!Ref x"),
    ("-D", "-f", "-E", "A=1", "-u", "shop"),
)
"""Arguments of a program."""


_SHOW_PATHS: Final = ("show", SHOW, "../bin/show")
_ENDS: Final[Sequence[tuple[int, Mapping[str, str]]]] = (
    (0, {}),
    (1, {"EXIT": "1"}),
    (42, {"EXIT": "42"}),
    (127, {"EXIT": "127"}),
    (255, {"EXIT": "255"}),
    (3, {"EXIT": "3", "LD_PRELOAD": "/lib/none.so", "LD_LIBRARY_PATH": "/lib", "IFS": ":", "PS4": "x", "ENV": "/x"}),
    (128 + 15, {"KILL": "TERM"}),
    (128 + 9, {"KILL": "KILL"}),
    (128 + 6, {"KILL": "ABRT"}),
    (
        0,
        {
            "name with spaces": "x y",
            "dotted.name": "x=y",
            "EMPTY": "",
            "LINES": "a\nb",
            "É": "ü",
            "SHLVL": "7",
            "_": "x",
        },
    ),
)
"""Exit codes, and the variables with which the program of a form ends so."""

_NO_CAPABILITIES: Final = {"Capabilities": {"Drop": ["ALL"]}}
_PLACES: Final[Sequence[Mapping[str, Any]]] = (
    {},
    {"User": "1000"},
    {"User": "shop:staff", "WorkingDirectory": "/tmp"},  # noqa: S108 - a folder of a container
    {"ReadonlyRootFilesystem": True},
    {"WorkingDirectory": "/new"},
    {"User": "1234:50", "ReadonlyRootFilesystem": True},
    {"LinuxParameters": _NO_CAPABILITIES},
    {"User": "1000", "LinuxParameters": _NO_CAPABILITIES, "ReadonlyRootFilesystem": True},
    {"LinuxParameters": {"Capabilities": {"Drop": ["KILL"], "Add": ["SYS_PTRACE"]}}},
)
"""What else a container definition says: its user, its folder, its root file system, its capabilities."""

_IMAGES: Final[Sequence[Mapping[str, Any]]] = (
    {"Env": ["PATH=/bin"]},
    {"Env": ["PATH=/usr/bin:/bin", "dotted.name=of the image", "EMPTY="], "WorkingDir": "/var"},
    {"User": "shop"},
    {"User": "1000:staff", "WorkingDir": "/home"},
)
"""What else an image says."""


@dataclass(frozen=True)
class Form:
    """What an image, a container definition in CloudFormation's format, and an override say."""

    name: str
    image: Mapping[str, Any]
    container: Mapping[str, Any]
    override: Mapping[str, Any]
    exit_code: int
    shares_processes: bool
    """The task definition says ``PidMode: task`` by itself. Process 1 could not end itself by a signal."""


def all_forms() -> Iterator[Form]:
    """Yield each shape with each list of words. Everything else takes turns."""
    for number, (words, shape) in enumerate(itertools.product(WORDS, SHAPES)):
        image, container, command = SHAPES[shape](_SHOW_PATHS[number % len(_SHOW_PATHS)], list(words))
        exit_code, variables = _ENDS[number % len(_ENDS)]
        environment = [{"Name": name, "Value": value} for name, value in variables.items()]
        place = _PLACES[number // len(_ENDS) % len(_PLACES)]
        yield Form(
            name=f"form-{number}-{shape}",
            image={**_IMAGES[number % len(_IMAGES)], **image},
            container={**container, **place, **({"Environment": environment} if environment else {})},
            override={"command": command} if command else {},
            exit_code=exit_code,
            shares_processes="KILL" in variables or number % 2 == 0,
        )


Words: TypeAlias = list[str]
_OTHER: Final = {"Entrypoint": ["/bin/false"], "Cmd": ["not this"]}

SHAPES: Final[Mapping[str, Callable[[str, Words], tuple[dict[str, Any], dict[str, Any], Words]]]] = {
    "image-entrypoint": lambda show, words: ({"Entrypoint": [show, *words]}, {}, []),
    "image-both": lambda show, words: ({"Entrypoint": [show], "Cmd": words}, {}, []),
    "image-cmd": lambda show, words: ({"Cmd": [show, *words]}, {}, []),
    "image-shell-entrypoint": lambda show, words: (
        {"Entrypoint": ["/bin/sh", "-c", f'{show} "$0" "$@"', "zero", *words]},
        {},
        [],
    ),
    "image-shell-cmd": lambda show, words: ({"Cmd": ["/bin/sh", "-c", f"exec {show} {shlex.join(words)}"]}, {}, []),
    "image-empty-entrypoint": lambda show, words: ({"Entrypoint": [""], "Cmd": [show, *words]}, {}, []),
    "entrypoint": lambda show, words: (_OTHER, {"EntryPoint": [show, *words]}, []),
    "entrypoint-command": lambda show, words: (_OTHER, {"EntryPoint": [show], "Command": words}, []),
    "command": lambda show, words: ({"Entrypoint": [show], "Cmd": ["default"]}, {"Command": words}, []),
    "command-alone": lambda show, words: ({"Cmd": ["not this"]}, {"EntryPoint": [], "Command": [show, *words]}, []),
    "override-image": lambda show, words: ({"Entrypoint": [show], "Cmd": ["default"]}, {}, words),
    "override-entrypoint": lambda show, words: (_OTHER, {"EntryPoint": [show], "Command": ["default"]}, words),
    "override-command": lambda show, words: ({"Cmd": ["not this"]}, {"Command": ["nor this"]}, [show, *words]),
}
"""Where program and arguments are: what image, container definition and override say."""


TERMINATED: Final[Mapping[str, tuple[Mapping[str, Any], str]]] = {
    "default": ({}, "echo ready; exec sleep 60"),
    "shell": ({}, "echo ready; sleep 60; echo not reached"),
    "exit-code": ({}, "trap 'echo stopping; exit 7' TERM; echo ready; while :; do sleep 0.02; done"),
    "slow": ({}, "trap 'sleep 0.2; echo saved; exit 0' TERM; echo ready; while :; do sleep 0.02; done"),
    "child": ({}, "exec 2>/dev/null; sleep 60 & trap 'kill $!' TERM; echo ready; wait $!; wait $!; echo ended with $?"),
    "ignored": ({}, "trap '' TERM; echo ready; while :; do sleep 0.02; done"),
    "int": ({"StopSignal": "SIGINT"}, "trap 'echo int; exit 3' INT; echo ready; while :; do sleep 0.02; done"),
    "quit": ({"StopSignal": "SIGQUIT"}, "trap 'exit 4' QUIT; trap '' TERM; echo ready; while :; do sleep 0.02; done"),
}
"""How programs react when the task is stopped: what else the image says, and the shell's script. Each prints ``ready``.

A shell prints "Terminated" for its child or not, as it happens: that goes nowhere.
"""
