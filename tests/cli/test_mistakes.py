"""Mistakes that people make: each message has the fact, what to do and a code, and repeats no value that may be secret."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from cli.running import run, without_places
from sysdig_instrument.engine.agent import COLLECTORS

KEY = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"
SECRET = "arn:aws:secretsmanager:us-east-1:111122223333:secret:s-AbCdEf"  # noqa: S105 - the ARN of no secret
SET = ["--no-config", "--set", "Collector=us2", "--set", f"AccessKeySecret={SECRET}"]
TEMPLATE = """
Transform: SysdigInstrument
Resources:
  Api:
    Type: AWS::ECS::TaskDefinition
    {metadata}
    Properties:
      RequiresCompatibilities: [FARGATE]
      NetworkMode: awsvpc
      Cpu: 512
      Memory: 1024
      {role}
      ContainerDefinitions:
        - {{Name: web, Image: shop/web:1, {argv}}}
"""


def source(metadata: str = "", role: str = "ExecutionRoleArn: r", argv: str = "EntryPoint: [/web]") -> str:
    return TEMPLATE.format(metadata=metadata, role=role, argv=argv)


def words(text: str) -> str:
    """Return a text on one line."""
    return " ".join(text.split())


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("app.yaml").write_text(source())
    Path("folder").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "Colector=us2"], 'Unknown setting "Colector" in --set. Did you mean "Collector"? (SI101)'),
        (["--set", "collector=us2"], 'Unknown setting "collector" in --set. Did you mean "Collector"? (SI101)'),
        (["--set", "Collector=https://c.example.com"], "Use a collector's host name, without https:// and port, or a region"),
        (["--set", "AgentImage=https://quay.io/sysdig/workload-agent:5"], "Use an image reference, without https://"),
        (["--set", "Collector"], "A value of --set has no name or no equals sign. Write --set NAME=VALUE. (SI701)"),
        (["--set", "Collector=us2"], "Set AccessKeySecret to the ARN of the secret that holds the key"),
        ([*SET, "--settings", "nope.yaml"], "nope.yaml cannot be read: No such file or directory. Give the path of a JSON or YAML file with the settings. (SI801)"),
        ([*SET, "--images", "nope.json"], "nope.json cannot be read: No such file or directory. Give the path of a JSON or YAML file with the image configs. (SI801)"),
        ([*SET, "-p", "Enviroment=x"], 'No template has the parameter "Enviroment" given with -p. Correct its name, or leave it out. (SI702)'),
    ],
)  # fmt: skip
def test_options(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert message in run(capsys, "transform", "app.yaml", "--no-config", *arguments).err


@pytest.mark.parametrize("region", ["us9", "eu2", "eu-1", "jp1", "US2x", "au2"])
def test_no_other_region_is_suggested(region: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The data would go to another country."""
    shown = run(capsys, "transform", "app.yaml", "--no-config", "--set", f"Collector={region}")
    assert shown.code == 2
    assert "(SI104)" in shown.err
    assert "Did you mean" not in shown.err
    assert all(each in shown.err for each in COLLECTORS)  # all of them, and none in particular


