"""The account of the caller's AWS credentials, for templates in which the name of an image depends on ``AWS::AccountId``.

AWS STS returns it to any identity, without a permission. It is asked only if a plan needs it, and once in a run. The
account is a value of the caller's: it does not go to a registry that only the document names.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from sysdig_instrument.cli.inputs import DocumentContext
from sysdig_instrument.lazy_dataclasses import replace
from sysdig_instrument.planning import look_up_nothing, plan_with_lookups

if TYPE_CHECKING:
    from sysdig_instrument.cli.documents import InputDocument
    from sysdig_instrument.engine.plan import Context
    from sysdig_instrument.lookup.session import LookupSession

_MAY_NEED_ACCOUNT: Final = ("AWS::AccountId", "RepositoryUri", "AWS::ECR::Repository")


def with_callers_account(
    options: argparse.Namespace, document: InputDocument, context: Context, get_session: Callable[[], LookupSession]
) -> Context:
    """Return the context with the account of the caller's credentials, if the plan needs one and none is given."""
    if not isinstance(context, DocumentContext) or context.account or context.region is None:
        return context
    if options.offline or context.is_offline or not _needs_account(document, context):
        return context
    account = get_session().clients.account(context.region)
    return replace(context, account=account, is_account_from_credentials=True) if account else context


def _needs_account(document: InputDocument, context: Context) -> bool:
    if not any(word in document.source.text for word in _MAY_NEED_ACCOUNT):
        return False  # most templates need no second plan
    fragment = document.fragment
    return plan_with_lookups(fragment, document.with_transform_parameters(context), look_up_nothing).needs_account
