"""An execution role may change by one policy for the secret, and by nothing else."""

from __future__ import annotations

import pytest

from oracle.template_diff import check_template_diff
from oracle.values import Json

NOVALUE: Json = {"Ref": "AWS::NoValue"}
OWN: Json = {"PolicyName": "own", "PolicyDocument": {}}


def _grant(**changes: Json) -> Json:
    secret = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:key"  # noqa: S105 - its name
    statement = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": secret}
    return {"PolicyName": "key", "PolicyDocument": {"Statement": [{**statement, **changes}]}}


def _findings(before: Json, after: Json) -> list[str]:
    found = check_template_diff(_template(before), _template(after), frozenset())
    return [finding.message for finding in found]


def _template(policies: Json) -> Json:
    return {"Resources": {"Role": {"Type": "AWS::IAM::Role", "Properties": {"Policies": policies}}}}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([OWN], [OWN]),
        ([OWN], [OWN, _grant()]),
        ([], [_grant()]),
        (NOVALUE, [_grant()]),
        ({"Fn::If": ["C", [OWN], NOVALUE]}, {"Fn::If": ["C", [OWN, _grant()], [_grant()]]}),
    ],
    ids=["unchanged", "appended", "to an empty list", "to AWS::NoValue", "in both branches"],
)
def test_accepts_one_policy_for_the_secret(before: Json, after: Json) -> None:
    assert _findings(before, after) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([OWN], [_grant()]),
        ([OWN], [OWN, _grant(), _grant()]),
        ([OWN], [OWN, _grant(Action="*")]),
        ([OWN], [OWN, _grant(Resource="*")]),
        ({"Fn::If": ["C", [OWN], NOVALUE]}, {"Fn::If": ["C", [OWN, _grant()], NOVALUE]}),
        ({"Fn::If": ["C", [OWN], NOVALUE]}, [OWN, _grant()]),
        ({"Ref": "Policies"}, [_grant()]),
    ],
    ids=["replaced", "two policies", "all actions", "all resources", "one branch", "lost branch", "lost expression"],
)
def test_rejects_more_than_one_policy_for_the_secret(before: Json, after: Json) -> None:
    assert _findings(before, after) != []
