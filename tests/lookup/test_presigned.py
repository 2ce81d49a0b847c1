"""Presigned URLs: only https to endpoints of S3, no redirects, and a limited size."""

from __future__ import annotations

import json
import socket
from functools import partial
from typing import Any, Final

import pytest

from case_folders import FOLDER
from fixtures_handler import invoke_hook
from lookup.network import App, Network, Reply, json_reply
from readable_ids import readable_id
from sysdig_instrument.function import hook_templates
from sysdig_instrument.lookup.errors import HttpError
from sysdig_instrument.lookup.presigned import is_s3_endpoint, parse_presigned, read_presigned

HOST: Final = "bucket.s3.eu-west-1.amazonaws.com"
URL: Final = f"https://{HOST}/key?X-Amz-Signature=0"

ENDPOINTS: Final = (
    "s3.amazonaws.com",
    "bucket.s3.amazonaws.com",
    "my.dotted.bucket.s3.us-east-1.amazonaws.com",
    HOST,
    "s3.eu-west-1.amazonaws.com",
    "s3-us-west-2.amazonaws.com",
    "bucket.s3-us-west-2.amazonaws.com",
    "bucket.s3.dualstack.ap-southeast-2.amazonaws.com",
    "s3.dualstack.mx-central-1.amazonaws.com",
    "bucket.s3-fips.us-gov-west-1.amazonaws.com",
    "bucket.s3-fips.dualstack.us-east-1.amazonaws.com",
    "bucket.s3.cn-northwest-1.amazonaws.com.cn",
    "s3.cn-north-1.amazonaws.com.cn",
    "bucket.s3.us-iso-east-1.c2s.ic.gov",
    "bucket.s3.eusc-de-east-1.amazonaws.eu",
)

NO_ENDPOINTS: Final = (
    "amazonaws.com",
    "example.com",
    "bucket.s3.eu-west-1.amazonaws.com.example.com",
    "bucket.s3.eu-west-1.example.com",
    "s3.eu-west-1.amazonaws.comx",
    "xs3.eu-west-1.amazonaws.com",
    "bucket-s3.eu-west-1.amazonaws.com",
    "s3x.eu-west-1.amazonaws.com",
    "ec2.eu-west-1.amazonaws.com",
    "sts.amazonaws.com",
    "abc.execute-api.eu-west-1.amazonaws.com",
    "ec2-3-1-2-3.compute-1.amazonaws.com",
    "bucket.s3-website-us-east-1.amazonaws.com",
    "bucket.s3-website.eu-central-1.amazonaws.com",
    "point-111122223333.s3-accesspoint.eu-west-1.amazonaws.com",
    "point-111122223333.s3-object-lambda.eu-west-1.amazonaws.com",
    "s3-control.eu-west-1.amazonaws.com",
    "s3-outposts.eu-west-1.amazonaws.com",
    "s3.cn-north-1.amazonaws.com",
    "s3.eu-west-1.amazonaws.com.cn",
    "s3.evil.amazonaws.com",
    "s3.eu-west-1.elb.amazonaws.com",
    ".s3.eu-west-1.amazonaws.com",
    "-.s3.eu-west-1.amazonaws.com",
    "a_b.s3.eu-west-1.amazonaws.com",
    "169.254.169.254",
    "",
)


@pytest.mark.parametrize("host", ENDPOINTS)
def test_endpoints_of_s3(host: str) -> None:
    assert is_s3_endpoint(host)
    assert parse_presigned(f"https://{host}/key?X-Amz-Signature=0").host == host


@pytest.mark.parametrize("host", NO_ENDPOINTS)
def test_other_hosts(host: str) -> None:
    assert not is_s3_endpoint(host)
    with pytest.raises(HttpError):
        parse_presigned(f"https://{host}/key")


