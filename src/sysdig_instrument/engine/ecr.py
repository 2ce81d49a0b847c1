"""Private repositories of Amazon ECR, by the names of their registries.

Source: the Amazon ECR user guide, «Making requests to Amazon ECR registries», for the host names.
"""

from __future__ import annotations

import re
from typing import Final

from sysdig_instrument.engine.image_reference import InvalidReferenceError, Reference, parse_reference
from sysdig_instrument.engine.partitions import DNS_SUFFIXES, dns_suffix_of, partition_of
from sysdig_instrument.lazy_dataclasses import dataclass

_DUAL_STACK_DNS_SUFFIXES: Final = ("on.aws", "on.amazonwebservices.com.cn")
_HOST: Final = (
    r"(?P<account>[0-9]{12})\.dkr(?:\.ecr|-ecr)(?P<fips>-fips)?\.(?P<region>[a-z0-9-]+)\."
    rf"(?:{'|'.join(map(re.escape, DNS_SUFFIXES + _DUAL_STACK_DNS_SUFFIXES))})"
)


@dataclass(frozen=True, slots=True)
class EcrRepository:
    """The location of a private repository."""

    account: str
    region: str
    name: str
    fips: bool = False

    @classmethod
    def from_reference(cls, reference: Reference) -> EcrRepository | None:
        """Return the repository of a reference; None if its registry is not a private Amazon ECR registry."""
        match = re.fullmatch(_HOST, reference.registry)
        return match and cls(match["account"], match["region"], reference.repository, bool(match["fips"]))

    @classmethod
    def from_image(cls, image: str) -> EcrRepository | None:
        """Return the repository of an image; None if that is not in a private Amazon ECR registry, or no valid reference."""
        try:
            return cls.from_reference(parse_reference(image))
        except InvalidReferenceError:
            return None

    def attribute(self, name: str) -> str | None:
        """Return what Fn::GetAtt returns of the repository as a resource; None for an attribute that is not known."""
        return {"Arn": self.arn, "RepositoryUri": self.uri}.get(name)

    @property
    def uri(self) -> str:
        """Return the repository's URI: the reference of its images, without a tag."""
        return f"{self.account}.dkr.ecr.{self.region}.{dns_suffix_of(self.region)}/{self.name}"

    @property
    def arn(self) -> str:
        """Return the repository's ARN."""
        return f"arn:{partition_of(self.region)}:ecr:{self.region}:{self.account}:repository/{self.name}"