@pytest.mark.parametrize("value", [KEY, KEY.upper(), KEY.replace("-", ""), "1234-5678", "sysdig/access-key"])
def test_a_key_or_a_name_in_place_of_an_arn_is_not_repeated(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--set", f"AccessKeySecret={value}"], ["--settings", "key.yaml"], []):
        Path("key.yaml").write_text(f"AccessKeySecret: {value}\n")
        metadata = f"Metadata: {{SysdigInstrument: {{AccessKeySecret: {value}}}}}" if not arguments else ""
        Path("app.yaml").write_text(source(metadata))
        shown = run(capsys, "transform", "app.yaml", "--no-config", "--set", "Collector=us2", *arguments)
        assert shown.code in (1, 2)
        assert "looks like an access key or the name of a secret" in shown.err
        assert "replace it with a new one" in shown.err
        assert value not in shown.err + shown.out


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"Resources:\n\tA: 1\n", "file.yaml:2:1: YAML does not allow a tab here. Indent with spaces only. (SI806)"),
        (b"Resources:\n  A: {{ .Values.x }}\n", "file.yaml:2:7: this looks like a template language, such as Helm or Jinja. Render the file first. (SI806)"),
        (b"Resources:\n  {{- if .x }}\n  A: 1\n", "this looks like a template language, such as Helm or Jinja. Render the file first. (SI806)"),
        (b"Resources:\n  {% if x %}\n  A: 1\n", "this looks like a template language, such as Helm or Jinja. Render the file first. (SI806)"),
        (b'{"Resources": {"A": 1,}}', "invalid JSON: there is a comma after the last member. Fix the file. (SI805)"),
        (b'{"Resources": {"A": [1, ]}}', "invalid JSON: there is a comma after the last item. Fix the file. (SI805)"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\xff\xfe", "is not a text file. Give a template or task definition"),
        (b"Resources: \xe9\n", "is not valid UTF-8: line 1 has an invalid byte. Save the file as UTF-8. (SI804)"),
        (b"version: 0.2\nphases: {}\n", "(it has no Resources) nor a task definition. Give a CloudFormation template"),
        (b"", "is empty. Give a template or task definition in JSON or YAML. (SI802)"),
    ],
    ids=["tab", "Helm value", "Helm block", "Jinja", "JSON object", "JSON list", "PNG", "Latin-1", "buildspec", "empty"],
)  # fmt: skip
def test_files(data: bytes, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("file.yaml").write_bytes(data)
    shown = run(capsys, "explain", "file.yaml", *SET)
    assert shown.code == 2
    assert message in shown.err


@pytest.mark.parametrize(
    ("template", "message"),
    [
        (source(role=""), "Give the task an ExecutionRoleArn, or set DefaultExecutionRoleArn. (SI340)"),
        (source(argv="EntryPoint: /web"), "EntryPoint is not a list. Write EntryPoint as a list of strings. (SI215)"),
        (source("Metadata: {SysdigInstrument: {ExcludeContainers: [wbe]}}"), "the task has no such container"),
        (source("Metadata: {SysdigInstrument: {Priorty: security}}"), 'Did you mean "Priority"? (SI101)'),
        (source(argv="Command: [x]"), "(SI420)"),
        (
            source(argv="Command: [x]").replace("Image:", "image:"),
            "which CloudFormation does not know. Write it as Image. (SI402)",
        ),
    ],
)
def test_templates(template: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("app.yaml").write_text(template)
    shown = run(capsys, "transform", "app.yaml", *SET, "--offline")
    assert shown.code == 1
    assert message in shown.err
    assert re.search(r"\(SI\d{3}\)$", without_places(shown.err).strip().splitlines()[-1])


def test_check_says_why_an_image_is_not_read(capsys: pytest.CaptureFixture[str]) -> None:
    Path("app.yaml").write_text(source(argv="Command: [x]"))
    shown = words(run(capsys, "check", "app.yaml", *SET, "--offline").out)
    assert (
        'Container "web" has no EntryPoint, and the config of its image is not available here. "shop/web:1" is needed'
        in shown
    )
    assert "but --offline prevents the lookup. Remove --offline" in shown
    assert "(SI040)" in shown


def test_a_folder_for_a_command_that_takes_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        "folder cannot be read: Is a directory. Name a file in it, because a folder is not accepted here. (SI801)"
        in run(capsys, "transform", "folder", *SET).err
    )


@pytest.mark.parametrize("command", ["transform", "explain", "check", "diff", "settings", "enable"])
def test_no_file(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    shown = run(capsys, command)
    assert shown.code == 2
    example = f"sysdig-instrument {command} {'app.yaml' if command == 'transform' else '.'}\n"
    assert "the following arguments are required: FILE (SI719)\nName a file" in shown.err
    assert example in shown.err


@pytest.mark.parametrize(
    ("tag", "known"),
    [
        ("Sysdig-Instrument", "sysdig-instrument"),
        ("sysdig_instrument", "sysdig-instrument"),
        ("sysdig-instrumnet", "sysdig-instrument"),
        ("sysdig instrument exclude", "sysdig-instrument-exclude"),
        ("SYSDIG-INSTRUMENT-REASON", "sysdig-instrument-reason"),
        ("Kilt-Ignore", "kilt-ignore"),
    ],
)
def test_a_misspelt_tag_is_noticed(tag: str, known: str, capsys: pytest.CaptureFixture[str]) -> None:
    tags = f'Tags: [{{Key: "{tag}", Value: "false"}}]'
    Path("app.yaml").write_text(source(role=f"ExecutionRoleArn: r\n      {tags}"))
    shown = run(capsys, "explain", "app.yaml", *SET, "--offline")
    assert (
        f'Tag "{tag}" has no effect, because no setting has a tag of this spelling. Did you mean "{known}"? (SI144)'
        in words(shown.out)
    )
    assert "instrumented" in shown.out


@pytest.mark.parametrize("value", ["no", "yes", "off", "0", " "])
def test_an_invalid_tag_is_named(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    tags = f'Tags: [{{Key: sysdig-instrument, Value: "{value}"}}]'
    Path("app.yaml").write_text(source(role=f"ExecutionRoleArn: r\n      {tags}"))
    shown = run(capsys, "transform", "app.yaml", *SET, "--offline")
    assert shown.code == 1
    assert (
        words(shown.err).count(
            'Tag "sysdig-instrument" has an invalid value. Give tag "sysdig-instrument" the value true or false. (SI103)'
        )
        == 1
    )
    assert 'Setting "Enabled"' not in shown.err


@pytest.mark.parametrize("tag", ["team", "Name", "sysdig-team", "sysdig", "kilt", "sysdig-instrument", "Sysdig:owner"])
def test_another_tag_is_not_noticed(tag: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("app.yaml").write_text(source(role=f'ExecutionRoleArn: r\n      Tags: [{{Key: "{tag}", Value: "true"}}]'))
    assert "SI144" not in run(capsys, "explain", "app.yaml", *SET, "--offline").out


@pytest.mark.parametrize("command", ["explain", "transform", "diff", "check"])
def test_a_name_in_set_that_no_container_has(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    named = [*SET, "--offline", "--set", "ExcludeContainers=wbe"]
    text = 'ExcludeContainers in --set names "wbe", and no container of these files has that name. Did you mean "web"? (SI123)'
    assert run(capsys, command, "app.yaml", *named).err.count(text) == 1
    for value in ("web", "w*", "x*"):
        shown = run(capsys, command, "app.yaml", *SET, "--offline", "--set", f"ExcludeContainers={value}")
        assert "SI123" not in shown.err


def test_a_missing_line_names_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    text = source().replace("Transform: SysdigInstrument", "")
    for path, shown_path in (("app.yaml", "app.yaml"), ("my app.yaml", "'my app.yaml'")):
        Path(path).write_text(text)
        for command in ("explain", "check", "transform", "diff"):
            shown = run(capsys, command, path, *SET, "--offline")
            assert f"or run `sysdig-instrument enable {shown_path}`. (SI230)" in words(shown.out + shown.err)
    shown = run(capsys, "explain", "-", *SET, "--offline", stdin=text.encode())
    assert "at the top level. (SI230)" in words(shown.out)


def test_a_template_of_the_cdk_gets_the_line_in_its_code(capsys: pytest.CaptureFixture[str]) -> None:
    metadata = "    Metadata: {'aws:cdk:path': Shop/Api/Resource}\n    Type: AWS::ECS::TaskDefinition\n"
    text = source().replace("Transform: SysdigInstrument", "").replace("    Type: AWS::ECS::TaskDefinition\n", metadata)
    assert metadata in text
    Path("app.yaml").write_text(text)
    for command in ("explain", "check", "transform", "diff"):
        shown = run(capsys, command, "app.yaml", *SET, "--offline", "--set", "MacroName=Agent")
        assert 'in the AWS CDK, call addTransform("Agent") on the stack. (SI230)' in words(shown.out + shown.err)
        assert "sysdig-instrument enable" not in words(shown.out + shown.err)


def test_missing_credentials_have_a_statement_to_paste(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "none")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    image = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop/web:1"
    Path("app.yaml").write_text(source(argv="Command: [x]").replace("shop/web:1", image))
    shown = run(capsys, "explain", "app.yaml", *SET)
    assert '"Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],' in shown.out
    assert '"Resource": "arn:aws:ecr:eu-west-1:111122223333:repository/shop/web"' in shown.out


@pytest.mark.parametrize("option", [[], ["--unknown", "fail"], ["--unknown", "warn"]])
@pytest.mark.parametrize("command", ["explain", "check", "diff"])
@pytest.mark.parametrize("place", ["found", "named"])
def test_unknown_in_a_settings_file(
    place: str, command: str, option: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    Path("app.yaml").write_text(source(argv="Command: [x]"))
    path = ".sysdig-instrument.yaml" if place == "found" else "ours.yaml"
    named = [] if place == "found" else ["--settings", path]
    given = [*SET[1:], "--offline", *named, *option]
    for value, code in ((None, 1), ("warn", 0), ("fail", 1)):
        Path(path).write_text(f"Options: {{Unknown: {value}}}\n" if value else "{}\n")
        expected = code if not option else {"fail": 1, "warn": 0}[option[1]]
        assert run(capsys, command, "app.yaml", *given).code == expected
    Path(path).write_text("Options: {Unknown: never}\n")
    assert "Option Unknown in" in run(capsys, command, "app.yaml", *given).err


def test_the_version_has_a_short_option(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "-V").out == run(capsys, "--version").out != ""


HELP = "Questions: #platform-security, https://wiki.example.com/sysdig"


@pytest.mark.parametrize("command", ["transform", "diff", "explain", "check"])
def test_a_refusal_ends_with_the_help_text(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with_help = [*SET, "--offline", "--set", f"HelpText={HELP}"]
    assert HELP not in run(capsys, command, "app.yaml", *with_help).err
    Path("app.yaml").write_text(source(role=""))
    shown = run(capsys, command, "app.yaml", *with_help)
    assert shown.code == 1
    assert shown.err.splitlines()[-1] == HELP
    assert (shown.err + shown.out).count(HELP) == 1


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["instrument", "app.yaml"], 'Did you mean "transform"?'),
        (["lint", "app.yaml"], 'Did you mean "check"?'),
        (["deploy", "app.yaml"], 'Did you mean "apply"?'),
        (["unistrument", "app.yaml"], 'Did you mean "uninstrument"?'),
        (["transform", "app.yaml", "other.yaml"], "This command takes one file: sysdig-instrument transform app.yaml"),
        (["check", "app.yaml", "-p"], "Write -p KEY=VALUE"),
        (["check", "app.yaml", "--images"], "Write --images FILE"),
        (["check", "app.yaml", "--account-id", "1234"], "The value of --account-id is not an account ID. Give twelve digits. (SI701)"),
    ],
)  # fmt: skip
def test_commands_and_options(arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    ran = run(capsys, *arguments)
    assert ran.code == 2
    assert expected in ran.err


@pytest.mark.parametrize("name", ["SysdigInstrumnt", "sysdigInstrument", "Sysdig-Instrument", "SysdigInstruments"])
@pytest.mark.parametrize("place", ["resource", "template"])
def test_a_misspelt_section_of_metadata_is_noticed(
    name: str, place: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    section = f"Metadata: {{{name}: {{Enabled: false}}}}"
    Path("app.yaml").write_text(source(section) if place == "resource" else f"{section}\n{source()}")
    ran = run(capsys, "explain", "app.yaml", *SET)
    assert f'Metadata has "{name}", which has no effect. Did you mean "SysdigInstrument"? (SI145)' in ran.out


def test_other_sections_of_metadata_are_none(capsys: pytest.CaptureFixture[str]) -> None:
    metadata = "Metadata: {SysdigInstrument: {}, aws:cdk:path: a/b, cfn_nag: {}, Sysdig: {}, Instrument: {}}"
    Path("app.yaml").write_text(source(metadata))
    assert "SI145" not in run(capsys, "explain", "app.yaml", *SET).out


@pytest.mark.parametrize(
    ("member", "known"), [("entryPoint", "EntryPoint"), ("Entrypoint", "EntryPoint"), ("depends_on", "DependsOn")]
)
def test_a_member_that_is_spelt_in_another_way_is_noticed(
    member: str, known: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    Path("app.yaml").write_text(source(argv=f"{member}: [/web]"))
    ran = run(capsys, "explain", "app.yaml", *SET, "--offline")
    assert f'CloudFormation does not know "{member}". Did you mean "{known}"? (SI322)' in ran.out


def test_members_of_a_plain_task_definition_are_right(capsys: pytest.CaptureFixture[str]) -> None:
    Path("task.json").write_text('{"containerDefinitions": [{"name": "web", "image": "a", "entryPoint": ["/a"]}]}')
    assert "SI322" not in run(capsys, "explain", "task.json", *SET, "--offline").out


def test_what_a_message_says(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    Path("app.yaml").write_text(source("Metadata: {SysdigInstrument: {Priority: security, Containers: {wbe: {}}}}"))
    ran = run(capsys, "explain", "app.yaml", *SET, "--set", "LockedSettings=Priority")
    assert "Remove it from the resource's Metadata, or ask the platform team. (SI105)" in ran.out
    assert (
        'There are settings for container "wbe", which this task does not have. Use one of: "web". (SI122)' in ran.out
    )
    Path("app.yaml").write_text(source().replace("SysdigInstrument", "SysdigInstrumnet", 1))
    ran = run(capsys, "explain", "app.yaml", *SET)
    assert (
        "is not the macro's name, so CloudFormation does not call the macro. Write SysdigInstrument. (SI231)" in ran.out
    )


def test_check_reports_what_has_no_effect(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    line = "Transform:\n  - Name: SysdigInstrument\n    Parameter: {Priority: security}\nParameters: {Role: {Type: String}}\n"
    text = source("Metadata: {Sysdiginstrument: {}}", role="ExecutionRoleArn: Ref! Role")
    Path("app.yaml").write_text(text.replace("Transform: SysdigInstrument\n", line))
    ran = run(capsys, "check", "app.yaml", *SET, "--no-config")
    assert ran.code == 0
    assert 'Transform[0].Parameter: "Parameter" is not a key of a transform' in ran.out
    assert (
        "\n    --> app.yaml:4:16\n      paste into Transform[0]:\n        Parameters:\n          NAME: VALUE\n"
        in ran.out
    )
    assert 'Task "Api": "Ref! Role" is plain text, not a function. Did you mean "!Ref Role"? (SI238)\n' in ran.out
    assert "      paste into Resources.Api.Properties:\n        ExecutionRoleArn:\n          Ref: Role\n" in ran.out
    assert "(SI145)" in ran.out


def test_a_misspelt_setting_of_the_transform_has_its_place(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    line = "Transform:\n  Name: SysdigInstrument\n  Parameters: {Priorty: security}\n"
    Path("app.yaml").write_text(source().replace("Transform: SysdigInstrument\n", line))
    out = run(capsys, "check", "app.yaml", *SET, "--no-config").out
    assert (
        "    The macro refuses the whole template, because of Transform.Parameters.Priorty (SI101). "
        "Correct that first; `sysdig-instrument explain` lists all mistakes. (SI015)\n      --> app.yaml:4:25\n"
    ) in out
    assert (
        '  refused: Transform.Parameters.Priorty: Unknown setting "Priorty" in the Transform\'s Parameters. '
        'Did you mean "Priority"? (SI101)\n    --> app.yaml:4:25\n      paste into Transform.Parameters:\n        Priority: VALUE\n'
    ) in out


IN_METADATA = {
    "Enabled: maybe": "          Enabled: TRUE_OR_FALSE\n",
    "AgentMemory: 512MB": "          AgentMemory: NUMBER\n",
    "ExcludeContainers: {web: true}": "          ExcludeContainers: [NAME]\n",
    "WorkloadEnvironment: [A]": "          WorkloadEnvironment:\n            NAME: VALUE\n",
    "Containers: [web]": "          Containers:\n            NAME:\n              SETTING: VALUE\n",
    "Containers: {web: false}": "          web:\n            SETTING: VALUE\n",
    "Containers: {web: {Priority: security}}": "          Metadata:\n            SysdigInstrument:\n              Priority: VALUE\n",
    "Containers: {web: {ImageConfig: {EntryPoint: [/a]}}}": "          ImageConfig:\n            Entrypoint: [PROGRAM]\n            Cmd: [ARGUMENT]\n",
}


@pytest.mark.parametrize("setting", IN_METADATA)
def test_a_mistake_in_metadata_has_something_to_paste(
    setting: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    Path("app.yaml").write_text(source(f"Metadata: {{SysdigInstrument: {{{setting}}}}}"))
    out = run(capsys, "check", "app.yaml", *SET, "--no-config").out
    assert IN_METADATA[setting] in out


PARTS = {
    # name: what is replaced, with what, and a part of the message
    "type": ("AWS::ECS::TaskDefinition", "AWS::ECS::TaskDefinitions", 'CloudFormation has no type "AWS::ECS::TaskDefinitions", so this is not a task definition. Did you mean "AWS::ECS::TaskDefinition"? (SI241)'),
    "type in other letters": ("AWS::ECS::TaskDefinition", "aws::ecs::taskDefinition", "(SI241)"),
    "Properties": ("Properties:", "Propertys:", 'The task definition has no Properties, and "Propertys" has no effect. Did you mean "Properties"? (SI207)'),
    "Resources": ("Resources:", "resources:", 'has sections of a CloudFormation template, but no Resources. Did you mean "Resources" for "resources"?'),
    "names in one text": ("Transform: S", "Transform: AWS::LanguageExtensions, S", "Write a list of names. (SI231)"),
    "Parameters as a list": ("Transform: S", "Transform: {Parameters: [Priority, x], Name: S", "Parameters of the macro is not an object, so the macro gets no settings from it. Write it as an object of settings by name. (SI237)"),
}  # fmt: skip


@pytest.mark.parametrize("name", PARTS)
def test_a_misspelt_part_of_the_template(
    name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new, message = PARTS[name]
    monkeypatch.setenv("COLUMNS", "400")
    text = source().replace(old, new)
    Path("app.yaml").write_text(text.replace("SysdigInstrument\n", "SysdigInstrument}\n") if "{" in new else text)
    ran = run(capsys, "check", "app.yaml", *SET, "--no-config")
    assert message in ran.out + ran.err


def test_a_file_that_cannot_be_read_may_have_the_parameter(capsys: pytest.CaptureFixture[str]) -> None:
    Path("app.yaml").write_text(source() + "\tx")
    ran = run(capsys, "check", "app.yaml", *SET, "-p", "Environment=x")
    assert ran.code == 2
    assert "No template has the parameter" not in ran.err


@pytest.mark.parametrize("key", ["Option", "options", "Opions"])
def test_options_of_a_settings_file_misspelt(key: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("s.yaml").write_text(f"{key}: {{Region: eu-west-1}}\n")
    ran = run(capsys, "check", "app.yaml", *SET, "--settings", "s.yaml")
    assert f'Unknown setting "{key}" in s.yaml. Did you mean "Options"? (SI101)' in words(ran.err)


@pytest.mark.parametrize("command", ["check", "explain"])
def test_what_to_paste_has_the_keys_of_the_file(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("task.json").write_text(
        '{"requiresCompatibilities": ["FARGATE"], "containerDefinitions": [{"name": "web", "image": "a", "entryPoint": "/a"}]}'
    )
    ran = run(capsys, command, "task.json", *SET, "--no-config", "--offline")
    assert "paste into containerDefinitions[0]:" in ran.out


def test_a_transform_that_is_written_twice_in_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    made = json.dumps(yaml.safe_load(source()))
    Path("app.json").write_text(made[:-1] + ', "Transform": "AWS::Include"}')
    out = run(capsys, "check", "app.json", *SET, "--no-config").out
    assert "Transform is written twice. The last one counts, and it does not list SysdigInstrument. Replace both" in out


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("AWS::ECS::TaskDefinition", "AWS::ECS::TaskDefiniton", 'Did you mean "AWS::ECS::TaskDefinition"? (SI241)'),
        (
            "Transform: SysdigInstrument",
            "Transform: [{name: SysdigInstrument}]",
            'Did you mean "Name" for "name"? (SI240)',
        ),
        ("NetworkMode:", "PidMode: host\n      NetworkMode:", "Set it to task, or exclude the task"),
        (
            "Type: AWS",
            "Metadata: {SysdigInstrument: {Reason: 4711}}\n    Type: AWS",
            "Use a text (a number needs quotes) of at most 256",
        ),
    ],
)
def test_a_mistake_in_the_template_says_what_to_write(
    old: str, new: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("app.yaml").write_text(source().replace(old, new))
    assert message in words(run(capsys, "explain", "app.yaml", *SET).out)


IF = "its Fn::If is not the name of a condition and two values. Give Fn::If a condition, the value if it is true"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("EntryPoint: [/web]", "EntryPoint: !If [Prod, [/web]]", IF),
        ("EntryPoint: [/web]", "EntryPoint: !If [Prod, [/web], [/b], [/c]]", IF),
        ("EntryPoint: [/web]", "EntryPoint: !If [!Condition Prod, [/web], [/b]]", IF),
        ("EntryPoint: [/web]", "EntryPoint: !If [Prod, !If [Test, [/web]], [/b]]", IF),
        ("EntryPoint: [/web]", "EntryPoint: [/web], Environment: !If [Prod, []]", IF),
        ("EntryPoint: [/web]", "EntryPoint: !Split [',']", "Write EntryPoint as a list, or as a Ref"),
        (
            "EntryPoint: [/web]",
            "EntryPoint: [/web], Command: serve all",
            "Command is not a list. Write Command as a list",
        ),
        ("EntryPoint: [/web]", "EntryPoint: [/web], Command: !Join [' ', [a, b]]", "Command is not a list."),
        ("EntryPoint: [/web]", "EntryPoint: [/web], Command: !If [Prod, serve all, [a]]", "Command is not a list."),
        ("/web]", "/opt/draios/bin/instrument, /web], Command: serve all", "Command is not a list."),
        ("Transform: Sys", "Transform: [!Ref Name]  # Sys", "Transform: [NAME, SysdigInstrument]"),
        ("Transform: Sys", "Transform: !Ref Name  # Sys", "Transform: [NAME, SysdigInstrument]"),
    ],
)
def test_what_is_not_well_formed_is_told(old: str, new: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    conditions = "Conditions: {Prod: !Equals [a, a], Test: !Equals [b, b]}\n"
    Path("app.yaml").write_text(conditions + source().replace(old, new))
    shown = words(run(capsys, "explain", "app.yaml", *SET, "--offline", "--region", "eu-west-1").out)
    assert message in shown
    if message is IF:
        assert "Fn::If: [CONDITION, [" in shown


def test_a_well_formed_if_and_an_empty_command_are_right(capsys: pytest.CaptureFixture[str]) -> None:
    for argv in ("EntryPoint: !If [Prod, [/a], [/b]]", "EntryPoint: [/a], Command: []"):
        Path("app.yaml").write_text("Conditions: {Prod: !Equals [a, a]}\n" + source(argv=argv))
        shown = run(capsys, "explain", "app.yaml", *SET, "--offline", "--region", "eu-west-1")
        assert (shown.code, "SI215" in shown.out) == (0, False)


@pytest.mark.parametrize(
    ("tags", "named"),
    [
        ('{sysdig-instrument: "false"}', 'Tag "sysdig-instrument" has no effect without Key and Value'),
        ("[{sysdig-instrument: false, team: a}]", 'Tag "sysdig-instrument" has'),
        ("[{kilt-ignore: x}]", 'Tag "kilt-ignore" has'),
        ('["sysdig-instrument=false"]', 'Tag "sysdig-instrument" has'),
        ("!If [Prod, {sysdig-instrument: x, sysdig-instrument-reason: y}, []]", 'Tag "sysdig-instrument", "sysdig-'),
        ("{team: a}", ""),
        ("[{Key: sysdig-instrument}]", ""),
        ("[4711]", ""),
    ],
)
def test_tags_without_key_and_value(tags: str, named: str, capsys: pytest.CaptureFixture[str]) -> None:
    role = f"ExecutionRoleArn: r\n      Tags: {tags}"
    Path("app.yaml").write_text("Conditions: {Prod: !Equals [a, a]}\n" + source(role=role))
    for command in ("explain", "check"):
        shown = words(run(capsys, command, "app.yaml", *SET, "--offline", "--region", "eu-west-1").out)
        assert named in shown if named else "SI144" not in shown
        assert ('Tags: [{Key: sysdig-instrument, Value: "false"}]' in shown) == ("false" in tags)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            '{"web:1": {"Entrypoint": "/web"}}',
            'image "web:1" has "Entrypoint", which is not a list of strings. Write {',
        ),
        ('{"web:1": {"Entrypoint": null, "Cmd": [1]}}', 'image "web:1" has "Cmd", which is not a list of strings'),
        ('{"web:1": ["/web"]}', 'image "web:1" has no object'),
    ],
)
def test_an_image_config_that_is_none_is_named(content: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("i.json").write_text(content)
    assert message in run(capsys, "explain", "app.yaml", *SET, "--offline", "--images", "i.json").err


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (
            "Images: nope.json",
            "Option Images in FILE names nope.json, which does not exist. Give the path from the folder of",
        ),
        ("Parameters: nope.json", "Option Parameters in FILE names nope.json, which does not exist. Give the path"),
        ("Parameters: [A=b]", "names A=b, which does not exist. For values in place of files, write an object"),
    ],
)
@pytest.mark.parametrize("name", [".sysdig-instrument.yaml", "named.yaml"])
def test_a_file_that_a_settings_file_names(
    option: str, message: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(name).write_text(f"Options: {{{option}}}\n")
    named = ["--settings", name] if name == "named.yaml" else []
    assert message.replace("FILE", name) in run(capsys, "explain", "app.yaml", *SET[1:], "--offline", *named).err


def test_the_arn_of_an_ssm_parameter_has_its_form(capsys: pytest.CaptureFixture[str]) -> None:
    for arn in ("arn:aws:ssm:eu-west-1:111122223333:x", "arn:aws-cn:ssm:eu-west-1:111122223333:parameter/*"):
        shown = run(capsys, "explain", "app.yaml", "--set", "Collector=us2", "--set", f"AccessKeySecret={arn}").err
        assert (
            "Use the ARN of an SSM parameter, without wildcards: arn:aws:ssm:REGION:ACCOUNT:parameter/NAME. (" in shown
        )


def test_a_type_that_is_far_from_that_of_a_task_definition_is_not_reported(capsys: pytest.CaptureFixture[str]) -> None:
    Path("app.yaml").write_text(source().replace("AWS::ECS::TaskDefinition", "AWS::ECS::TaskSet"))
    assert "SI241" not in run(capsys, "explain", "app.yaml", *SET).out


def test_resource_for_resources_is_not_followed_by_the_kinds_of_documents(capsys: pytest.CaptureFixture[str]) -> None:
    Path("app.yaml").write_text(source().replace("Resources:", "Resource:"))
    assert (
        run(capsys, "explain", "app.yaml", *SET)
        .err.rstrip()
        .endswith('Did you mean "Resources" for "Resource"? (SI803)')
    )


def test_a_reason_in_the_tags_is_pasted_with_the_tag_that_opts_out(capsys: pytest.CaptureFixture[str]) -> None:
    tags = 'Tags: [{Key: sysdig-instrument, Value: "false"}]\n      NetworkMode:'
    Path("app.yaml").write_text(source().replace("NetworkMode:", tags))
    out = words(run(capsys, "check", "app.yaml", *SET, "--set", "RequireReason=true").out)
    assert '{Key: sysdig-instrument, Value: "false"}, {Key: sysdig-instrument-reason, Value: REASON}' in out


def test_containers_in_the_metadata_of_the_template_has_any_setting_to_paste(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("app.yaml").write_text(source() + "Metadata: {SysdigInstrument: {Containers: {web: {Enabled: false}}}}\n")
    assert "CONTAINER: SETTING: VALUE" in words(run(capsys, "explain", "app.yaml", *SET).out)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "SysdigInstrument: {Collector: us2}",
            "Write the settings that are under it here, without SysdigInstrument above them.",
        ),
        (
            "Containers: {web: {Enabled: false}}",
            "Move it to the Metadata of the task definition, under SysdigInstrument.",
        ),
    ],
)
def test_a_section_of_metadata_in_the_settings_file_says_where_it_belongs(
    text: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path(".sysdig-instrument.yaml").write_text(text)
    assert message in run(capsys, "explain", "app.yaml").err


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["stacks", "shop"], "This command takes options only: sysdig-instrument stacks --stack shop"),
        (
            ["apply", "--cluster", "a", "shop"],
            "This command takes options only: sysdig-instrument apply --cluster shop",
        ),
        (["apply"], "Write --cluster NAME"),
    ],
)
def test_a_name_without_its_option_is_answered_with_the_option(
    arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert line in run(capsys, *arguments).err.splitlines()


def test_a_list_for_image_configs_is_answered_with_their_form(capsys: pytest.CaptureFixture[str]) -> None:
    Path("images.json").write_text('[{"RepoTags": ["shop/web:1"]}]')
    assert (
        '{"REPOSITORY:TAG": {"Entrypoint": ["PROGRAM"]'
        in run(capsys, "explain", "app.yaml", *SET, "--images", "images.json").err
    )


def test_metadata_in_properties_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    metadata = "Metadata: {SysdigInstrument: {Enabled: false}}\n      NetworkMode:"
    Path("app.yaml").write_text(source().replace("NetworkMode:", metadata))
    for command in ("explain", "check"):
        out = words(run(capsys, command, "app.yaml", *SET).out)
        assert "Properties has Metadata with SysdigInstrument, which has no effect there." in out
        assert "(SI146) --> app.yaml:" in out
    Path("app.yaml").write_text(source("Metadata: {SysdigInstrument: {Enabled: false, Reason: a}}"))
    assert "SI146" not in run(capsys, "explain", "app.yaml", *SET).out
