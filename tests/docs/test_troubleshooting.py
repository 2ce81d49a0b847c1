"""docs/troubleshooting.md lists every message that the software can print.

A message is a string of three words or more in the code that is neither a docstring nor advice. Advice follows a fact,
and begins with what to do.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from sysdig_instrument.documents import yaml_syntax

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "sysdig_instrument"
PAGE = re.sub(r"\s+", " ", (ROOT / "docs" / "troubleshooting.md").read_text())

DOES = (
    "Add", "Admit", "Allow", "Ask", "Check", "Correct", "Create", "Deploy", "Did you mean", "Give", "Have", "If", "Indent", "Install", "Leave", "Let",
    "List", "Look", "Make", "Move", "Name", "Plan", "Push", "Put", "Remove", "Rename", "Report", "Save", "Set", "Shorten", "Take", "Try",
    "Use", "Wait", "Write",
    "Add", "Fix", "Grant", "Provide", "Run",
)  # fmt: skip
ADVICE = re.compile(rf"(?:{'|'.join(DOES)})\b")

REPORT = re.compile(r"(?:Usage|Refused|User)Error|Notice|Problem|Unavailable|Unread|Failure|tell|error")

NOT_MESSAGES = {
    # reasons of changes
    "ECS reads the agent's access key with the execution role",
    "the wrapper traces the workload",
    "the wrapper starts what the container runs",
    "the wrapper starts the image's ENTRYPOINT",
    "the image's CMD, which ECS drops once there is an EntryPoint",
    "the wrapper is in EntryPoint",
    "the list stays an expression",
    "tells the wrapper that the agent runs beside it",
    "DefaultExecutionRoleArn, because the task has no role of its own",
    "the agent sees the workload's processes",
    "makes room for the agent's reservation",
    "records what was done, and why",
    "was written with the agent",
    "says how to undo the changes",
    "mounts /opt/draios with the wrapper from the agent's container",
    "tells the hook and coverage what is left alone",
    "the workload only needs to read the agent's files",
    "as the settings say",
    "the task definition that PrimaryContainer stands for",
    "the task definition has it",
    "its task definition carries the agent",
    "is set by this macro",
    # what became of a container, in the Result
    "entry point from the image",
    "entry point left unchanged",
    "entry point from the template",
    # parts of messages
    "the next Fargate size that fits",
    "which is enough",
    "the task definition's Properties",
    'Containers: {…: {Reason: "…"}}',
    'Tags: [{Key: …, Value: "…"}]',
    "Metadata: {SysdigInstrument: {…}}",
    "the ARN of AccessKeySecret",
    "it depends on too many conditions",
    # names of things in messages
    "the template's Metadata",
    "the Transform's Parameters",
    "the resource's Metadata",
    "the containers with the wrapper",
    "the macro's deployment",
    "The processed template",
    "described task definition",
    "Each container that has to be protected is protected",
    "string or intrinsic",
    "PyYAML's parsers mark every event",
    "AWS Systems Manager",
    "AWS Secrets Manager",
    "of the stack operation",
    "CONNECT … HTTP/1.1",
}
FORMS = {
    "begins with the wrapper",
    "is the wrapper, with nothing after it",
    "names the wrapper, but does not begin with it, as in sh -c",
    "an expression that evaluates to a list",
    "an expression that evaluates to no item with the current parameter values",
    "may be AWS::NoValue, which is not known here",
    "one empty string",
    "not a list",
}
"""Names of forms in the code; no message has them."""

MESSAGES_OF_PYTHONS_JSON_PARSER = {
    "Expecting ',' delimiter",
    "Expecting ':' delimiter",
    "Expecting property name enclosed in double quotes",
    "Illegal trailing comma before end of array",
    "Illegal trailing comma before end of object",
    "Invalid control character",
    "Invalid control character at",
    "Unterminated string starting at",
}
"""The tool prints words of its own instead."""

AFTER_INVALID_YAML = {*yaml_syntax.PLAIN_WORDS, *yaml_syntax.PLAIN_WORDS.values()}
"""What follows «invalid YAML: »: the parser's words, and ours."""

PARTS = {
    # These take another text, which is a message of its own.
    "This is not a CloudFormation macro event",
    "the token service … … (status",
    "The container",
    "The task definition",
    "the task definition",
    # It stands for a value, and is never printed.
    "a value known after apply",
}


