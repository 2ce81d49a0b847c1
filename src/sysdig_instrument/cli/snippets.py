"""The text to paste for a finding: a part of the template, of a task definition, of the settings file or of a role.

A snippet has names and sizes only. Whatever the reader has to fill in is in capital letters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeAlias

from sysdig_instrument.cli.documents import InputDocument
from sysdig_instrument.cli.snippet_text import camel_keys, members
from sysdig_instrument.engine.agent import AGENT_NAME
from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.ecr import EcrRepository
from sysdig_instrument.engine.expressions.scope import transform_entries, transform_name
from sysdig_instrument.engine.findings import Finding, Reason, format_pointer
from sysdig_instrument.engine.json_types import Json, Pointer
from sysdig_instrument.engine.macro_line import LANGUAGE_EXTENSIONS, SECTION
from sysdig_instrument.engine.plan import Context
from sysdig_instrument.engine.template import FOR_EACH
from sysdig_instrument.lazy_dataclasses import dataclass
from sysdig_instrument.printable import Hidden

SETTINGS_FILE: Final = ".sysdig-instrument.yaml"
_CONTAINERS: Final = "ContainerDefinitions"
_ARGV: Final[Json] = ["PROGRAM", "ARGUMENT"]
_NAME: Final = r"[A-Za-z0-9][\w-]{0,254}"


@dataclass(frozen=True, slots=True)
class Snippet:
    """A text to paste, and what it is pasted into."""

    into: str
    text: str

    @property
    def lines(self) -> list[str]:
        """The heading, and the lines of the text, indented below it."""
        return [f"paste into {self.into}:", *(f"  {line}" for line in self.text.splitlines())]

    @property
    def as_json(self) -> Json:
        """The form in reports."""
        return {"into": self.into, "text": self.text}


@dataclass(frozen=True, slots=True)
class _Subject:
    """The subject of a finding: its reason and location, and the document."""

    reason: Reason
    pointer: Pointer
    container: str
    document: InputDocument
    macro_name: str

    @property
    def is_template(self) -> bool:
        return self.document.kind == "template"

    @property
    def key(self) -> str:
        """The last key of the location, such as ``EntryPoint``."""
        names = [part for part in self.pointer if isinstance(part, str) and not part.startswith("Fn::")]
        return names[-1][:1].upper() + names[-1][1:] if names else ""

    @property
    def resource(self) -> Pointer:
        is_loop = len(self.pointer) > 1 and str(self.pointer[1]).startswith(FOR_EACH)
        return self.pointer[: 4 if is_loop else 2] if self.is_template else ()

    @property
    def container_pointer(self) -> Pointer:
        """The pointer of the container; an empty one if the location is not inside one."""
        names = [str(part).lower() for part in self.pointer]
        if self.document.kind == "container definitions" and _CONTAINERS.lower() not in names:
            return self.pointer[:1]
        start = names.index(_CONTAINERS.lower()) + 1 if _CONTAINERS.lower() in names else len(names)
        end = start + 1
        while end < len(names) and (names[end - 1] == "fn::if" or names[end] == "fn::if"):
            end += 1
        return self.pointer[:end] if start < len(names) else ()

    def snippet(self, pointer: Pointer, value: Mapping[str, Json]) -> Snippet:
        """Return a snippet for this document, in its syntax and key case."""
        shown = dict(value) if self.is_template else camel_keys(dict(value))
        assert isinstance(shown, dict)  # noqa: S101 - camel_keys returns what it gets
        into = format_pointer(pointer) or (
            "the template, at the top level" if self.is_template else "the task definition"
        )
        return Snippet(into, members(shown, self.document.source.syntax))


def snippet_finder(document: InputDocument, context: Context) -> Callable[[Finding], tuple[Snippet, ...]]:
    """Return the function that returns what to paste for a finding about a document. There may be nothing to paste."""
    macro_name = context.deployment_settings.values.macro_name
    return lambda finding: _snippets_of(finding, document, macro_name)


def _snippets_of(finding: Finding, document: InputDocument, macro_name: str) -> tuple[Snippet, ...]:
    location = finding.location
    name = location.container or ""
    is_name = re.fullmatch(_NAME, name) and not isinstance(name, Hidden)
    subject = _Subject(finding.reason, location.pointer, name if is_name else "NAME", document, macro_name)
    build = _BUILDERS.get(finding.reason.code)
    return tuple(build(subject)) if build else ()


_Builder: TypeAlias = Callable[[_Subject], Iterator[Snippet]]

# --- in a template or a task definition


def _in_container(value: Mapping[str, Json]) -> _Builder:
    def build(subject: _Subject) -> Iterator[Snippet]:
        yield subject.snippet(subject.container_pointer, value)

    return build


def _in_task(value: Mapping[str, Json]) -> _Builder:
    def build(subject: _Subject) -> Iterator[Snippet]:
        yield subject.snippet((*subject.resource, "Properties") if subject.resource else (), value)

    return build


def _not_a_list(subject: _Subject) -> Iterator[Snippet]:
    examples: dict[str, Json] = {
        "EntryPoint": _ARGV,
        "Command": _ARGV,
        "Environment": [{"Name": "NAME", "Value": "VALUE"}],
        "Secrets": [{"Name": "NAME", "ValueFrom": "ARN"}],
        "VolumesFrom": [{"SourceContainer": "NAME", "ReadOnly": True}],
        "DependsOn": [{"ContainerName": "NAME", "Condition": "START"}],
        "MountPoints": [{"SourceVolume": "NAME", "ContainerPath": "PATH"}],
        _CONTAINERS: [{"Name": "NAME", "Image": "REPOSITORY:TAG", "EntryPoint": _ARGV}],
    }
    if subject.key in examples:
        pointer = subject.container_pointer if subject.key != _CONTAINERS else subject.pointer[:-1]
        yield subject.snippet(pointer, {subject.key: examples[subject.key]})


def _sizes(subject: _Subject) -> Iterator[Snippet]:
    sizes = dict(re.findall(r'\b(Cpu|Memory) "(\d+)"', f"{subject.reason.fact} {subject.reason.advice}"))
    if sizes:
        yield from _in_task(sizes)(subject)


def _platform_version(subject: _Subject) -> Iterator[Snippet]:
    yield subject.snippet(subject.pointer[:-1], {"PlatformVersion": "LATEST"})


def _image_config(subject: _Subject) -> Iterator[Snippet]:
    """Yield what the image runs: in Metadata, as an EntryPoint would have to follow each change of the image."""
    if not subject.is_template:
        yield subject.snippet(subject.container_pointer, {"EntryPoint": ["PROGRAM"], "Command": ["ARGUMENT"]})
        return
    config: Json = {"Entrypoint": ["PROGRAM"], "Cmd": ["ARGUMENT"]}
    settings: Json = {"Containers": {subject.container: {"ImageConfig": config}}}
    yield subject.snippet(subject.resource, {"Metadata": {"SysdigInstrument": settings}})


def _unread_image(subject: _Subject) -> Iterator[Snippet]:
    yield from _image_config(subject)
    if found := re.match(
        r"The image ([\w.-]+(?::\d+)?)/\S+ could not be read: .* non-public address", subject.reason.fact
    ):
        value = members({"InternalRegistries": [found[1]]}, "yaml")
        yield Snippet("the settings of the macro's deployment, and a file for --settings", value)
    if re.search("credentials|AccessDenied|not authorized", subject.reason.fact):
        words = re.findall(r"[^\s\"]+\.dkr[.-]ecr[^\s\",;]+", subject.reason.fact)
        repositories = [repository for word in words if (repository := EcrRepository.from_image(word.rstrip(":")))]
        if repositories:
            actions: Json = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
            statement: dict[str, Json] = {"Effect": "Allow", "Action": actions, "Resource": repositories[0].arn}
            yield Snippet(
                "Statement in the policy of the role whose credentials you give", "{\n" + _indented(statement) + "\n}"
            )


def _indented(value: Mapping[str, Json]) -> str:
    return "\n".join(f"  {line}" for line in members(value, "json").splitlines())


def _unknown_here(subject: _Subject) -> Iterator[Snippet]:
    """Yield the option that gives the value that is missing, where the message names it."""
    fact = f"{subject.reason.fact} {subject.reason.advice}"
    if subject.reason.code is Code.REGION_UNKNOWN:
        yield Snippet(SETTINGS_FILE, members({"Options": {"Region": "REGION"}}, "yaml"))
    elif found := re.search(r'parameter "(\w+)" has no value here', fact):
        yield Snippet(SETTINGS_FILE, members({"Options": {"Parameters": {found[1]: "VALUE"}}}, "yaml"))
    elif found := re.search(r'SSM parameter "?(/?[\w./-]+)', fact):
        yield Snippet(SETTINGS_FILE, members({"Options": {"Ssm": {found[1]: "VALUE"}}}, "yaml"))
    if subject.container_pointer:
        yield from _unread_image(subject)


def _in_settings(subject: _Subject) -> Iterator[Snippet]:
    """Yield a setting that is not valid with its right name, or with a valid value, where it is."""
    advice, name = subject.reason.advice, subject.key
    if not subject.pointer:
        return
    if "Tags" in subject.pointer or "tags" in subject.pointer:
        if name in ("Tags", "Value") and "true or false" in advice:
            yield from _in_task({"Tags": [{"Key": "sysdig-instrument", "Value": "false"}]})(subject)
    elif found := re.fullmatch(r'Did you mean "(\w+)"\?', advice):
        yield subject.snippet(subject.pointer[:-1], {found[1]: "VALUE"})
    elif found := re.match(r"Use one of: ([\w-]+)", advice):
        yield subject.snippet(subject.pointer[:-1], {name: found[1]})
    elif name == "Collector":
        yield subject.snippet(subject.pointer[:-1], {name: "HOST"})
    elif name == "AccessKeySecret":
        yield subject.snippet(subject.pointer[:-1], {name: "arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME"})


def _express_service(subject: _Subject) -> Iterator[Snippet]:
    if "ExpressServices: convert" in subject.reason.advice:
        yield Snippet(SETTINGS_FILE, members({"ExpressServices": "convert"}, "yaml"))
    elif found := re.match(r"Write (Cpu|Memory) in the service", subject.reason.advice):
        yield subject.snippet((*subject.resource, "Properties"), {found[1]: "512" if found[1] == "Cpu" else "1024"})


# --- what is left alone


def _exclude_container(subject: _Subject) -> Iterator[Snippet]:
    if subject.is_template:
        settings: Json = {"Containers": {subject.container: {"Enabled": False, "Reason": "REASON"}}}
        yield subject.snippet(subject.resource, {"Metadata": {"SysdigInstrument": settings}})
    else:
        yield Snippet(SETTINGS_FILE, members({"ExcludeContainers": [subject.container]}, "yaml"))


def _exclude_task(subject: _Subject) -> Iterator[Snippet]:
    tags: Json = [
        {"Key": "sysdig-instrument", "Value": "false"},
        {"Key": "sysdig-instrument-reason", "Value": "REASON"},
    ]
    yield from _in_task({"Tags": tags})(subject)


def _reason(subject: _Subject) -> Iterator[Snippet]:
    if not subject.is_template or not subject.container_pointer:
        yield from _in_task({"Tags": [{"Key": "sysdig-instrument-reason", "Value": "REASON"}]})(subject)
    else:
        settings: Json = {"Containers": {subject.container: {"Reason": "REASON"}}}
        yield subject.snippet(subject.resource, {"Metadata": {"SysdigInstrument": settings}})


def _tag_of_an_opt_out(subject: _Subject) -> Iterator[Snippet]:
    """Yield the tag for a whole task definition. One tag is for all of its containers, and each has a message of its own."""
    if subject.reason.advice.endswith('sysdig-instrument: "false"'):
        yield from _in_task({"Tags": [{"Key": "sysdig-instrument", "Value": "false"}]})(subject)


def _as_advised(subject: _Subject) -> Iterator[Snippet]:
    fact, advice = subject.reason.fact, subject.reason.advice
    if fact.startswith("OperatingSystemFamily"):
        yield from _in_task({"RuntimePlatform": {"OperatingSystemFamily": "LINUX"}})(subject)
    elif fact.startswith("PidMode"):
        yield from _in_task({"PidMode": "task"})(subject)
    elif "Write FirelensConfiguration" in advice:
        yield from _in_container({"FirelensConfiguration": {"Type": "fluentbit"}})(subject)
    elif "make it wait for START" in advice:
        yield from _in_container({"DependsOn": [{"ContainerName": AGENT_NAME, "Condition": "START"}]})(subject)
    elif "exclude th" in advice and subject.container_pointer:
        yield from _exclude_container(subject)
    elif "exclude th" in advice:
        yield from _exclude_task(subject)


# --- settings, and the line of the macro


def _settings(value: Mapping[str, Json]) -> _Builder:
    def build(_: _Subject) -> Iterator[Snippet]:
        yield Snippet(SETTINGS_FILE, members(dict(value), "yaml"))

    return build


def _line(subject: _Subject) -> Iterator[Snippet]:
    """Yield the Transform section with the macro last, and AWS::LanguageExtensions before it if it is there or needed."""
    template = subject.document.fragment
    listed = template.get(SECTION) if isinstance(template, dict) else None
    own = [each for each in transform_entries(listed) if transform_name(each) == subject.macro_name][:1]
    others = [each for each in transform_entries(listed) if each is not None and _is_other(each, subject)]
    if subject.reason.code in _NEED_LANGUAGE_EXTENSIONS and LANGUAGE_EXTENSIONS not in others:
        others.insert(0, LANGUAGE_EXTENSIONS)
    if any(not isinstance(each, str) for each in (*others, *own)):
        return  # what its Parameters are, only the template says
    entries: list[Json] = [*others, *(own or [subject.macro_name])]
    yield subject.snippet((), {SECTION: entries if len(entries) > 1 else entries[0]})


def _is_other(entry: Json, subject: _Subject) -> bool:
    name = transform_name(entry)
    is_misspelt = isinstance(name, str) and f'"{name}"' in subject.reason.fact
    return name != subject.macro_name and not is_misspelt


_NEED_LANGUAGE_EXTENSIONS: Final = (Code.LOOP_ITEMS_DIFFER, Code.SIZES_DIFFER)

_IMAGES: Final = (
    *(
        Code.IMAGE_UNREADABLE,
        Code.IMAGE_UNRESOLVED,
        Code.NOT_LOOKED_UP,
        Code.LOOKUP_WOULD_DISCLOSE,
        Code.REGION_UNKNOWN,
    ),
    *(
        Code.REGISTRY_NOT_ALLOWED,
        Code.REGISTRY_CREDENTIALS,
        Code.DOCKER_LOGIN,
        Code.LOOKUP_TIMED_OUT,
        Code.VALUE_MISSING,
    ),
    *(Code.SECURE_STRING, Code.VALUE_UNREADABLE, Code.OUTPUT_ROLE, Code.CHAIN_TOO_LONG, Code.OFFLINE, Code.NO_ANSWER),
    *(
        Code.AUTHORIZATION_SERVICE,
        Code.PROXY,
        Code.IMAGE_UNREAD,
        Code.AFTER_DEPLOYMENT,
        Code.DOCKERFILE,
        Code.DOCKER_DAEMON,
        Code.IMAGE_EMPTY,
    ),
)
_LINES: Final = (
    *(Code.LINE_MISSING, Code.LINE_MISSPELT, Code.LINE_IN_WRONG_KEY, Code.LINE_IN_DUPLICATE_KEY, Code.LINE_EARLY),
    *(Code.LINE_TWICE, *_NEED_LANGUAGE_EXTENSIONS),
)
_EXCLUDED: Final = (
    *(Code.WRAPPER_COVERED, Code.WRAPPER_ELSEWHERE, Code.WRAPPER_OVERRIDDEN, Code.CAPABILITY_DROPPED),
    *(Code.WAITS_FOR_AGENT, Code.VALUE_UNKNOWN, Code.TOO_MANY_CONTAINERS, Code.NOT_THE_AGENT),
)
_BUILDERS: Final[Mapping[Code, _Builder]] = {
    **dict.fromkeys((Code.SETTING_UNKNOWN, Code.SETTING_INVALID, Code.COLLECTOR_UNKNOWN, Code.KEY_GIVEN), _in_settings),
    **dict.fromkeys((Code.SETTING_FOR_CONTAINERS, Code.CONTAINERS_IN_TEMPLATE_METADATA), _image_config),
    Code.OPT_OUT_HIDDEN: _tag_of_an_opt_out,
    Code.REASON_MISSING: _reason,
    Code.EXPRESS_SERVICE: _express_service,
    Code.MANAGED_INSTANCES: _in_task({"RequiresCompatibilities": ["FARGATE"]}),
    **dict.fromkeys(_IMAGES, _unknown_here),
    **dict.fromkeys(_LINES, _line),
    **dict.fromkeys(_EXCLUDED, _as_advised),
    **dict.fromkeys((Code.SIZE_TOO_SMALL, Code.SIZE_IS_EXPRESSION), _sizes),
    **dict.fromkeys((Code.NOT_A_LIST, Code.OBJECT_FOR_LIST, Code.NOT_EXTENDABLE, Code.NOT_WRITTEN_OUT), _not_a_list),
    Code.ENTRY_POINT_NOT_EXTENDABLE: _in_container({"EntryPoint": _ARGV}),
    Code.EMPTY_PROGRAM: _in_container({"EntryPoint": _ARGV}),
    Code.EMPTY_NOW: _in_container({"EntryPoint": _ARGV}),
    Code.NOTHING_TO_RUN: _in_container({"Command": _ARGV}),
    Code.IMAGE_MISSING: _in_container({"Image": "REPOSITORY:TAG"}),
    Code.IMAGE_NOT_A_STRING: _in_container({"Image": "REPOSITORY:TAG"}),
    Code.IMAGE_REFERENCE_INVALID: _in_container({"Image": "REGISTRY/REPOSITORY:TAG"}),
    Code.VOLUME_WRITABLE: _in_container({"VolumesFrom": [{"SourceContainer": AGENT_NAME, "ReadOnly": True}]}),
    Code.HOST_PID_MODE: _in_task({"PidMode": "task"}),
    Code.ROLE_MISSING: _in_task({"ExecutionRoleArn": "arn:aws:iam::ACCOUNT:role/NAME"}),
    Code.MEMORY_LIMIT_MISSING: _in_task({"Memory": "MIB"}),
    **dict.fromkeys(
        (Code.ARM64, Code.ARCHITECTURE_UNRESOLVED), _in_task({"RuntimePlatform": {"CpuArchitecture": "X86_64"}})
    ),
    Code.PLATFORM_VERSION: _platform_version,
    Code.COLLECTOR_MISSING: _settings({"Collector": "HOST"}),
    **dict.fromkeys((Code.KEY_MISSING, Code.KEY_INVALID), _settings({"AccessKeySecret": "ARN"})),
    Code.LOG_ROUTER_MISSING: _settings({"AgentLogConfiguration": "inherit"}),
    Code.AGENT_MEMORY_LIMIT: _settings({"AgentMemory": "MIB"}),
}
