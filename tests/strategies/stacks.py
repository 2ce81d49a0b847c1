"""The common part of all random templates: parameters, mappings, helper resources, and strategies for their inputs."""

from __future__ import annotations

from hypothesis import strategies as st

from oracle.evaluate import StackInputs
from oracle.values import Json

REGISTRY = "registry.example.com"
STAGES = ("live", "dev", "test")
IMAGES = (
    *(f"{REGISTRY}/{stage}:1" for stage in STAGES),
    f"{REGISTRY}/web:1",
    f"{REGISTRY}/web@sha256:{'0' * 64}",
    "nginx",
    "111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop:1",
)
PARAMETERS: dict[str, Json] = {
    "Stage": {"Type": "String", "Default": "live", "AllowedValues": list(STAGES)},
    "Size": {"Type": "String", "Default": "small"},
    "Flag": {"Type": "String", "Default": "true", "AllowedValues": ["true", "false"]},
    "Count": {"Type": "Number", "Default": 2},
    "Units": {"Type": "Number", "Default": 512},
    "Words": {"Type": "CommaDelimitedList"},
    "Launch": {"Type": "String", "Default": "FARGATE"},
    "Image": {"Type": "String"},
    "Stored": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/images/stored"},
}
MAPPINGS: Json = {
    "Images": {stage: {"Web": f"{REGISTRY}/{stage}:1", "Cpu": 1024, "Argv": ["/from-map", stage]} for stage in STAGES},
}
HELPERS: dict[str, Json] = {
    "Repo": {"Type": "AWS::ECR::Repository", "Properties": {"RepositoryName": "shop"}},
    "Queue": {"Type": "AWS::SQS::Queue", "DeletionPolicy": "Retain"},
    "Role": {
        "Type": "AWS::IAM::Role",
        "Properties": {"AssumeRolePolicyDocument": {}, "Policies": [{"PolicyName": "own", "PolicyDocument": {}}]},
    },
    "Current": {
        "Type": "Custom::Current",
        "Properties": {"ServiceToken": "arn:aws:lambda:eu-west-1:111122223333:function:x"},
    },
}

_LIST_VALUES: st.SearchStrategy[Json] = st.sampled_from([["one"], ["/run", "--fast"], [""], "one,two"])
_ENTRYPOINTS: st.SearchStrategy[Json] = st.sampled_from([["/entry"], ["/sbin/tini", "--"], None, [], ["/a b", "$X"]])
_CMDS: st.SearchStrategy[Json] = st.sampled_from([["serve"], ["sh", "-c", "exec x"], ["--flag"], None, []])
_CONFIG: st.SearchStrategy[dict[str, Json]] = st.fixed_dictionaries({"Entrypoint": _ENTRYPOINTS, "Cmd": _CMDS})


@st.composite
def stack_inputs(draw: st.DrawFn) -> StackInputs:
    """Draw parameter values, an SSM parameter and an export."""
    values: dict[str, Json] = {
        "Stage": draw(st.sampled_from(STAGES)),
        "Size": draw(st.sampled_from(["small", "large"])),
        "Flag": draw(st.sampled_from(["true", "false"])),
        "Count": draw(st.sampled_from(["1", "2"])),
        "Units": draw(st.sampled_from(["512", "1024"])),
        "Words": draw(_LIST_VALUES),
        "Launch": draw(st.sampled_from(["FARGATE", "FARGATE", "EC2"])),
        "Image": draw(st.sampled_from(IMAGES)),
        "Stored": "/images/stored",
    }
    some_image = st.sampled_from(IMAGES)
    return StackInputs(values, ssm={"/images/stored": draw(some_image)}, exports={"web-image": draw(some_image)})


@st.composite
def image_configs(draw: st.DrawFn) -> dict[str | tuple[str, str], dict[str, Json] | None]:
    """Draw the config of each image: usually known, sometimes missing, sometimes different per platform."""
    configs: dict[str | tuple[str, str], dict[str, Json] | None] = {}
    missing = draw(st.sets(st.sampled_from(IMAGES), max_size=1)) if draw(st.integers(0, 4)) == 4 else set()
    for image in IMAGES:
        configs[image] = None if image in missing else draw(_CONFIG)
        if image not in missing and draw(st.integers(0, 5)) == 5:
            configs[image, "ARM64"] = draw(_CONFIG)
    return configs
