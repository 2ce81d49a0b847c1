"""The forms of the strings that settings accept, as regular expressions that must match the whole string."""

from __future__ import annotations

from typing import Final

_ARN_PREFIX: Final = r"arn:aws[a-z-]*"
SECRETS_MANAGER_PATTERN: Final = rf"{_ARN_PREFIX}:secretsmanager:[a-z0-9-]+:[0-9]{{12}}:secret:[A-Za-z0-9/_+=.@!-]+"
SECRET_PATTERN: Final = (
    rf"{SECRETS_MANAGER_PATTERN}(:[^:\s*?${{}}]*:[^:\s*?${{}}]*:[^:\s*?${{}}]*)?"
    rf"|{_ARN_PREFIX}:ssm:[a-z0-9-]+:[0-9]{{12}}:parameter/[A-Za-z0-9_./-]+"
)
"""The ARN of a Secrets Manager secret or of an SSM parameter, in the forms that ECS accepts in ``valueFrom``.

The ARN of a secret is alone, or has all three of ``:json-key:version-stage:version-id``, each of which may be empty. With
another number of fields, ECS does not start the task (``getASMParametersFromInput`` in the source of the ECS agent). Names
have only the characters that AWS allows in them, because a wildcard would act as one in the policy of the execution role.
"""
NO_ACCESS_KEY: Final = "none"
"""The value of ``AccessKeySecret`` that says that the agent gets its key in another way."""
ACCESS_KEY_FORMS: Final = (
    "the ARN, without wildcards, of an SSM parameter or of a Secrets Manager secret; the latter alone, or with all three of "
    ":json-key:version-stage:version-id, which may be empty, as in :json-key::"
)

SSM_FORM: Final = "the ARN of an SSM parameter, without wildcards: arn:aws:ssm:REGION:ACCOUNT:parameter/NAME"

MAX_TAG_VALUE: Final = 256
"""The maximum length of a tag's value (ECS API reference, Tag)."""

ROLE_PATTERN: Final = rf"{_ARN_PREFIX}:iam::[0-9]{{12}}:role/\S+"
"""The ARN of an IAM role, with its path."""
KMS_KEY_PATTERN: Final = rf"{_ARN_PREFIX}:kms:[a-z0-9-]+:[0-9]{{12}}:key/[A-Za-z0-9-]+"
IMAGE_PATTERN: Final = r"(?!.*//)[A-Za-z0-9][A-Za-z0-9_./:@-]{0,511}"
"""A reference to an image: ``quay.io/sysdig/workload-agent:5.5.0``. A URL is none."""
VARIABLE_PATTERN: Final = r"[A-Za-z_][A-Za-z0-9_.-]*"

REASON_FORM: Final = f"a text (a number needs quotes) of at most {MAX_TAG_VALUE} letters, digits, spaces and + - = . _ : / @, which are the characters that a tag can hold"
REASON_PATTERN: Final = rf"(?![aA][wW][sS]:)[\w +=.:/@-]{{1,{MAX_TAG_VALUE}}}"
"""A text that can be the value of a tag (ECS API reference, Tag)."""
