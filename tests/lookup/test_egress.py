"""URLs, addresses, and the egress policy."""

from __future__ import annotations

import urllib.parse

import pytest

from lookup.network import FakeClock
from sysdig_instrument.lookup import egress
from sysdig_instrument.lookup.egress import (
    PUBLIC_ONLY,
    EgressPolicy,
    Resolver,
    forbidden_category,
    is_ip_literal,
    system_resolve,
)
from sysdig_instrument.lookup.errors import HttpError
from sysdig_instrument.lookup.workers import Deadline


@pytest.mark.parametrize("address", ["8.8.8.8", "2600::1", "64:ff9b::808:808", "2002:808:808::1", "198.20.0.1"])
def test_public_addresses(address: str) -> None:
    assert forbidden_category(address, allow_private=False) == ""
    assert forbidden_category(address, allow_private=True) == ""


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("10.0.0.1", "private"),
        ("172.16.0.1", "private"),
        ("192.168.0.1", "private"),
        ("100.64.0.1", "private"),
        ("198.18.0.1", "private"),
        ("0.1.2.3", "private"),
        ("127.0.0.1", "loopback"),
        ("::1", "loopback"),
        ("fd12::1", "private"),
        ("fc00::1", "private"),
        ("::ffff:10.0.0.1", "private"),
        ("::ffff:127.0.0.1", "loopback"),
        ("64:ff9b::a00:1", "private"),
        ("2002:a00:1::1", "private"),
    ],
)
def test_internal_addresses(address: str, kind: str) -> None:
    assert forbidden_category(address, allow_private=False) == kind
    assert forbidden_category(address, allow_private=True) == ""


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("169.254.169.254", "link-local"),
        ("169.254.170.2", "link-local"),
        pytest.param("fe80::1%eth0", "link-local", id="fe80::1 with a zone"),
        ("fd00:ec2::254", "link-local"),
        ("::ffff:169.254.169.254", "link-local"),
        ("64:ff9b::a9fe:a9fe", "link-local"),
        ("2002:a9fe:a9fe::1", "link-local"),
        ("224.0.0.1", "multicast"),
        ("ff02::1", "multicast"),
        ("0.0.0.0", "unspecified"),  # noqa: S104 - that is the point
        ("::", "unspecified"),
        ("240.0.0.1", "reserved"),
        ("255.255.255.255", "reserved"),
        ("2001:db8::1", "reserved"),
        ("4000::1", "reserved"),
        ("fec0::1", "reserved"),
    ],
)
def test_addresses_that_are_never_allowed(address: str, kind: str) -> None:
    assert forbidden_category(address, allow_private=False) == kind
    assert forbidden_category(address, allow_private=True) == kind


@pytest.mark.parametrize("host", ["8.8.8.8", "::1", "127.1", "2130706433", "0x7f000001", "0x7f.1", "1.2.3.4.", "a.0x"])
def test_ip_literals(host: str) -> None:
    assert is_ip_literal(host)


@pytest.mark.parametrize(
    "host", ["ghcr.io", "1.example", "0x7f.example", "localhost", "123456789012.dkr.ecr.x.amazonaws.com"]
)
def test_host_names_are_not_ip_literals(host: str) -> None:
    assert not is_ip_literal(host)


def test_a_label_that_is_too_long_is_an_unknown_name() -> None:
    names = Resolver(system_resolve, Deadline.after(5, FakeClock()))
    with pytest.raises(HttpError, match="could not be resolved"):
        names.resolve("a" * 70 + ".example", 443, allow_private=False)


@pytest.mark.parametrize(
    ("text", "base", "url"),
    [
        ("https://Example.com", "", "https://example.com/"),
        ("https://example.com.:8443/a?b=c#d", "", "https://example.com:8443/a?b=c"),
        ("/x", "https://example.com/a/b", "https://example.com/x"),
        ("//cdn.example/x", "https://example.com/a/b", "https://cdn.example/x"),
        ("https://[2600::1]:444/x", "", "https://[2600::1]:444/x"),
        ("http://example.com:443/", "", "http://example.com:443/"),
    ],
    ids=["lower-cased-host", "trailing-dot-and-fragment", "relative-path", "relative-host", "ipv6", "http-on-443"],
)
def test_urls(text: str, base: str, url: str) -> None:
    found = egress.parse_url(text, base)
    assert f"{found.scheme}://{found.netloc}{found.target}" == url


@pytest.mark.parametrize(
    "text",
    ["https://./a", "https://...", "https://.:443/", "https://[.]/"],
    ids=["one-dot", "three-dots", "dot-and-port", "brackets"],
)
def test_dots_are_not_a_host(text: str) -> None:  # found by fuzzing
    with pytest.raises(HttpError, match="invalid"):
        egress.parse_url(text)


def test_a_long_url_is_not_parsed() -> None:
    """Python keeps the URLs that it parsed last."""
    before = urllib.parse.urlsplit.cache_info().currsize  # type: ignore[attr-defined]
    for number in range(100):
        with pytest.raises(HttpError, match="an invalid URL"):
            egress.parse_url(f"https://example.com/{number}?{'x' * 60_000}")
    assert urllib.parse.urlsplit.cache_info().currsize <= before  # type: ignore[attr-defined]
    assert egress.parse_url(f"https://example.com/{'x' * 4000}").host == "example.com"


def test_policy_entries_have_host_port_and_scheme() -> None:
    policy = EgressPolicy.from_entries(["registry.corp", "http://localhost:5000", "other.corp:8443"])
    assert policy.registry_url("registry.corp", "/v2/").scheme == "https"
    assert policy.registry_url("localhost:5000", "/v2/").scheme == "http"
    assert policy.registry_url("localhost:5001", "/v2/").scheme == "https"
    assert policy.registry_url("localhost", "/v2/").scheme == "https"
    assert EgressPolicy.from_entries(["http://plain.corp"]).registry_url("plain.corp", "/v2/").netloc == "plain.corp"
    assert policy.is_internal(egress.parse_url("https://registry.corp/"))
    assert not policy.is_internal(egress.parse_url("https://registry.corp:8443/"))
    assert not policy.is_internal(egress.parse_url("https://other.corp/"))
    assert not policy.is_internal(egress.parse_url("http://registry.corp:443/"))


@pytest.mark.parametrize(
    "entry", ["", "a/b", "ftp://a", "://a", "u@a", "a:0", "a:65536", "http://", "a b", ".", "..:1"]
)
def test_policy_rejects_entries_without_a_host(entry: str) -> None:
    with pytest.raises(ValueError, match="is not a host"):
        EgressPolicy.from_entries([entry])


def test_public_is_https() -> None:
    with pytest.raises(HttpError, match="only https is allowed"):
        PUBLIC_ONLY.check(egress.parse_url("http://example.com/"))
    assert PUBLIC_ONLY.check(egress.parse_url("https://example.com/")) is False
