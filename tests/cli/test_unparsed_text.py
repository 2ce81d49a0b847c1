"""A file that cannot be read: a terminal shows the line, and none of its values."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from cli.running import run
from sysdig_instrument.cli import excerpts
from sysdig_instrument.cli.console import Console
from sysdig_instrument.cli.excerpts import error_excerpt
from sysdig_instrument.documents import read
from sysdig_instrument.documents.errors import SourceError
from sysdig_instrument.errors import UsageError

SECRET = "hunter2"  # noqa: S105 - no password
TASK = """\
Resources:
  Api:
    Type: AWS::ECS::TaskDefinition
    Properties:
      PidMode: task
      NetworkMode: awsvpc
      Cpu: 512
      ContainerDefinitions:
        - Name: web
          Image: shop/web:1
"""
MISTAKES = {
    # name: what is replaced, with what; the line and column; a part of the message; the line as it is shown
    "no colon": ("NetworkMode: awsvpc", "NetworkMode awsvpc", 6, 7, "there is a key without a colon", "      NetworkMode ***"),
    "no space": ("NetworkMode: awsvpc", "NetworkMode:awsvpc", 6, 7, "there is a key without a colon", "      NetworkMode:***"),
    "one space less": ("      Cpu", "     Cpu", 7, 6, "this line begins with 5 spaces, but the keys above begin with", "     Cpu: ***"),
    "one space more": ("      Cpu", "       Cpu", 7, 8, "begins with 7 spaces, but the keys above", "       Cpu: ***"),
    "no dash": ("- Name", "Name", 10, 11, "begins with 10 spaces, but the keys above", "          Image: ***"),
    "no such item": ("          Image", "         Image", 10, 10, "begins with 9 spaces, but the keys above", "         Image: ***"),
    "a tab": ("      Cpu", "\t  Cpu", 7, 1, "YAML does not allow a tab here", "      Cpu: ***"),
    "a quote": ("shop/web:1", '"shop/web:1', 10, 18, "this quote is not closed", '          Image: "***'),
    "another quote": ("shop/web:1", "'shop/web:1", 10, 18, "this quote is not closed", "          Image: '***"),
    "a bracket": ("512", "[512", 7, 12, "no closing bracket", "      Cpu: [***"),
    "a brace": ("512", "{A: 512", 7, 12, "no closing brace", "      Cpu: {***"),
    "a conflict": ("      Cpu", "<<<<<<< HEAD\n      Cpu", 7, 1, "this is a conflict of a Git merge", "<***"),
    "an alias": ("512", "*size", 7, 12, "no such anchor is defined before it", "      Cpu: ***"),
    "a template": ("512", "{{ cpu }}", 7, 13, "a template language", "      Cpu: ***{ ***"),
}  # fmt: skip


def error_of(text: str, name: str = "app.yaml") -> SourceError:
    with pytest.raises(SourceError) as caught:
        read(text.encode(), name)
    return caught.value


def shown(error: SourceError, width: int = 80) -> list[str]:
    console = Console(width, is_terminal=True, shows_text=True)
    return "".join(error_excerpt(error, console)).splitlines()


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_in_yaml(name: str) -> None:
    old, new, line, column, message, expected = MISTAKES[name]
    error = error_of(TASK.replace(old, new, 1))
    assert (error.line, error.column) == (line, column)
    assert message in error.message
    lines = shown(error)
    assert lines[1] == f"  {line} | {expected}"
    caret = lines[2].index("^") - len(f"  {line} | ")
    assert caret == {"a tab": 0, "a template": column + 1}.get(name, column - 1)


@pytest.mark.parametrize(
    ("text", "message", "expected"),
    [
        ('{"Resources": {}\n', "the file ends before its last bracket is closed", []),
        ('{"Resources":\n  {"Type": "x}}\n', "this string has no closing quote on its line", ['  2 |   {"Type": "***']),
        ('{\n  "Type": "a",\n}\n', "there is a comma after the last member", ["  3 | }"]),
        ('{\n  "Type" "a"}\n', "there is no colon after this key", ['  2 |   "Type" "***']),
        ('{\n// a\n"Type": "a"}\n', "JSON has no comments", ["  2 | ***"]),
    ],
)
def test_a_mistake_in_json(text: str, message: str, expected: list[str]) -> None:
    error = error_of(text, "app.json")
    assert message in error.message
    assert shown(error)[1:2] == expected


TEXT = """\
Resources:
  Api:
    Properties:
      ContainerDefinitions:
        - Environment: [{Name: A, Value: hunter2}]
          Command: hunter2 --x hunter2
          hunter2: hunter2
          Secret: "hunter2"
          Text: |
            hunter2: hunter2
            PASSWORD=hunter2
          Url: https://hunter2:hunter2@example.com/?hunter2
          # hunter2
