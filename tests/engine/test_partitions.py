"""Partitions by region."""

from __future__ import annotations

import pytest

from sysdig_instrument.engine.partitions import DNS_SUFFIXES, dns_suffix_of, partition_of


@pytest.mark.parametrize(
    ("region", "partition", "suffix"),
    [
        ("eu-central-1", "aws", "amazonaws.com"),
        ("cn-north-1", "aws-cn", "amazonaws.com.cn"),
        ("us-gov-west-1", "aws-us-gov", "amazonaws.com"),
        ("us-iso-east-1", "aws-iso", "c2s.ic.gov"),
        ("us-isob-east-1", "aws-iso-b", "sc2s.sgov.gov"),
        ("eu-isoe-west-1", "aws-iso-e", "cloud.adc-e.uk"),
        ("us-isof-south-1", "aws-iso-f", "csp.hci.ic.gov"),
        ("eusc-de-east-1", "aws-eusc", "amazonaws.eu"),
    ],
)
def test_a_region_has_a_partition_and_a_dns_suffix(region: str, partition: str, suffix: str) -> None:
    assert partition_of(region) == partition
    assert dns_suffix_of(region) == suffix
    assert suffix in DNS_SUFFIXES


@pytest.mark.parametrize("region", ["", "mars-north-1", "cn", "us-gov"])
def test_an_unlisted_region_is_in_the_standard_partition(region: str) -> None:
    assert partition_of(region) == "aws"
    assert dns_suffix_of(region) == "amazonaws.com"


def test_each_dns_suffix_is_listed_once() -> None:
    assert len(set(DNS_SUFFIXES)) == len(DNS_SUFFIXES) == 7
