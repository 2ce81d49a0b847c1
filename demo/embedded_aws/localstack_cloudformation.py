"""CloudFormation for LocalStack: stacks with resources under false conditions can be updated and deleted.

LocalStack also evaluates the properties of a resource that does not exist, because its condition was false at the last
deployment, and fails if they refer to another such resource.
"""

from __future__ import annotations

from typing import Any

from localstack.services.cloudformation.engine.v2.change_set_model_preproc import ChangeSetModelPreproc
from localstack.services.cloudformation.engine.validations import ValidationError


def tolerate_references_to_absent_resources() -> None:
    """Make an attribute of a resource that was not deployed an empty string in the state before a change.

    That state has been deployed, so nothing that exists refers to such a resource. References of new templates stay errors.
    """
    resolve = ChangeSetModelPreproc._resolve_attribute  # noqa: SLF001 - LocalStack has no other place for this

    def resolve_or_ignore(self: Any, arguments: Any, select_before: bool) -> Any:  # noqa: ANN401, FBT001 - LocalStack's
        try:
            return resolve(self, arguments, select_before)
        except ValidationError:
            if select_before:
                return ""
            raise

    ChangeSetModelPreproc._resolve_attribute = resolve_or_ignore  # noqa: SLF001 - as above
