"""The ENTRYPOINT and CMD of the image that a Dockerfile builds, from the stages that lead to its target.

Source: Docker's «Dockerfile reference», and BuildKit (frontend/dockerfile/dockerfile2llb/convert.go) where that is silent.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from sysdig_instrument.dockerfile.instructions import Instruction, ParsedDockerfile, exec_form, parse_dockerfile
from sysdig_instrument.dockerfile.words import DockerfileError, expand, split_words
from sysdig_instrument.engine.image_reference import InvalidReferenceError, parse_reference
from sysdig_instrument.engine.lookups import ImageConfig
from sysdig_instrument.lazy_dataclasses import dataclass, field, replace

SHELL: Final = "the shell"
"""The part of :attr:`BuiltImage.from_base` for a command in shell form."""
_SCRATCH: Final = "scratch"
_DEFAULT_SHELL: Final = ("/bin/sh", "-c")
_STAGE_NAME: Final = r"[a-z][a-z0-9_.-]*"
_OF_THE_MACHINE: Final = ("BUILDPLATFORM", "BUILDOS", "BUILDARCH", "BUILDVARIANT", "TARGETSTAGE")
"""Variables that Docker sets, and whose values are not known here."""
_MAX_STAGES: Final = 500
_SYNTAX_ARGUMENT: Final = "BUILDKIT_SYNTAX"


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """The options of a build: the architecture of Linux, the target, the build arguments, and the names of further build contexts."""

    architecture: str
    target: str = ""
    arguments: Mapping[str, str] = field(default_factory=dict)
    contexts: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class ShellForm:
    """A command for a shell. ``shell`` is None if it is that of the base image."""

    command: str
    shell: tuple[str, ...] | None

    def argv(self, base: ImageConfig) -> tuple[str, ...]:
        """Return the command with its shell in front."""
        shell = base.shell if self.shell is None else self.shell
        return (*(shell or _DEFAULT_SHELL), self.command)


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """An image as its Dockerfile describes it, and the base image for the rest: None if there is none (``FROM scratch``).

    ENTRYPOINT or CMD is None if it is that of the base image. ``architecture`` is that of the base image. ``resets_cmd`` is
    true if an ENTRYPOINT resets the base image's CMD, as Docker documents it. Only a trigger of the base image, ``ONBUILD CMD``,
    would have set another one.
    """

    base: str | None
    architecture: str
    entrypoint: tuple[str, ...] | ShellForm | None = None
    cmd: tuple[str, ...] | ShellForm | None = None
    resets_cmd: bool = False

    @property
    def from_base(self) -> tuple[str, ...]:
        """The parts that the base image decides; none if the Dockerfile, as Docker documents it, says everything."""
        if self.base is None:
            return ()
        needs_shell = any(isinstance(each, ShellForm) and each.shell is None for each in (self.entrypoint, self.cmd))
        parts = {
            "ENTRYPOINT": self.entrypoint is None,
            "CMD": self.cmd is None,
            SHELL: needs_shell,
        }
        return tuple(name for name, is_needed in parts.items() if is_needed)

    @property
    def is_complete(self) -> bool:
        """True if ENTRYPOINT and CMD are the same with any base image."""
        return self.base is None or not (self.from_base or self.resets_cmd)

    def config(self, base: ImageConfig) -> ImageConfig:
        """Return the config of the image, for the config of its base image.

        Raises:
            DockerfileError: The base image has triggers, which could do anything.
        """
        base = base if self.base is not None else ImageConfig()
        if base.has_triggers and not self.is_complete:
            raise DockerfileError("its base image has ONBUILD instructions")
        entrypoint = base.entrypoint if self.entrypoint is None else _argv(self.entrypoint, base)
        return ImageConfig(entrypoint, base.cmd if self.cmd is None else _argv(self.cmd, base))


def built_image(text: str, options: BuildOptions) -> BuiltImage:
    """Return the image that a Dockerfile builds.

    Raises:
        DockerfileError: That cannot be determined, or it cannot be built.
    """
    parsed = parse_dockerfile(text, options.arguments.get(_SYNTAX_ARGUMENT))
    stages = _Stages(parsed, options)
    chain = list(stages.to_target())
    base = stages.base_image(chain[0])
    state = _State()
    for position, stage in enumerate(chain):
        is_target = stage is chain[-1]
        state.start_stage(is_first=position == 0)
        for instruction in stage.instructions:
            if instruction.name == "ONBUILD" and not is_target:
                raise DockerfileError(f"line {instruction.line} has an ONBUILD for a later stage")
            state.apply(instruction)
    image = BuiltImage(base, options.architecture, state.entrypoint, state.cmd, resets_cmd=state.resets_cmd)
    return replace(image, architecture=stages.architecture(chain[0])) if image.from_base else image


def _argv(value: tuple[str, ...] | ShellForm, base: ImageConfig) -> tuple[str, ...]:
    return value.argv(base) if isinstance(value, ShellForm) else value


class _State:
    """ENTRYPOINT, CMD and SHELL after the instructions so far."""

    def __init__(self) -> None:
        self.entrypoint: tuple[str, ...] | ShellForm | None = None
        self.cmd: tuple[str, ...] | ShellForm | None = None
        self.resets_cmd = False
        self._shell: tuple[str, ...] | None = None
        self._is_first = self._has_cmd = False

    def start_stage(self, *, is_first: bool) -> None:
        self._is_first, self._has_cmd = is_first, False

    def apply(self, instruction: Instruction) -> None:
        """Apply an instruction. Of several of a kind, the last one counts."""
        if instruction.name == "CMD":
            self.cmd, self._has_cmd, self.resets_cmd = self._command(instruction), True, False
        elif instruction.name == "ENTRYPOINT":
            self.entrypoint = self._command(instruction)
            if not self._has_cmd:  # a CMD counts only if the stage itself has set it before
                self.cmd, self.resets_cmd = (), self._is_first
        elif instruction.name == "SHELL":
            self._shell = exec_form(instruction.arguments)
            if not self._shell:
                raise DockerfileError(f"the SHELL in line {instruction.line} is not a list in JSON")

    def _command(self, instruction: Instruction) -> tuple[str, ...] | ShellForm:
        arguments = instruction.arguments
        if not arguments or arguments.startswith("--"):
            raise DockerfileError(f"the {instruction.name} in line {instruction.line} has no command")
        items = exec_form(arguments)
        return ShellForm(arguments, self._shell) if items is None else items


@dataclass(frozen=True, slots=True)
class _Stage:
    """A stage: what follows FROM in its first line, its name, and its instructions."""

    index: int
    base: str
    platform: str
    name: str
    line: int
    instructions: Sequence[Instruction]


class _Stages:
    """The stages of a Dockerfile."""

    def __init__(self, parsed: ParsedDockerfile, options: BuildOptions) -> None:
        self._options = options
        self._escape = parsed.escape
        starts = [number for number, each in enumerate(parsed.instructions) if each.name == "FROM"]
        if not 0 < len(starts) <= _MAX_STAGES:
            raise DockerfileError(f"it has no FROM, or more than {_MAX_STAGES} stages")
        self._variables = self._global_variables(parsed.instructions[: starts[0]])
        ends = [*starts[1:], len(parsed.instructions)]
        self._stages = [
            _stage(index, parsed.instructions[start], parsed.instructions[start + 1 : end])
            for index, (start, end) in enumerate(zip(starts, ends, strict=True))
        ]

    def to_target(self) -> Iterator[_Stage]:
        """Yield the stages from the one with the base image to the target."""
        stage: _Stage | None = self._target()
        chain, contexts = [], {name.lower() for name in self._options.contexts}
        while stage is not None:
            if stage.name in contexts:
                raise DockerfileError(f"a build context replaces the stage in line {stage.line}")
            chain.append(stage)
            stage = self._named(self._base_name(stage), before=stage.index)
        yield from reversed(chain)

    def base_image(self, stage: _Stage) -> str | None:
        """Return the base image of a stage that is from no other stage; None for ``scratch``.

        Raises:
            DockerfileError: It has no valid name, or a build context replaces it.
        """
        name = self._base_name(stage)
        if name == _SCRATCH:
            return None
        if _canonical(name) is None:
            raise DockerfileError(f"the base image in line {stage.line} has no valid name")
        if _canonical(name) in map(_canonical, self._options.contexts):
            raise DockerfileError(f"a build context replaces the base image in line {stage.line}")
        return name

    def architecture(self, stage: _Stage) -> str:
        """Return the architecture of a stage's base image.

        Raises:
            DockerfileError: It is for another platform, or the machine that builds it decides.
        """
        if not stage.platform:
            return self._options.architecture
        platform = expand(stage.platform, self._variables, self._escape)
        architecture = architecture_of(platform)
        if architecture is None:
            raise DockerfileError(f"the platform in line {stage.line} is neither linux/amd64 nor linux/arm64")
        return architecture

    def _target(self) -> _Stage:
        if not self._options.target:
            return self._stages[-1]
        target = self._named(self._options.target, before=len(self._stages))
        if target is None:
            raise DockerfileError("it has no stage with the name of the build's target")
        return target

    def _named(self, name: str, *, before: int) -> _Stage | None:
        """Return the last stage with this name before another one. Names are the same in upper and lower case."""
        return next((each for each in reversed(self._stages[:before]) if each.name and each.name == name.lower()), None)

    def _base_name(self, stage: _Stage) -> str:
        return expand(stage.base, self._variables, self._escape)

    def _global_variables(self, instructions: Sequence[Instruction]) -> dict[str, str | None]:
        """Return the variables that FROM may use: those of Docker, and the ARGs before the first FROM."""
        arguments, architecture = self._options.arguments, self._options.architecture
        of_docker = {"TARGETPLATFORM": f"linux/{architecture}", "TARGETOS": "linux", "TARGETARCH": architecture,
                     "TARGETVARIANT": "", **dict.fromkeys(_OF_THE_MACHINE)}  # fmt: skip
        variables: dict[str, str | None] = {name: arguments.get(name, value) for name, value in of_docker.items()}
        for instruction in instructions:
            if instruction.name != "ARG":
                raise DockerfileError(f"line {instruction.line} comes before the first FROM")
            for word in split_words(instruction.arguments, self._escape):
                name, has_default, default = word.partition("=")
                if name in arguments:
                    variables[name] = arguments[name]
                elif has_default:
                    variables[name] = _default(default, variables, self._escape)
        return variables


def architecture_of(platform: str) -> str | None:
    """Return the architecture in the name of a platform of Linux; None for another platform."""
    found = re.fullmatch(r"(?:linux/)?(?:(amd64|x86_64|x86-64)|(?:arm64|aarch64)(?:/v8)?)", platform.lower())
    return found and ("amd64" if found[1] else "arm64")


def _default(text: str, variables: Mapping[str, str | None], escape: str) -> str | None:
    """Return the default of an ARG, or None if it is not known: only a FROM that uses it needs it."""
    try:
        return expand(text, variables, escape)
    except DockerfileError:
        return None


def _stage(index: int, start: Instruction, instructions: Sequence[Instruction]) -> _Stage:
    found = re.fullmatch(
        r"(?:--platform=(?P<platform>\S+)\s+)?(?P<base>(?!--)\S+)(?:\s+as\s+(?P<name>\S+))?",
        start.arguments,
        re.IGNORECASE,
    )
    name = (found["name"] or "").lower() if found else ""
    if found is None or (name and not re.fullmatch(_STAGE_NAME, name)):
        raise DockerfileError(f"the FROM in line {start.line} is not valid")
    return _Stage(index, found["base"], found["platform"] or "", name, start.line, instructions)


def _canonical(image: str) -> str | None:
    try:
        return str(parse_reference(image))
    except InvalidReferenceError:
        return None