def messages(path: Path) -> Iterator[str]:
    """Yield the strings of a module, with … for each placeholder."""
    tree = ast.parse(path.read_text())
    skipped = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # docstrings
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign | ast.arg):
            skipped |= {id(part) for part in ast.walk(node.annotation or ast.Constant(0))}
        if isinstance(node, ast.JoinedStr):
            skipped |= {id(part) for part in node.values}
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"cast", "TypeError"}:
            skipped |= {id(part) for part in node.args}
    for node in ast.walk(tree):
        if id(node) not in skipped:
            yield from texts(node)


def reported(path: Path) -> Iterator[str]:
    """Yield the strings of a module that reach an error, a finding or the user. The command line tool has many others."""
    tree = ast.parse(path.read_text())
    constants = {name: value for name, value in map(constant, tree.body) if name}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and REPORT.fullmatch(called(node)):
            inner = [part for argument in node.args for part in ast.walk(argument)]
            formatted = [part for part in inner if isinstance(part, ast.JoinedStr)]
            pieces = {id(piece) for text in formatted for piece in ast.walk(text) if piece is not text}
            for part in inner:
                if id(part) not in pieces:
                    yield from texts(part)
                if isinstance(part, ast.Name) and part.id in constants:
                    yield from texts(constants[part.id])


def called(node: ast.Call) -> str:
    match node.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def constant(node: ast.stmt) -> tuple[str, ast.AST]:
    """Return the name and the value of a constant of a module."""
    match node:
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.AST() as value):
            return name, value
    return "", node


def texts(node: ast.AST) -> Iterator[str]:
    """Yield the string that a node is, if it is one."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in values)


def fact(text: str) -> str:
    """Return the first sentence, without placeholders at its ends."""
    text = re.sub(r"^(sysdig-instrument|notice): ", "", re.sub(r"\s+", " ", text))
    first = re.split(r"[.;] (?=[A-Z…])", text)[0]
    return re.sub(r"…+", "…", first).strip("… :;.,'\"()")


def is_message(text: str) -> bool:
    is_code = re.search(r"\\[A-Za-z]|\[\^|\(\?|^\w*\[| \| ", text)
    return len(fact(text).split()) >= 3 and not ADVICE.match(text) and not is_code


def unexplained(found: Iterator[str]) -> list[str]:
    known = NOT_MESSAGES | FORMS | PARTS | MESSAGES_OF_PYTHONS_JSON_PARSER | set(map(fact, AFTER_INVALID_YAML))
    return [text for text in found if is_message(text) and fact(text) not in known and fact(text) not in PAGE]


OF_THE_TOOL = {"cli", "coverage", "services", "stacks", "__main__.py"}
WITHOUT_MESSAGES = {
    "cfn_lint.py": "its texts describe the rules, and its messages are the engine's",
    "engine/paste.py": "its texts say where to paste",
    "engine/settings/table.py": "its texts describe the settings",
    "engine/settings/patterns.py": 'its texts are parts of messages, such as "the ARN of …"',
    "engine/settings/types.py": 'its texts are parts of messages, such as "true or false"',
    "function/telemetry.py": "its texts are names of metrics",
    "lazy_dataclasses.py": "its texts are Python code",
}
"""Modules whose texts need no explanation, and why."""
MODULES = [path for path in sorted(SOURCE.rglob("*.py")) if path.relative_to(SOURCE).as_posix() not in WITHOUT_MESSAGES]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_every_message_is_explained(path: Path) -> None:
    of_the_tool = path.relative_to(SOURCE).parts[0] in OF_THE_TOOL
    assert not unexplained(reported(path) if of_the_tool else messages(path)), (
        "docs/troubleshooting.md lacks these messages"
    )


def test_every_makefile_message_is_explained() -> None:
    makefile = re.sub(r"\\\n\s*", "", (ROOT / "Makefile").read_text())
    printed = re.findall(r"echo '([^']+)'[^;]*>&2", makefile) + re.findall(r'"([^"]+)"\)\'$', makefile, re.MULTILINE)
    assert len(printed) >= 4
    assert [text for text in printed if fact(text.replace("' '", " ")) not in PAGE] == []