@pytest.mark.parametrize(
    "url",
    [
        f"http://{HOST}/key",
        f"HTTP://{HOST}/key",
        f"ftp://{HOST}/key",
        f"file:///{HOST}/key",
        f"//{HOST}/key",
        f"{HOST}/key",
        f"https://{HOST}:8443/key",
        f"https://{HOST}:80/key",
        f"https://user@{HOST}/key",
        f"https://{HOST}@example.com/key",
        f"https://example.com/{HOST}/key",
        f"https://example.com?{HOST}/key",
        f"https://example.com#.{HOST}/key",
        f"https://example.com\\.{HOST}/key",
        f"https://example.com%2f.{HOST}/key",
        f"https://{HOST}/key\r\nHost: example.com",
        f"https://{HOST}/ key",
        "https://[::1]/key",
        "https:///key",
        f"https://{HOST}/{'x' * 9000}",
        "",
    ],
    ids=readable_id,
)
def test_urls_that_are_not_of_s3(url: str) -> None:
    with pytest.raises(HttpError) as raised:
        read_presigned(url, max_bytes=100, seconds=1, resolve=no_network, create_connection=no_network)
    assert "key" not in raised.value.fact


def no_network(*_: object) -> Any:
    raise AssertionError("a request was made")


def read(network: Network, app: App, max_bytes: int = 1 << 20) -> bytes:
    network.site(HOST, app)
    return read_presigned(
        URL,
        max_bytes=max_bytes,
        seconds=10,
        resolve=network.resolve,
        create_connection=network.connect,
        make_ssl_context=lambda: network.authority.client,
    )


def test_an_object_is_read(network: Network) -> None:
    assert read(network, lambda _: Reply(200, b"{}")) == b"{}"
    (call,) = network.sites[HOST].calls
    assert (call.method, call.target, call.authorization) == ("GET", "/key?X-Amz-Signature=0", None)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("location", ["https://example.com/", f"https://{HOST}/other", "http://169.254.169.254/"])
def test_no_redirect_is_followed(network: Network, status: int, location: str) -> None:
    other = network.site("example.com", lambda _: Reply(200, b"{}"))
    with pytest.raises(HttpError, match="redirect"):
        read(network, lambda _: Reply(status, b"", {"Location": location}))
    assert len(network.sites[HOST].calls) == 1
    assert not other.calls


@pytest.mark.parametrize("status", [204, 206, 400, 403, 404])
def test_other_statuses_fail(network: Network, status: int) -> None:
    with pytest.raises(HttpError, match=f"status {status}"):
        read(network, lambda _: Reply(status, b""))


def test_a_large_object_is_not_read(network: Network) -> None:
    with pytest.raises(HttpError, match="limit of 1 MiB"):
        read(network, lambda _: Reply(200, b"x" * ((1 << 20) + 1)))


def test_a_private_address_is_not_contacted(network: Network) -> None:
    network.site(HOST, lambda _: Reply(200, b"{}"))
    network.names[HOST] = ["10.0.0.1"]
    with pytest.raises(HttpError, match="non-public address"):
        read_presigned(URL, max_bytes=100, seconds=5, resolve=network.resolve, create_connection=no_network)


def test_the_hook_reads_a_template_from_s3(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    source = (FOLDER / "worked-example-template" / "template.yaml").read_text()
    site = network.site(HOST, lambda _: json_reply({"template": source, "previousTemplate": None}))
    trusted = partial(
        read_presigned,
        resolve=network.resolve,
        create_connection=network.connect,
        make_ssl_context=lambda: network.authority.client,
    )
    monkeypatch.setattr(hook_templates, "read_presigned", trusted)
    event = json.loads((FOLDER.parents[1] / "events" / "hook-stack.json").read_text())
    event["requestData"]["payload"] = URL
    response = invoke_hook(event, json.loads((FOLDER / "settings.json").read_text()), monkeypatch)
    assert (response["hookStatus"], response["message"]) == ("SUCCESS", 'Task "SecurityPlayground" is protected.')
    site.app = lambda _: Reply(403, b"<Error/>")
    response = invoke_hook(event, json.loads((FOLDER / "settings.json").read_text()), monkeypatch)
    assert "could not read the template: Amazon S3 answered with status 403" in response["message"]


def test_a_host_that_does_not_resolve() -> None:
    def fails(*_: object) -> Any:
        raise socket.gaierror

    with pytest.raises(HttpError, match="could not be resolved"):
        read_presigned(URL, max_bytes=100, seconds=5, resolve=fails, create_connection=no_network)
