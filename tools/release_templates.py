"""The templates of a release: plain CloudFormation that takes the function from a bucket. They need no clone and no SAM."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from sysdig_instrument import __version__

ROOT: Final = Path(__file__).resolve().parent.parent
PREFIX: Final = f"sysdig-instrument/{__version__}"
"""Where a bucket has the release."""

ONE_REGION: Final = "template.yaml"
MANY_REGIONS: Final = "template-regions.yaml"
STACK_SET: Final = "stack-set.yaml"
EXECUTION_ROLE: Final = "stack-set-execution-role.yaml"
COVERAGE: Final = "coverage.yaml"
DEPLOYMENT_HOOK: Final = "deployment-hook.yaml"
BESIDE_THE_MACRO: Final = (COVERAGE, DEPLOYMENT_HOOK)
"""The templates of stacks of their own, which have the macro's zip and settings."""
COVERAGE_ROLE: Final = "coverage-role.yaml"
CONFORMANCE_PACK: Final = "conformance-pack.yaml"
SERVICE_CONTROL_POLICY: Final = "service-control-policy.yaml"
WITHOUT_CODE: Final = (STACK_SET, EXECUTION_ROLE, COVERAGE_ROLE, CONFORMANCE_PACK, SERVICE_CONTROL_POLICY)
"""The templates that are in a release as they are, with its place in a bucket."""

_OF_REGION: Final = "!Sub '${FunctionBucket}-${AWS::Region}'"
BUCKETS: Final = {ONE_REGION: "!Ref FunctionBucket", MANY_REGIONS: _OF_REGION}
"""The bucket of the function. It must be in the Region of the stack."""

DESCRIPTIONS: Final = {
    ONE_REGION: f"Name of the bucket in this Region that has the release under {PREFIX}/.",
    MANY_REGIONS: f"Name, without -REGION, of the buckets that have the release under {PREFIX}/, one in each Region.",
}


def templates(bucket: str = "") -> dict[str, str]:
    """Return the text of each template. ``bucket`` is the default of the parameter FunctionBucket."""
    texts = {name: _macro_template(name, bucket) for name in BUCKETS}
    for name in WITHOUT_CODE:
        texts[name] = (ROOT / "templates" / name).read_text("utf-8").replace("@PREFIX@", PREFIX)
    for name in BESIDE_THE_MACRO:
        texts[name] = _template_beside_the_macro(name, bucket, DESCRIPTIONS[ONE_REGION], BUCKETS[ONE_REGION])
        regions = name.replace(".yaml", "-regions.yaml")
        texts[regions] = _template_beside_the_macro(name, bucket, DESCRIPTIONS[MANY_REGIONS], BUCKETS[MANY_REGIONS])
    return texts


def _template_beside_the_macro(name: str, bucket: str, description: str, place: str) -> str:
    """Return a template whose code is that of its release: an update of its stack to another release changes the code."""
    text = (ROOT / "templates" / name).read_text("utf-8")
    code = f"Code: {{S3Bucket: {place}, S3Key: {PREFIX}/function.zip}}\n"
    text = _replace(r"Code: \{S3Bucket: !Ref FunctionBucket, S3Key: !Ref FunctionKey\}\n", code, text)
    parameters = r"(?m)^  FunctionBucket:\n(?:    .*\n)+  FunctionKey:\n(?:    .*\n)+"
    return _replace(parameters, _parameter(description, bucket), text)


def _macro_template(name: str, bucket: str) -> str:
    text = (ROOT / "template.yaml").read_text("utf-8")
    code = f"      Code: {{S3Bucket: {BUCKETS[name]}, S3Key: {PREFIX}/function.zip}}\n"
    text = _replace(r"(?m)^      Code: src\n", code, text, count=3)
    # What only SAM and cfn-lint read.
    text = _replace(
        r"(?m)^    Metadata:\n      BuildMethod: .*\n(?:      .*\n|        .*\n)*?(?=    Properties:)",
        "",
        text,
        count=3,
    )
    text = _replace(r"(?m)^  AWS::ServerlessRepo::Application:.*\n(?:    .*\n)+", "", text)
    text = _replace(r"(?m)^# Plain CloudFormation(?:.*\n)*?\n", "", text)
    text = re.sub(r"(?m)^ *# (?:>>>|<<<) .*\n", "", text)  # the marks of generated blocks
    text = _replace(r"(?m)^Parameters:\n", f"Parameters:\n{_parameter(DESCRIPTIONS[name], bucket)}", text)
    group = "      - Label: {default: Release}\n        Parameters: [FunctionBucket]\n"
    return _replace(r"(?m)^    ParameterGroups:\n", f"    ParameterGroups:\n{group}", text)


def _parameter(description: str, bucket: str) -> str:
    lines = [
        "FunctionBucket:",
        f"  Description: {description}",
        "  Type: String",
        "  AllowedPattern: ^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
        "  ConstraintDescription: the name of a bucket.",
        *([f"  Default: {bucket}"] if bucket else []),
    ]
    return "".join(f"  {line}\n" for line in lines)


def _replace(pattern: str, replacement: str, text: str, count: int = 1) -> str:
    """Replace as many matches as there must be."""
    result, found = re.subn(pattern, lambda _: replacement, text)
    if found != count:
        raise ValueError(f"The template has {found} matches of {pattern}, and not {count}")
    return result
