"""AWS partitions: the name and the DNS suffix of each, by region (botocore's ``partitions.json``)."""

from __future__ import annotations

import re
from typing import Final

_PARTITIONS: Final = (
    # prefix of the region's name, partition, DNS suffix
    ("cn-", "aws-cn", "amazonaws.com.cn"),
    ("us-gov-", "aws-us-gov", "amazonaws.com"),
    ("us-isob-", "aws-iso-b", "sc2s.sgov.gov"),
    ("us-isof-", "aws-iso-f", "csp.hci.ic.gov"),
    ("us-iso-", "aws-iso", "c2s.ic.gov"),
    ("eu-isoe-", "aws-iso-e", "cloud.adc-e.uk"),
    ("eusc-", "aws-eusc", "amazonaws.eu"),
    ("", "aws", "amazonaws.com"),  # all other regions
)

DNS_SUFFIXES: Final = tuple(dict.fromkeys(suffix for _, _, suffix in _PARTITIONS))
"""The DNS suffixes of all partitions, each once. The host names of AWS services end with them."""


_REGION: Final = r"[a-z]{2,4}(?:-[a-z]{2,12}){1,3}-[0-9]{1,2}"
"""The form of a Region's name: ``us-east-1``, ``us-gov-west-1``, ``us-isob-east-1``, ``eusc-de-east-1``."""


def is_region_name(text: str) -> bool:
    """Return whether a Region can have this name."""
    return re.fullmatch(_REGION, text) is not None


def partition_of(region: str) -> str:
    """Return the name of the partition that a region is in, such as ``aws-cn``: ``aws`` for a region that is not listed."""
    return _entry(region)[1]


def dns_suffix_of(region: str) -> str:
    """Return the DNS suffix of a region's partition, such as ``amazonaws.com.cn``: what ``AWS::URLSuffix`` evaluates to."""
    return _entry(region)[2]


def _entry(region: str) -> tuple[str, str, str]:
    return next(entry for entry in _PARTITIONS if region.startswith(entry[0]))
