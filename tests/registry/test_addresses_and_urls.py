"""Which hosts may be spoken to."""

from __future__ import annotations

import pytest

from registry.network import FakeClock
from sysdig_instrument.registry import urls
from sysdig_instrument.registry.addresses import Names, is_literal, refusal, system_resolve
from sysdig_instrument.registry.deadline import Deadline
from sysdig_instrument.registry.errors import HttpError
from sysdig_instrument.registry.urls import PUBLIC, Reach


@pytest.mark.parametrize("address", ["8.8.8.8", "2600::1", "64:ff9b::808:808", "2002:808:808::1", "198.20.0.1"])
def test_public_addresses(address: str) -> None:
    assert refusal(address, internal=False) == ""
    assert refusal(address, internal=True) == ""


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
    assert refusal(address, internal=False) == kind
    assert refusal(address, internal=True) == ""


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("169.254.169.254", "link-local"),
        ("169.254.170.2", "link-local"),
        ("fe80::1%eth0", "link-local"),
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
def test_addresses_that_nothing_admits(address: str, kind: str) -> None:
    assert refusal(address, internal=False) == kind
    assert refusal(address, internal=True) == kind


@pytest.mark.parametrize("host", ["8.8.8.8", "::1", "127.1", "2130706433", "0x7f000001", "0x7f.1", "1.2.3.4.", "a.0x"])
def test_literals(host: str) -> None:
    assert is_literal(host)


@pytest.mark.parametrize(
    "host", ["ghcr.io", "1.example", "0x7f.example", "localhost", "123456789012.dkr.ecr.x.amazonaws.com"]
)
def test_names(host: str) -> None:
    assert not is_literal(host)


def test_a_label_that_is_too_long_is_an_unknown_name() -> None:
    names = Names(system_resolve, Deadline.after(5, FakeClock()))
    with pytest.raises(HttpError, match="is not known"):
        names.addresses("a" * 70 + ".example", 443, internal=False)


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
)
def test_urls(text: str, base: str, url: str) -> None:
    found = urls.parse(text, base)
    assert f"{found.scheme}://{found.netloc}{found.target}" == url


@pytest.mark.parametrize("text", ["https://./a", "https://...", "https://.:443/", "https://[.]/"])
def test_dots_are_no_host(text: str) -> None:  # found by fuzzing
    with pytest.raises(HttpError, match="not a URL"):
        urls.parse(text)


def test_reach_names_host_port_and_scheme() -> None:
    reach = Reach.of(["registry.corp", "http://localhost:5000", "other.corp:8443"])
    assert reach.registry("registry.corp", "/v2/").scheme == "https"
    assert reach.registry("localhost:5000", "/v2/").scheme == "http"
    assert reach.registry("localhost:5001", "/v2/").scheme == "https"
    assert reach.registry("localhost", "/v2/").scheme == "https"
    assert Reach.of(["http://plain.corp"]).registry("plain.corp", "/v2/").netloc == "plain.corp"
    assert reach.names(urls.parse("https://registry.corp/"))
    assert not reach.names(urls.parse("https://registry.corp:8443/"))
    assert not reach.names(urls.parse("https://other.corp/"))
    assert not reach.names(urls.parse("http://registry.corp:443/"))


@pytest.mark.parametrize(
    "entry", ["", "a/b", "ftp://a", "://a", "u@a", "a:0", "a:65536", "http://", "a b", ".", "..:1"]
)
def test_reach_refuses_what_is_no_host(entry: str) -> None:
    with pytest.raises(ValueError, match="is not a host"):
        Reach.of([entry])


def test_public_is_https() -> None:
    with pytest.raises(HttpError, match="only https is spoken"):
        PUBLIC.check(urls.parse("http://example.com/"))
    assert PUBLIC.check(urls.parse("https://example.com/")) is False
