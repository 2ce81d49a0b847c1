"""AWS for the report: credentials, regions and patient clients. boto3 is imported late, when a report is really made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from sysdig_instrument.errors import RefusedError, UsageError
from sysdig_instrument.registry.aws import AwsError, Client, call
from sysdig_instrument.registry.aws import Session as Boto3Session
from sysdig_instrument.values import dataclass

ATTEMPTS: Final = 10
"""A busy account throttles DescribeTasks and its like for seconds, and a scheduled job has time to wait."""

_CREDENTIALS: Final = "Give some that boto3 finds, such as with --profile or AWS_PROFILE."
_REGION_FOR_LISTING: Final = "us-east-1"  # any region lists all of its partition


@dataclass(frozen=True, slots=True)
class Session:
    """A boto3 session with credentials. ``home`` is the region of the environment or of the profile."""

    boto3: Boto3Session
    home: str | None

    @classmethod
    def of(cls, profile: str | None, environment: Mapping[str, str]) -> Session:
        """The session of a profile, or of the credentials that boto3 finds.

        Raises:
            UsageError: There is no such profile, or there are no credentials.
        """
        import boto3  # noqa: PLC0415 - late: see the module's docstring
        from botocore.exceptions import BotoCoreError  # noqa: PLC0415 - the same

        try:
            session = boto3.Session(profile_name=profile)
            credentials = session.get_credentials()
        except BotoCoreError as error:
            raise UsageError(f"There are no AWS credentials ({type(error).__name__}). {_CREDENTIALS}") from None
        if credentials is None:
            raise UsageError(f"There are no AWS credentials. {_CREDENTIALS}")
        # boto3 itself does not look at AWS_REGION.
        home = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or session.region_name
        return cls(session, home)

    def client(self, service: str, region: str) -> Client:
        """A client that waits and tries again where AWS throttles.

        Raises:
            AwsError: It cannot be made, say for want of such a region.
        """
        from botocore.config import Config  # noqa: PLC0415 - late: see the module's docstring
        from botocore.exceptions import BotoCoreError  # noqa: PLC0415 - the same

        retries = {"mode": "standard", "total_max_attempts": ATTEMPTS}
        config = Config(connect_timeout=5, read_timeout=30, retries=retries)
        try:
            return self.boto3.client(service, region_name=region, config=config)
        except BotoCoreError as error:
            raise AwsError(type(error).__name__) from None

    def regions(self, named: Iterable[str]) -> tuple[str, ...]:
        """The regions that were named, without repetition; else the home region.

        Raises:
            UsageError: There is none.
        """
        regions = tuple(dict.fromkeys(named)) or ((self.home,) if self.home else ())
        if not regions:
            raise UsageError("There is no AWS region. Give --region or --all-regions, or set AWS_REGION.")
        return regions

    def all_regions(self) -> tuple[str, ...]:
        """All regions that are enabled in the account.

        From EC2 and not from botocore's own list: that one has regions that the account has not enabled, and lacks those
        that are newer than itself.

        Raises:
            RefusedError: EC2 does not tell.
        """
        try:
            answer = call(self.client("ec2", self.home or _REGION_FOR_LISTING).describe_regions)
        except AwsError as error:
            raise RefusedError(
                f"--all-regions could not list the regions: {error.fact('Amazon EC2')}. "
                "Allow ec2:DescribeRegions, or name the regions with --region."
            ) from None
        return tuple(sorted(region["RegionName"] for region in answer["Regions"]))
