"""The conformance pack of AWS Config: the rule of guard/protected.guard for task definitions as Config records them.

A recorded task definition has the properties of the resource under ``configuration``, spelt by AWS.
So the rule chooses from no resources; what it requires of a task definition is the same text.
"""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
SOURCE: Final = ROOT / "guard" / "protected.guard"
PACK: Final = ROOT / "templates" / "conformance-pack.yaml"

HEAD: Final = """\
# `make docs` writes this file from guard/protected.guard. docs/guardrails.md says how it is deployed. It has not run on AWS.
Parameters:
  AgentRepository:
    Description: The repository of the agent's image, without tag and digest.
    Type: String
    Default: quay.io/sysdig/workload-agent
    AllowedPattern: "[a-z0-9][a-z0-9._:/-]*/[a-z0-9._/-]+"
    ConstraintDescription: a registry and a repository, without tag and digest.
  LogRouters:
    Description: instrumented if the macro's setting InstrumentLogRouters is true.
    Type: String
    Default: left alone
    AllowedValues: [left alone, instrumented]

Resources:
  FargateTasksAreProtected:
    Type: AWS::Config::ConfigRule
    Properties:
      ConfigRuleName: fargate-tasks-are-protected
      Description: Task definitions for Fargate carry Sysdig's agent, and each container starts under it.
      Scope: {ComplianceResourceTypes: ["AWS::ECS::TaskDefinition"]}
      Source:
        Owner: CUSTOM_POLICY
        SourceDetails:
          - {EventSource: aws.config, MessageType: ConfigurationItemChangeNotification}
          - {EventSource: aws.config, MessageType: OversizedConfigurationItemChangeNotification}
        CustomPolicyDetails:
          PolicyRuntime: guard-2.x.x
          PolicyText:
            Fn::Sub:
              - |
"""

# The dots and slashes of the repository are escaped for the regular expression.
TAIL: Final = r"""              - Repository:
                  Fn::Join:
                    - '\/'
                    - Fn::Split:
                        - /
                        - Fn::Join: ['\.', {Fn::Split: [., {Ref: AgentRepository}]}]
"""


def conformance_pack() -> str:
    """Return the template of the conformance pack, which is also that of a stack with the rule alone."""
    return HEAD + textwrap.indent(_policy(SOURCE.read_text("utf-8")), " " * 16) + TAIL


def _policy(rules: str) -> str:
    """Return the policy, with the parameters of ``Fn::Sub`` in it."""
    image = _part(r"(?m)^let agent_image = (.+)$", rules)
    repository = r"quay\.io\/sysdig\/workload-agent"
    if repository not in image:
        raise ValueError(f"{SOURCE.name}: agent_image does not have the default repository")
    names = ("agent", "wrapper", "windows", "over_wrapper")
    values = [f"let {name} = " + _part(rf"(?m)^let {name} = ((?:.+\n)+?)(?=let |#|\n)", rules) for name in names]
    system = _part(r"let task_definitions = Resources\.\*\[\n.*\n((?:    Properties\.RuntimePlatform.*\n)+)", rules)
    launch_types = _part(r"let for_fargate = %task_definitions\[\n((?:.*\n)+?)\]", rules)
    protected = _part(r"rule protected\(tasks\) \{\n((?:.*\n)+?)\}\n", rules)
    spelling = _part(r"%every_task_definition\.Properties \{\n((?:.*\n)+?)    \}\n\}\n", rules)
    return "".join(
        (
            "let agent_image = " + image.replace(repository, "${Repository}") + "\n",
            "let log_routers = '${LogRouters}'\n",
            *values,
            "rule fargate_tasks_are_protected\n    when resourceType == 'AWS::ECS::TaskDefinition'\n",
            (system + launch_types).replace("Properties.", "configuration.").rstrip(),
            " {\n",
            f"    configuration {{\n{spelling}    }}\n",
            protected.replace("%tasks.Properties", "configuration"),
            "}\n",
        )
    )


def _part(pattern: str, rules: str) -> str:
    found = re.search(pattern, rules)
    if not found:
        raise ValueError(f"{SOURCE.name} has nothing like {pattern}")
    return found[1]
