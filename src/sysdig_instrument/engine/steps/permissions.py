"""The permissions of the execution role that ECS needs to start the agent's container, as IAM policy statements.

ECS reads with it: the access key, the credentials of the agent's image, the image itself if it is in a private repository
of Amazon ECR, and it writes to the log group that the setting AgentLogConfiguration names. With ``inherit``, the log group
is the workload's, whose role can write to it already.

Source: the ECS developer guide, «Amazon ECS task execution IAM role», «Pass sensitive data to an Amazon ECS container» and
«Using the awslogs log driver»; the IAM, KMS, Amazon ECR and CloudWatch Logs user guides for the statements.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final

from sysdig_instrument.engine.ecr import EcrRepository
from sysdig_instrument.engine.expressions.evaluate import evaluate
from sysdig_instrument.engine.expressions.scope import EvaluationScope
from sysdig_instrument.engine.expressions.values import Known
from sysdig_instrument.engine.json_types import Json
from sysdig_instrument.engine.partitions import dns_suffix_of, partition_of
from sysdig_instrument.engine.settings.table import Settings

Statement = dict[str, Json]

SECRET_TYPE: Final = "AWS::SecretsManager::Secret"  # noqa: S105 - a resource type
_RANDOM_SUFFIX: Final = r"-(?=[a-z]*[A-Z0-9])[A-Za-z0-9]{6}\Z"
"""The suffix that Secrets Manager appends to a secret's name in its ARN: a hyphen and six random characters (Secrets
Manager user guide, «What's in a Secrets Manager secret?»). Six lower-case letters do not count, because they may be part
of the name."""

_MIN_ARN_FIELDS: Final = 6  # arn:partition:service:region:account:resource
# arn:partition:secretsmanager:region:account:secret:name. ECS accepts a JSON key and a version after it.
_SECRET_ARN_FIELDS: Final = 7


def access_key_statements(settings: Settings, scope: EvaluationScope) -> tuple[Statement, ...]:
    """Return the statements for the access key: one for the secret or parameter, and one for AccessKeyKmsKey if it is set.

    They are empty if AccessKeySecret is neither an ARN that is known nor a secret of the template. For a literal ARN they
    are computed once for each plan: all tasks have the same.
    """
    secret, computed = settings.access_key_value_from, scope.state.grant_statements
    if not isinstance(secret, str) or "{" in secret:
        return tuple(_access_key_statements(settings, scope))
    key = (secret, settings.access_key_kms_key)
    if key not in computed:
        computed[key] = tuple(_access_key_statements(settings, scope))
    return computed[key]


def _access_key_statements(settings: Settings, scope: EvaluationScope) -> Iterator[Statement]:
    secret = settings.access_key_value_from
    match evaluate(secret, scope.with_lookups()):
        case Known(str(arn)) if arn.count(":") >= _MIN_ARN_FIELDS - 1:
            service, region = arn.split(":")[2:4]
            resource = _statement_resource(secret, arn)
        case _ if _is_secret_of_template(secret, scope):
            service, region, resource = "secretsmanager", scope.region or "", secret
        case _:
            return
    action = "ssm:GetParameters" if service == "ssm" else "secretsmanager:GetSecretValue"
    yield _allow(action, resource)
    if settings.access_key_kms_key is not None:
        yield {
            "Effect": "Allow",
            "Action": "kms:Decrypt",
            "Resource": settings.access_key_kms_key,
            "Condition": {"StringEquals": {"kms:ViaService": f"{service}.{region}.{dns_suffix_of(region)}"}},
        }


def _is_secret_of_template(secret: Json, scope: EvaluationScope) -> bool:
    match secret:
        case {"Ref": str(name)}:
            resource = scope.section("Resources").get(name)
            return isinstance(resource, dict) and resource.get("Type") == SECRET_TYPE
    return False


def _statement_resource(secret: Json, arn: str) -> Json:
    """Return the Resource of the statement: the ARN without the JSON key and version that ECS accepts after it.

    If the setting is an expression, so is the Resource. ECS accepts an ARN without the random suffix of the secret's name,
    but IAM compares the full ARN. So the Resource for such an ARN also matches the name with any suffix.
    """
    fields = arn.split(":")
    base = secret
    if len(fields) > _SECRET_ARN_FIELDS:
        fields = fields[:_SECRET_ARN_FIELDS]
        base = ":".join(fields) if isinstance(secret, str) else _first_fields(secret)
    if fields[2] == "ssm" or re.search(_RANDOM_SUFFIX, fields[-1]):
        return base
    with_suffix: Json = f"{base}-??????" if isinstance(base, str) else {"Fn::Join": ["", [base, "-??????"]]}
    return [base, with_suffix]


def _first_fields(secret: Json) -> Json:
    """Return the expression for the ARN in an expression, without the fields after the secret's name."""
    split: Json = {"Fn::Split": [":", secret]}
    fields: list[Json] = [{"Fn::Select": [index, split]} for index in range(_SECRET_ARN_FIELDS)]
    return {"Fn::Join": [":", fields]}


def statement_text(statement: Statement) -> str:
    """Return a statement as JSON for a policy. An expression is described instead: messages have no template text."""
    resource = statement["Resource"]
    resources = resource if isinstance(resource, list) else [resource]
    is_literal = all(isinstance(each, str) for each in resources)
    return json.dumps(statement if is_literal else {**statement, "Resource": "the ARN of AccessKeySecret"})


def _allow(action: Json, resource: Json) -> Statement:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


# --- The agent's image and its log group. Settings give both, so their values are literal or a whole expression.

_LOG_GROUP: Final = r"[A-Za-z0-9_/.#-]{1,512}"


def agent_statements(settings: Settings, scope: EvaluationScope) -> tuple[Statement, ...]:
    """Return the statements for everything that is not the access key: the image's credentials, the image, its log group.

    Task definitions with the same settings share them.
    """
    state = scope.state
    if state.agent_statements is None or state.agent_statements[0] is not settings:
        statements = (
            *_credentials_statements(settings),
            *_image_statements(settings),
            *_log_statements(settings, scope),
        )
        state.agent_statements = settings, statements
    return state.agent_statements[1]


def _credentials_statements(settings: Settings) -> Iterator[Statement]:
    if (arn := settings.agent_image_credentials) is not None:
        yield _allow("secretsmanager:GetSecretValue", _statement_resource(arn, arn))


def _image_statements(settings: Settings) -> Iterator[Statement]:
    repository = EcrRepository.from_image(settings.agent_image)
    if repository is not None:
        yield _allow("ecr:GetAuthorizationToken", "*")
        yield _allow(["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], repository.arn)


def _log_statements(settings: Settings, scope: EvaluationScope) -> Iterator[Statement]:
    """Yield the statement for the log group that AgentLogConfiguration names, in any Region and in the task's own account."""
    match settings.agent_log_configuration:
        case {"LogDriver": "awslogs", "Options": {"awslogs-group": str(group), **options}} if re.fullmatch(
            _LOG_GROUP, group
        ):
            region = options.get("awslogs-region")
            region = region if isinstance(region, str) and re.fullmatch(r"[a-z0-9-]+", region) else scope.region or ""
            creates_group = str(options.get("awslogs-create-group")).lower() == "true"
            actions: list[Json] = ["logs:CreateLogGroup"] if creates_group else []
            actions += ["logs:CreateLogStream", "logs:PutLogEvents"]
            yield _allow(actions, f"arn:{partition_of(region)}:logs:{region or '*'}:*:log-group:{group}:*")
