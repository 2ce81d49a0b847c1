"""The command line tool: exit codes, messages, and never a stack trace."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from case_folders import FOLDER
from cli.running import run, without_places
from factories import SECRET, container, properties_of, template
from sysdig_instrument.cli import main
from sysdig_instrument.cli.exit_codes import EXIT_OK
from sysdig_instrument.cli.parser import COMMANDS
from sysdig_instrument.engine.json_types import Json

SOURCE = Path(__file__).parent.parent.parent / "src"
GOOD = json.dumps(template())
SET = ["--set", "Collector=us2", "--set", "AccessKeySecret=none", "--set", f"AccessKeySecret={SECRET}"]


def spawn(*arguments: str | Path, stdin: bytes = b"", **more: Any) -> subprocess.CompletedProcess[bytes]:
    """Run the tool in its own process."""
    command = [sys.executable, "-m", "sysdig_instrument", *map(str, arguments)]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(SOURCE)}
    output = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
    return subprocess.run(command, check=False, input=stdin, env=environment, timeout=60, **output)


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.json"
    path.write_text(GOOD)
    return path


# Exit codes


def test_a_processed_template_is_printed_and_the_exit_code_is_0(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, "transform", good, *SET, "--offline")
    assert ran.code == 0
    assert properties_of(ran.value)["PidMode"] == "task"
    assert all(line.startswith("notice: ") for line in without_places(ran.err).splitlines())


def test_a_refused_template_gives_1_and_prints_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "t.json"
    path.write_text(json.dumps(template(container(EntryPoint=5))))
    ran = run(capsys, "transform", path, *SET)
    assert (ran.code, ran.out) == (1, "")
    assert "EntryPoint is not a list" in ran.err


def test_unknown_images_are_refused_offline(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "t.json"
    path.write_text(json.dumps(template(container(EntryPoint=None))))
    ran = run(capsys, "transform", path, *SET, "--offline")
    assert ran.code == 1
    assert '"shop/web:1" is needed, but --offline prevents the lookup' in ran.err


BAD_FILES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is empty"),
    "white": (b" \n\t\n", "is empty"),
    "binary": (bytes(range(256)), "is not a text file"),
    "null-bytes": (b"a\x00b", ""),
    "half-json": (b'{"Resources": {', ""),
    "json-trailing-comma": (b'{"Resources": {},}', ""),
    "broken-yaml": (b"a: [1, 2\nb: c: d", ""),
    "text": (b"hello there", ""),
    "number": (b"5", ""),
    "null": (b"null", ""),
    "list-of-numbers": (b"[1, 2]", ""),
    "empty-object": (b"{}", ""),
    "empty-list": (b"[]", ""),
    "no-resources": (b'{"AWSTemplateFormatVersion": "2010-09-09", "Parameters": {}}', ""),
    "something-else": (b'{"name": "x", "version": "1"}', ""),
    "resources-list": (b'{"Resources": []}', ""),
    "resources-null": (b'{"Resources": null}', ""),
    "resources-text": (b'{"Resources": "x"}', ""),
    "lone-surrogate": (b'{"Resources": {"A": "\\ud800"}}', "surrogate"),
    "huge-number": (b'{"Resources": {"A": ' + b"1" * 5000 + b"}}", "number"),
    "nan": (b'{"Resources": {"A": NaN}}', ""),
    "deep-json": (b'{"Resources":' + b"[" * 100_000, "nested"),
    "deep-yaml": (b"Resources: " + b"[" * 100_000, "nested"),
    "utf-16": ("{}".encode("utf-16"), ""),
    "bom-only": (b"\xef\xbb\xbf", "is empty"),
    "laughs": (b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(b"%c: &%c [%s]\n" % (n, n, b",".join([b"*%c" % (n - 1)] * 9)) for n in range(98, 112)), ""),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_gives_2_and_one_message(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content, expected = BAD_FILES[name]
    path = tmp_path / f"{name}.txt"
    path.write_bytes(content)
    ran = run(capsys, "transform", path, *SET, "--offline")
    assert (ran.code, ran.out) == (2, "")
    assert expected in ran.err
    message = [line for line in ran.err.splitlines() if line.startswith("sysdig-instrument: ")]
    assert len(message) == 1
    assert str(path) in message[0]
    assert len(ran.err) < 1000


def test_a_template_over_a_megabyte_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "large.json"
    path.write_text(json.dumps({"Description": "x" * 1_000_001, **template()}))
    ran = run(capsys, "transform", path, *SET)
    assert (ran.code, ran.out) == (1, "")
    assert "CloudFormation accepts at most 1,000,000" in ran.err


def test_an_enormous_file_is_refused_unread(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "huge.json"
    with path.open("wb") as file:
        file.truncate(1 << 33)
    ran = run(capsys, "transform", path, *SET)
    assert (ran.code, ran.out) == (2, "")


@pytest.mark.parametrize(
    "file",
    [
        pytest.param("", id="empty name"),
        pytest.param(".", id="current folder"),
        pytest.param("/", id="root"),
        pytest.param("/nowhere/at/all", id="missing"),
        pytest.param("/dev/null", id="dev null"),
        pytest.param("x" * 300, id="300 letters"),
        pytest.param("a\x00b", id="NUL in the name"),
        pytest.param("ä", id="non-ASCII name"),
    ],
)
def test_a_file_that_cannot_be_read_gives_2(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, "transform", file, *SET)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err


@pytest.mark.parametrize("option", ["--parameters", "--settings", "--images"])
@pytest.mark.parametrize(
    "content",
    [
        pytest.param(None, id="missing"),
        pytest.param(b"5", id="number"),
        pytest.param(b'"x"', id="string"),
        pytest.param(b"{", id="unclosed"),
        pytest.param(b"\xff", id="not UTF-8"),
        pytest.param(b"[5]", id="list of numbers"),
        pytest.param(b'[{"ParameterKey": "x"}]', id="parameter without value"),
        pytest.param(b"[[]]", id="list of lists"),
    ],
)
def test_a_bad_file_for_an_option_gives_2(
    option: str, content: bytes | None, good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad"
    if content is not None:
        path.write_bytes(content)
    ran = run(capsys, "transform", good, *SET, option, path)
    assert (ran.code, ran.out) == (2, "")
    assert str(path) in ran.err


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.one_of(st.binary(max_size=60), st.text(max_size=60).map(lambda text: text.encode(errors="replace"))))
def test_random_bytes_give_an_error_message(content: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, "transform", "-", *SET, "--offline", stdin=content)
    assert ran.code in (0, 1, 2)
    assert ran.code == 0 or ran.err.strip()


broken = st.tuples(
    st.integers(0, len(GOOD)),
    st.integers(0, 8),
    st.sampled_from(["", "{", "]", '"', ",", "\n", "\\", "\x00", "5", "é"]),
)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(mutation=broken)
def test_a_mutated_template_gives_no_crash(mutation: tuple[int, int, str], capsys: pytest.CaptureFixture[str]) -> None:
    start, length, text = mutation
    content = GOOD[:start] + text + GOOD[start + length :]
    ran = run(capsys, "transform", "-", *SET, "--offline", stdin=content.encode())
    assert ran.code in (0, 1, 2)


# Streams


def test_a_template_is_piped_through() -> None:
    ran = spawn("transform", "-", *SET, stdin=GOOD.encode())
    assert ran.returncode == 0
    assert properties_of(json.loads(ran.stdout))["PidMode"] == "task"


def test_a_closed_output_pipe_is_no_error() -> None:
    command = [sys.executable, "-m", "sysdig_instrument", "transform", "-", *SET]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={"PYTHONPATH": str(SOURCE)}
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        process.stdin.write(json.dumps({"Description": "x" * 200_000, **template()}).encode())
        process.stdin.close()
        messages = process.stderr.read()
        assert process.wait(60) == 0
    assert b"Traceback" not in messages
    assert b"Exception ignored" not in messages


@contextlib.contextmanager
def full() -> Iterator[int]:
    descriptor = os.open("/dev/full", os.O_WRONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


linux = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")


@linux
@pytest.mark.parametrize(
    "arguments",
    [["transform", "-", *SET], ["check", "-", *SET], ["images", "-", *SET, "--offline"]],
    ids=lambda arguments: arguments[0],
)
def test_a_full_disk_gives_2_and_a_message(arguments: list[str]) -> None:
    needs_image = json.dumps(template(container(EntryPoint=None)))
    with full() as stream:
        ran = spawn(*arguments, stdin=(needs_image if "images" in arguments else GOOD).encode(), stdout=stream)
    assert ran.returncode == 2
    assert b"Cannot write to standard output: No space left on device" in ran.stderr
    assert b"Traceback" not in ran.stderr
    assert b"Exception ignored" not in ran.stderr


@linux
@pytest.mark.parametrize("arguments", [["--help"], ["check", "--help"], ["--version"]], ids=" ".join)
def test_help_on_a_full_disk_gives_2_and_a_message(
    arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Path("/dev/full").open("w", buffering=1) as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        assert main.run(arguments) == 2
        monkeypatch.undo()
    assert "Cannot write to standard output: No space left on device" in capsys.readouterr().err


@linux
def test_messages_that_cannot_be_written_stop_nothing() -> None:
    with full() as stream:
        ran = spawn("transform", "-", *SET, stdin=GOOD.encode(), stderr=stream)
    assert ran.returncode == 0
    assert properties_of(json.loads(ran.stdout))["PidMode"] == "task"


@pytest.mark.parametrize(
    ("closed", "code"),
    [pytest.param("<&-", 2, id="stdin"), pytest.param(">&-", 2, id="stdout"), pytest.param("2>&-", 0, id="stderr")],
)
def test_a_closed_stream_is_no_crash(closed: str, code: int, good: Path) -> None:
    file = "-" if closed == "<&-" else str(good)
    line = f"'{sys.executable}' -m sysdig_instrument transform {file} {' '.join(SET)} {closed}"
    ran = subprocess.run(
        ["sh", "-c", line], check=False, capture_output=True, env={"PYTHONPATH": str(SOURCE)}, timeout=60
    )
    assert ran.returncode == code, ran.stderr
    assert b"Traceback" not in ran.stderr


@pytest.mark.parametrize(
    "arguments",
    ["transform FILE", "check FILE", "explain FILE", "diff FILE", "settings FILE", "completion bash", "--help", "--version"],
    ids=lambda arguments: arguments.split()[0].strip("-"),
)  # fmt: skip
def test_a_result_that_cannot_be_delivered_is_an_error(arguments: str, good: Path) -> None:
    line = f"'{sys.executable}' -m sysdig_instrument {arguments.replace('FILE', str(good))} "
    line += " ".join(SET) if "FILE" in arguments else ""
    environment = {"PYTHONPATH": str(SOURCE)}
    for closed in (">&-", "1</dev/null"):
        ran = subprocess.run(
            ["sh", "-c", f"{line} {closed}"], check=False, capture_output=True, env=environment, timeout=60
        )
        assert ran.returncode == 2
        assert b"Cannot write to standard output: It is closed. Write to a file with -o." in ran.stderr
        assert b"Traceback" not in ran.stderr
        assert b"Exception ignored" not in ran.stderr


def test_a_closed_standard_output_that_is_not_needed_is_no_error(good: Path, tmp_path: Path) -> None:
    line = f"'{sys.executable}' -m sysdig_instrument transform {good} {' '.join(SET)} -o {tmp_path / 'out'} >&-"
    ran = subprocess.run(
        ["sh", "-c", line], check=False, capture_output=True, env={"PYTHONPATH": str(SOURCE)}, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
    assert properties_of(json.loads((tmp_path / "out").read_text()))["PidMode"] == "task"


@pytest.mark.parametrize(
    ("command", "container_definition", "expected"),
    [
        pytest.param("transform", container(Name="wäb", EntryPoint=5), b'container "w?b"', id="transform"),
        pytest.param("images", container(Image="wäb:1", EntryPoint=None), b"w?b:1 (amd64)", id="images"),
    ],
)
def test_a_terminal_without_unicode_is_no_crash(
    command: str, container_definition: Json, expected: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "t.json"
    path.write_text(json.dumps(template(container_definition)), encoding="utf-8")
    call = [sys.executable, "-m", "sysdig_instrument", command, str(path), *SET, "--offline"]
    environment = {"PYTHONPATH": str(SOURCE), "PYTHONIOENCODING": "ascii"}
    ran = subprocess.run(call, check=False, capture_output=True, env=environment, timeout=60)
    assert ran.returncode == 1
    assert expected in ran.stdout + ran.stderr


# Output


def test_output_option_writes_only_the_file(good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, "transform", good, *SET, "-o", tmp_path / "out")
    assert (ran.code, ran.out) == (0, "")
    assert properties_of(json.loads((tmp_path / "out").read_text()))["PidMode"] == "task"


@pytest.mark.parametrize("output", [".", "/nowhere/x", "/dev/full"])
def test_an_output_that_cannot_be_written_gives_2(output: str, good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, "transform", good, *SET, "-o", output)
    assert ran.code == 2
    assert f"Cannot write {output}: " in ran.err


def test_formats_convert_into_one_another(good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    as_json = run(capsys, "transform", good, *SET)
    as_yaml = run(capsys, "transform", good, *SET, "--format", "yaml")
    assert not as_yaml.out.startswith("{")
    path = tmp_path / "t.yaml"
    path.write_text(as_yaml.out)
    back = run(capsys, "transform", path, *SET, "--format", "json")
    assert back.value == as_json.value
    assert run(capsys, "transform", path, *SET).out == as_yaml.out


def test_task_level_changes_do_not_fit_container_arrays(capsys: pytest.CaptureFixture[str]) -> None:
    array = json.dumps([{"name": "web", "image": "x", "entryPoint": ["a"]}]).encode()
    ran = run(capsys, "transform", "-", *SET, stdin=array)
    assert ran.code == 0
    assert (
        "An array of container definitions cannot hold pidMode. Set pidMode to task in the task definition." in ran.err
    )


# Options


def parameters_template() -> dict[str, Json]:
    value = template(container(Image={"Ref": "Image"}, EntryPoint=None))
    return {"Parameters": {"Image": {"Type": "String"}}, **value}


PARAMETERS: dict[str, Json] = {
    "object": {"Image": "a=b:1"},
    "list of the AWS CLI": [{"ParameterKey": "Image", "ParameterValue": "a=b:1"}],
    "previous value": [
        {"ParameterKey": "Image", "ParameterValue": "a=b:1"},
        {"ParameterKey": "Other", "UsePreviousValue": True},
    ],
    "list of pairs": ["Image=a=b:1"],
    "list of values": {"Image": ["a=b:1"]},
    "template configuration of CodePipeline": {"Parameters": {"Image": "a=b:1"}, "Tags": {"team": "shop"}},
}


@pytest.mark.parametrize("given_parameters", PARAMETERS.values(), ids=PARAMETERS)
def test_parameters_are_taken_in_every_form(
    given_parameters: Json, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parameters, images, path = (tmp_path / name for name in ("p.json", "i.json", "t.json"))
    path.write_text(json.dumps(parameters_template()))
    parameters.write_text(json.dumps(given_parameters))
    images.write_text(json.dumps({"a=b:1": {"Entrypoint": ["x"]}}))
    ran = run(capsys, "transform", path, *SET, "--offline", "--parameters", parameters, "--images", images)
    assert ran.code == 0, ran.err


def test_a_previous_value_is_not_the_default(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parameters, path = tmp_path / "p.json", tmp_path / "t.json"
    value = parameters_template()
    value["Parameters"] = {"Image": {"Type": "String", "Default": "old:1"}}
    path.write_text(json.dumps(value))
    parameters.write_text(json.dumps([{"ParameterKey": "Image", "UsePreviousValue": True}]))
    arguments: list[str | Path] = ["transform", path, *SET, "--offline", "--parameters", parameters]
    assert 'parameter "Image" has no value here. Give the parameter a value (-p Image=…)' in run(capsys, *arguments).err
    assert '"new:1" is needed' in run(capsys, *arguments, "-p", "Image=new:1").err


def test_p_wins_over_the_file_and_keeps_equals_signs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parameters, path = tmp_path / "p.json", tmp_path / "t.json"
    path.write_text(json.dumps(parameters_template()))
    parameters.write_text('{"Image": "other"}')
    ran = run(capsys, "transform", path, *SET, "--offline", "--parameters", parameters, "-p", "Image=a=b")
    assert "The image a=b is not a valid image reference" in ran.err


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param("Image", id="no equals sign"),
        pytest.param("=x", id="no name"),
        pytest.param(" =x", id="blank name"),
        pytest.param("", id="empty"),
    ],
)
@pytest.mark.parametrize("option", ["-p", "--set"])
def test_a_malformed_name_value_pair_gives_2(
    option: str, bad: str, good: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = run(capsys, "transform", good, option, bad)
    assert ran.code == 2
    assert f"A value of {option} has no name or no equals sign. Write {option} NAME=VALUE." in ran.err


def test_set_keeps_equals_signs_and_ignores_empty_values(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, "transform", good, *SET, "--set", "ExtraConf=a=b=c", "--set", "LogLevel=")
    (agent,) = properties_of(ran.value)["ContainerDefinitions"][1:]
    assert {"Name": "SYSDIG_EXTRA_CONF", "Value": "a=b=c"} in agent["Environment"]
    assert "SYSDIG_LOGGING" not in {each["Name"] for each in agent["Environment"]}


def test_an_unknown_setting_gets_a_suggestion(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, "transform", good, "--set", "Colector=us2")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == 'sysdig-instrument: Unknown setting "Colector" in --set. Did you mean "Collector"? (SI101)\n'


@pytest.mark.parametrize("option", ["--settings", "--images", "--parameters"])
@pytest.mark.parametrize("text", ["", "\n", "# Collector: us3\n", "null"], ids=["empty", "blank", "comment", "null"])
def test_a_file_without_values_has_no_values(
    option: str, text: str, good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "empty.yaml"
    path.write_text(text)
    assert run(capsys, "transform", good, *SET, option, path).code == 0


def test_a_repeated_option_adds_up_and_the_last_value_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "t.json"
    path.write_text(json.dumps(parameters_template()))
    arguments: list[str | Path] = ["transform", path, "--offline"]
    for option, values in {
        "--settings": ({"Collector": "us3", "Priority": "security"}, {"Collector": "us2", "AccessKeySecret": SECRET}),
        "--images": ({"a": {"Entrypoint": ["x"]}}, {"b": {"Entrypoint": ["y"]}}),
        "--parameters": ({"Image": "c"}, {"Image": "a"}),
    }.items():
        for number, value in enumerate(values):
            file = tmp_path / f"{option}{number}.json"
            file.write_text(json.dumps(value))
            arguments += [option, file]
    web, agent = properties_of(run(capsys, *arguments).value)["ContainerDefinitions"]
    assert web["EntryPoint"] == ["/opt/draios/bin/instrument", "x"]
    assert agent["Essential"] is True
    assert {"Name": "SYSDIG_COLLECTOR", "Value": "ingest-us2.app.sysdig.com"} in agent["Environment"]


def test_a_minus_is_standard_output(
    good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(capsys, "transform", good, *SET, "-o", "-").value == run(capsys, "transform", good, *SET).value
    assert run(capsys, "images", good, *SET, "--offline", "-o", "-").value == {}
    assert not Path("-").exists()


def test_set_wins_over_the_settings_file(good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(f"Collector: us3\nAccessKeySecret: {SECRET}\nPriority: security\n")
    ran = run(capsys, "transform", good, "--settings", path, "--set", "Priority=availability")
    assert properties_of(ran.value)["ContainerDefinitions"][1]["Essential"] is False


@pytest.mark.parametrize("key", ["entrypoint", "EntryPoint", "CMD", "Command", ""])
def test_a_misspelt_key_of_an_image_config_gives_2(
    key: str, good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "i.json"
    path.write_text(json.dumps({"nginx": {key: ["x"]}}))
    ran = run(capsys, "transform", good, *SET, "--images", path)
    assert (ran.code, ran.out) == (2, "")
    assert f'image "nginx" has the unknown key "{key}"' in ran.err


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("--ofline", "--offline"),
        ("--parameter-file=x", "--parameter"),
        ("--setings=x", "--settings"),
        ("--frmat", "--format"),
        ("--output-file", "--output"),
    ],
)
def test_a_mistyped_option_gets_a_suggestion(
    wrong: str, meant: str, good: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = run(capsys, "transform", good, wrong)
    assert ran.code == 2
    assert f'Did you mean "{meant}' in ran.err


@pytest.mark.parametrize(
    "extra",
    [
        pytest.param("", id="empty"),
        pytest.param(" ", id="space"),
        pytest.param("--", id="two-hyphens"),
        pytest.param("=", id="equals-sign"),
        pytest.param("--=", id="option-without-a-name"),
        pytest.param("-", id="hyphen"),
        pytest.param("\n", id="newline"),
        pytest.param("--ä", id="option-with-an-umlaut"),
        pytest.param("x y", id="two-words"),
    ],
)
def test_an_argument_too_many_gives_2(extra: str, good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "transform", good, "--offline", extra, "more").code == 2


@pytest.mark.parametrize(
    "arguments",
    [["transform"], ["trnsform", "x"], ["--nothing"], ["transform", "x", "--format", "xml"], ["-p"]],
    ids=" ".join,
)
def test_a_usage_error_gives_2_and_points_to_help(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.endswith(" --help\n")


@pytest.mark.parametrize(
    "command", [[], *([each.name] for each in COMMANDS)], ids=lambda command: "".join(command) or "sysdig-instrument"
)
def test_every_command_has_a_help_that_fits_a_terminal(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, *command, "--help")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("usage: sysdig-instrument")
    assert max(map(len, ran.out.splitlines())) <= 100


def test_the_prose_of_help_fits_a_narrow_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    for command in ([], ["inventory"], ["check"]):
        prose = [line for line in run(capsys, *command, "--help").out.splitlines() if line[:1].isalpha()]
        assert max(map(len, prose)) <= 60
        assert len(prose) > 5


def test_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "--version").out.startswith("sysdig-instrument ")


# The other commands


def test_check_gives_1_where_something_is_not_instrumented(
    good: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = run(capsys, "check", good, *SET)
    assert ran.code == 1
    assert "NOT protected" in ran.out
    processed = tmp_path / "processed.json"
    run(capsys, "transform", good, *SET, "-o", processed)
    ran = run(capsys, "check", processed, *SET)
    assert ran.code == 0
    assert "Api  protected" in ran.out
    assert "NOT" not in ran.out


def test_images_writes_what_transform_reads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, images = tmp_path / "t.json", tmp_path / "i.json"
    path.write_text(json.dumps(template(container(EntryPoint=None))))
    ran = run(capsys, "images", path, *SET, "--offline", "-o", images)
    assert ran.code == 1
    assert json.loads(images.read_text()) == {}
    images.write_text('{"shop/web:1": {"Entrypoint": ["x"], "Cmd": null}}')
    assert run(capsys, "images", path, *SET, "--offline", "--images", images).code == 0
    assert run(capsys, "transform", path, *SET, "--offline", "--images", images).code == 0


def test_parameters_of_the_transform_in_the_template_apply(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "app.yaml"
    text = (FOLDER / "worked-example-template" / "template.yaml").read_text()
    transform = "Transform: [{Name: SysdigInstrument-canary, Parameters: {Priority: security, AgentMemory: '64'}}]"
    path.write_text(text.replace("Transform: SysdigInstrument", transform))
    assert (
        main.run(
            ["transform", str(path), "--set", "Collector=us2", "--set", "AccessKeySecret=none", "--format", "json"]
        )
        == EXIT_OK
    )
    containers = json.loads(capsys.readouterr().out)["Resources"]["SecurityPlayground"]["Properties"][
        "ContainerDefinitions"
    ]
    assert containers[-1]["Essential"] is True
    assert containers[-1]["Memory"] == 64


@pytest.mark.parametrize("command", ["transform", "diff", "explain", "check", "settings", "images"])
def test_a_misspelt_parameter_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    """CloudFormation would refuse it; the intended parameter would keep its default."""
    path = tmp_path / "t.json"
    path.write_text(json.dumps({"Parameters": {"Image": {"Type": "String", "Default": "shop/web:1"}}, "Resources": {}}))
    ran = run(capsys, command, path, "-p", "Imgae=a", "-p", "Image=b")
    assert 'No template has the parameter "Imgae" given with -p. Did you mean "Image"? (SI702)' in ran.err
    assert ran.code == 2
    ran = run(capsys, command, path, "-p", "Other=c")
    assert 'the parameter "Other" given with -p. Correct its name, or leave it out. (SI702)' in ran.err
    assert ran.code == 2
    assert run(capsys, command, path, "-p", "Image=b").code == 0