"""


def errors_in(texts: Iterable[str]) -> Iterator[SourceError]:
    for text in texts:
        try:
            read(text.encode(), "app.yaml")
        except SourceError as error:
            yield error


def broken_texts(broken: str) -> Iterator[str]:
    """Yield the text, broken at three places of each line that has the secret."""
    lines = TEXT.splitlines(keepends=True)
    for number, part in itertools.product(range(4, len(lines)), ("start", "middle", "end")):
        line = lines[number].rstrip("\n")
        at = {"start": len(line) - len(line.lstrip()), "middle": line.find(SECRET), "end": len(line)}[part]
        yield "".join([*lines[:number], line[:at], broken, line[at:], "\n", *lines[number + 1 :]])


@pytest.mark.parametrize("broken", ["\t", '"', "[", "{", "@", ": ", " : :", "'", "]", "}", "- ", "\x01", "hunter2"])
def test_no_value_is_shown_wherever_it_breaks(broken: str) -> None:
    errors = list(errors_in(broken_texts(broken)))
    assert errors
    for error in errors:
        assert SECRET not in "\n".join([*shown(error, 20), *shown(error, 80), str(error)])


def test_a_long_line_is_cut_and_masked() -> None:
    error = error_of('{"A": ["' + f'{SECRET}", "' * 500 + '"x" "y"]}', "app.json")
    assert all(len(line) <= 60 for line in shown(error, 60))
    assert SECRET not in "\n".join(shown(error, 60))


@pytest.mark.parametrize("command", ["check", "explain", "diff", "transform", "settings", "enable", "images"])
def test_each_command_shows_it_on_a_terminal_only(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("app.yaml").write_text(TASK.replace("NetworkMode:", "NetworkMode"))
    arguments = [command, "app.yaml", "--no-config", "--set", "Collector=us2"]
    ran = run(capsys, *arguments)
    assert ran.code == 2
    assert "app.yaml:6:7: invalid YAML" in ran.err
    assert "NetworkMode" not in ran.err
    monkeypatch.setattr(excerpts, "detect_console", lambda *_: Console(80, is_terminal=True, shows_text=True))
    assert "6 |       NetworkMode ***\n" in run(capsys, *arguments).err


def test_reports_have_the_place(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("app.yaml").write_text(TASK.replace("NetworkMode:", "NetworkMode"))
    ran = run(capsys, "check", "app.yaml", "--no-config", "--format", "github")
    assert ran.out.startswith(
        "::error file=app.yaml,line=6,col=7,title=The file cannot be used::invalid YAML: there is"
    )
    (item,) = run(capsys, "check", "app.yaml", "--no-config", "--format", "json").value[0]["remarks"]
    assert (item["line"], item["column"]) == (6, 7)
    assert json.dumps(item).count("6:7") == 0


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        pytest.param(b"\x1f\x8b\x08\x08\xff\xfe\xfd", "app.yaml", "is not a text file", id="gzip"),
        pytest.param(b"PK\x03\x04\xff", "app.yaml", "is not a text file", id="zip"),
        pytest.param(b"Gr\xfc\xdfe: 1", "app.yaml", "is not valid UTF-8: line 1 has an invalid byte", id="latin-1"),
        pytest.param(b'resource "a" "b" {}\n', "main.tf", "is Terraform's configuration", id="terraform"),
    ],
)
def test_what_is_no_template(content: bytes, name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read(content, name)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("services: {web: {image: nginx}}", "is a Docker Compose file"),
        ("{apiVersion: apps/v1, kind: Deployment}", "is a Kubernetes manifest"),
        ("services: []", "lists or describes something other than a task definition"),
        ("hello world", "is plain text or a single value"),
    ],
)
def test_other_files(
    text: str, message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("app.yaml").write_text(text)
    assert message in run(capsys, "check", "app.yaml", "--no-config").err
