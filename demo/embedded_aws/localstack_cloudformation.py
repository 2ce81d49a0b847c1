"""CloudFormation for LocalStack: updates of resources under conditions, and of roles, as AWS makes them.

Five things differ from AWS in LocalStack 4.13, and this corrects them:

- It also evaluates the properties of a resource that does not exist, because its condition was false at the last deployment,
  and fails if they refer to another such resource.
- It leaves a resource alone whose condition was true and becomes false. AWS deletes it.
- It does not change the inline policies of a role in an update.
- It takes a resource for updated that somebody has deleted. AWS fails, with the reason of the service.
- It does not roll back an update that fails: the stack keeps what was updated, and its status is that of a failed creation.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from localstack.aws.api.cloudformation import ChangeAction, ChangeSetType, ResourceStatus, StackStatus
from localstack.services.cloudformation.engine.v2.change_set_model import Nothing
from localstack.services.cloudformation.engine.v2.change_set_model_executor import ChangeSetModelExecutor
from localstack.services.cloudformation.engine.v2.change_set_model_preproc import (
    ChangeSetModelPreproc,
    PreprocProperties,
    PreprocResource,
)
from localstack.services.cloudformation.engine.validations import ValidationError
from localstack.services.cloudformation.resource_provider import ResourceProviderExecutor, convert_payload
from localstack.services.cloudformation.v2.entities import Stack
from localstack.services.iam.resource_providers.aws_iam_role import IAMRoleProvider


def correct() -> None:
    """Replace the methods of LocalStack in which the three things differ."""
    tolerate_references_to_absent_resources()
    delete_resources_whose_condition_becomes_false()
    update_policies_of_roles()
    fail_updates_of_deleted_resources()
    roll_back_failed_updates()


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


def delete_resources_whose_condition_becomes_false() -> None:
    """Delete such resources, after everything else, in the order in which the template has them."""
    visit = ChangeSetModelExecutor.visit_node_resources

    def visit_and_delete(self: Any, nodes: Any) -> None:  # noqa: ANN401 - LocalStack's
        for node in reversed(nodes.resources):  # LocalStack deletes in the reverse order
            deployed = self._before_resolved_resources.get(node.name) or {}
            reference = node.condition_reference
            if reference is Nothing or not deployed.get("PhysicalResourceId"):
                continue
            if self._resolve_resource_condition_reference(reference).after is False:
                before = PreprocResource(
                    logical_id=node.name,
                    physical_resource_id=deployed["PhysicalResourceId"],
                    condition=True,
                    resource_type=deployed["Type"],
                    properties=PreprocProperties(properties={}),
                    depends_on=None,
                    requires_replacement=False,
                )
                self._execute_resource_change(name=node.name, before=before, after=Nothing)
        visit(self, nodes)

    ChangeSetModelExecutor.visit_node_resources = visit_and_delete


def update_policies_of_roles() -> None:
    """Give a role the inline policies of the new template in an update."""
    update = IAMRoleProvider.update

    def update_with_policies(self: Any, request: Any) -> Any:  # noqa: ANN401 - LocalStack's
        event = update(self, request)
        iam, role = request.aws_client_factory.iam, event.resource_model["RoleName"]
        wanted = {each["PolicyName"]: each["PolicyDocument"] for each in request.desired_state.get("Policies") or ()}
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
            if name not in wanted:
                iam.delete_role_policy(RoleName=role, PolicyName=name)
        for name, document in wanted.items():
            iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))
        event.resource_model = {**event.resource_model, "Policies": request.desired_state.get("Policies")}
        return event

    IAMRoleProvider.update = update_with_policies


def fail_updates_of_deleted_resources() -> None:
    """Fail an update with whatever the service answers. What a provider cannot update stays, as LocalStack has it."""
    execute = ResourceProviderExecutor.execute_action

    def execute_or_fail(self: Any, provider: Any, payload: Any) -> Any:  # noqa: ANN401 - LocalStack's
        if payload["action"] in ("Dynamic", "Modify"):
            with suppress(NotImplementedError):
                return provider.update(convert_payload(self.stack_name, self.stack_id, payload))
        return execute(self, provider, payload)

    ResourceProviderExecutor.execute_action = execute_or_fail


def roll_back_failed_updates() -> None:
    """Give what an update has changed before it failed its earlier properties, the last one first. The stack is as it was.

    Resources that the update has added stay.
    """
    execute, set_status = ChangeSetModelExecutor.execute, Stack.set_stack_status

    def execute_or_roll_back(self: Any) -> Any:  # noqa: ANN401 - LocalStack's
        change_set, before = self._change_set, dict(self._before_resolved_resources)
        stack = change_set.stack
        result = execute(self)
        if not result.failure_message or change_set.change_set_type != ChangeSetType.UPDATE:
            return result
        stack.set_stack_status(StackStatus.UPDATE_ROLLBACK_IN_PROGRESS, result.failure_message)
        for name, changed in reversed(list(self.resources.items())):
            if changed.get("ResourceStatus") == ResourceStatus.UPDATE_COMPLETE and changed is not before.get(name):
                _change_back(self, name, changed, before[name])
                before[name] = self.resources[name]
        result.resources = before
        for member in ("template", "processed_template", "template_body", "resolved_parameters"):
            setattr(change_set, member, getattr(stack, member))  # LocalStack gives the stack those of the change set
        stack.set_stack_status(StackStatus.UPDATE_ROLLBACK_COMPLETE)
        return result

    def set_status_unless_in_review(self: Any, status: Any, reason: Any = None) -> None:  # noqa: ANN401 - LocalStack's
        # Only a stack that does not exist yet is in review while it has a change set.
        if status != StackStatus.REVIEW_IN_PROGRESS or self.status != StackStatus.UPDATE_ROLLBACK_COMPLETE:
            set_status(self, status, reason)

    ChangeSetModelExecutor.execute = execute_or_roll_back
    Stack.set_stack_status = set_status_unless_in_review


def _change_back(executor: Any, name: str, changed: Any, before: Any) -> None:  # noqa: ANN401 - LocalStack's
    executor._execute_resource_action(  # noqa: SLF001 - LocalStack has no other place for this
        action=ChangeAction.Modify,
        logical_resource_id=name,
        resource_type=before["Type"],
        before_properties=PreprocProperties(properties=changed["Properties"]),
        after_properties=PreprocProperties(properties=before["Properties"]),
    )
