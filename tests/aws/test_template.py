"""AWS SAM validates template.yaml, and the deployed function has its variables and permissions."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from embedded_aws.aws import EmbeddedAws
from fixtures_embedded_aws import IMAGES, ROOT, SECRET, TOOLS, on_embedded_aws, require_tools
from sysdig_instrument.engine.settings.layers import for_deployment
from sysdig_instrument.engine.settings.table import TABLE

pytestmark = on_embedded_aws


def test_sam_validates_the_template() -> None:
    require_tools()
    run = subprocess.run(
        [TOOLS / "sam/bin/sam", "validate", "--lint"], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout + run.stderr


def macro_function(aws: EmbeddedAws) -> dict[str, Any]:
    """Return the configuration of the macro's function: other stacks have functions, too."""
    described = aws.client("cloudformation").describe_stack_resource(
        StackName="sysdig-instrument", LogicalResourceId="MacroFunction"
    )
    name = described["StackResourceDetail"]["PhysicalResourceId"]
    function: dict[str, Any] = aws.client("lambda").get_function_configuration(FunctionName=name)
    return function


def test_every_setting_reaches_the_function(aws: EmbeddedAws) -> None:
    function = macro_function(aws)
    variables = function["Environment"]["Variables"]
    others = {name for name in variables if not name.startswith(("SYSDIG_INSTRUMENT_", "MALLOC_"))}
    assert others == {"POWERTOOLS_SERVICE_NAME", "REGISTRY_SECRETS"}
    assert {name for name in variables if name.startswith("SYSDIG_INSTRUMENT_")} == {
        setting.variable for setting in for_deployment(TABLE)
    }
    assert variables["SYSDIG_INSTRUMENT_COLLECTOR"] == "us2"
    assert variables["SYSDIG_INSTRUMENT_ACCESS_KEY_SECRET"] == SECRET
    assert json.loads(variables["SYSDIG_INSTRUMENT_IMAGE_CONFIGS"]) == IMAGES


def test_the_tool_reads_the_settings_of_the_macro(aws: EmbeddedAws, tmp_path: Path) -> None:
    """The stack has written them into its SSM parameter, of which IMAGES has quotes."""
    document = {"Resources": {"Task": {"Type": "AWS::ECS::TaskDefinition", "Properties": {}}}}
    (tmp_path / "app.json").write_text(json.dumps(document))
    command = [sys.executable, "-m", "sysdig_instrument", "settings", "app.json", "--from-macro", "--format", "json"]
    done = subprocess.run(command, cwd=tmp_path, env=aws.environment(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    settings = json.loads(done.stdout)[0]["taskDefinitions"][0]["settings"]
    assert settings["Collector"] == {"value": "us2", "layer": "the deployed macro SysdigInstrument"}
    assert settings["AccessKeySecret"]["value"] == SECRET
    assert settings["ImageConfigs"]["value"] == ", ".join(IMAGES)


def test_the_function_has_only_log_and_image_permissions(aws: EmbeddedAws) -> None:
    function = macro_function(aws)
    role = function["Role"].rpartition("/")[2]
    iam = aws.client("iam")
    assert iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"] == []
    names = iam.list_role_policies(RoleName=role)["PolicyNames"]
    statements = {
        str(statement["Action"]): statement["Resource"]
        for name in names
        for statement in iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]["Statement"]
    }
    assert statements == {
        "['logs:CreateLogStream', 'logs:PutLogEvents']": statements["['logs:CreateLogStream', 'logs:PutLogEvents']"],
        "['ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer']": "arn:aws:ecr:*:*:repository/*",
        "ssm:GetParameters": "arn:aws:ssm:*::parameter/aws/service/*",
        "cloudformation:ListExports": "*",
        "cloudformation:DescribeStacks": "arn:aws:cloudformation:*:000000000000:stack/*",
    }
    log = statements["['logs:CreateLogStream', 'logs:PutLogEvents']"]
    assert log.endswith(":log-group:/aws/lambda/sysdig-instrument:*")
