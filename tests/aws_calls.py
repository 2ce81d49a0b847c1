"""Every call to AWS that this process makes: which ones, and what happens if one fails.

It is between boto3's clients and their services, so no call is missed. A test that gives ``Calls.EVERY`` of a command as it is made
in a full run fails for a call that nobody makes fail.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

import botocore.client
import pytest
from urllib3 import HTTPHeaderDict

from aws_faults import CUT, DENIED, THROTTLED, TIMED_OUT
from sysdig_instrument.lookup.aws import AwsClients
from sysdig_instrument.lookup.http import HttpClient, HttpRequest, HttpResponse

FAULTS: Final = {"throttled": THROTTLED, "denied": DENIED, "cut": CUT, "timed out": TIMED_OUT}
LOST: Final = {"cut": CUT, "timed out": TIMED_OUT}
"""What may happen to the response of a call that took effect."""

Answer = Callable[[Mapping[str, Any]], dict[str, Any]]


class Calls:
    """The calls by service and operation, as in ``ecs:UpdateService``, and their failures: before a call takes effect, or after.

    Each call takes the next failure of a list; the last one stays. ``answers`` stands for services that nothing here emulates.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made: Counter[str] = Counter()
        self.before: dict[str, list[Exception | None]] = {}
        self.after: dict[str, list[Exception | None]] = {}
        self.answers: dict[str, Answer] = {}
        self._ignored: list[Any] = []
        real = botocore.client.BaseClient._make_api_call

        def make(client: Any, operation: str, parameters: Any) -> Any:
            if any(client is each for each in self._ignored):
                return real(client, operation, parameters)
            name = f"{client.meta.service_model.service_name}:{operation}"
            self.made[name] += 1
            _fail(self.before, name)
            answer = self.answers.get(name)
            found = answer(parameters) if answer else real(client, operation, parameters)
            _fail(self.after, name)
            return found

        monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", make)

    def ignore(self, client: Any) -> Any:
        """Leave out the calls of a client, which are a test's own."""
        self._ignored.append(client)
        return client

    def clear(self) -> None:
        """Let all calls succeed from now on."""
        self.before.clear()
        self.after.clear()


def _fail(planned: Mapping[str, list[Exception | None]], name: str) -> None:
    errors = planned.get(name) or [None]
    error = errors.pop(0) if len(errors) > 1 else errors[0]
    if error:
        raise error


def keep_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the clients from run to run: they are slow to make. Retries and time-outs make no difference to ``Calls``."""
    kept: dict[tuple[str, str], Any] = {}
    create = AwsClients._create_client

    def client(self: AwsClients, service: str, region: str, **options: bool) -> Any:
        if (service, region) not in kept:
            kept[service, region] = create(self, service, region, **options)
        return kept[service, region]

    monkeypatch.setattr(AwsClients, "_create_client", client)


# --- images in Amazon ECR, and in a registry with a login

REGISTRY: Final = "registry.example.com"
SECRET: Final = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:registry-AbCdEf"  # noqa: S105 - the ARN of one
_CONFIG: Final = json.dumps({"os": "linux", "architecture": "amd64", "config": {"Entrypoint": ["/entry"]}}).encode()
_MEDIA_TYPE: Final = "application/vnd.oci.image.manifest.v1+json"
_MANIFEST: Final = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": _MEDIA_TYPE,
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": f"sha256:{hashlib.sha256(_CONFIG).hexdigest()}",
            "size": len(_CONFIG),
        },
        "layers": [],
    }
).encode()
_LAYERS: Final = "https://prod-eu-central-1-starport-layer-bucket.s3.eu-central-1.amazonaws.com/layer"


def answer_for_images(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have each image of Amazon ECR and of ``REGISTRY`` an entry point. The registry asks for the login in ``SECRET``."""
    manifest = {"imageManifest": _MANIFEST.decode(), "imageManifestMediaType": _MEDIA_TYPE}
    calls.answers["ecr:BatchGetImage"] = lambda given: {
        "images": [{**manifest, "imageId": each} for each in given["imageIds"]]
    }
    calls.answers["ecr:GetDownloadUrlForLayer"] = lambda _: {"downloadUrl": _LAYERS}
    login = json.dumps({"username": "robot", "password": "secret of the registry"})
    calls.answers["secretsmanager:GetSecretValue"] = lambda given: {"ARN": given["SecretId"], "SecretString": login}

    def send(_client: HttpClient, request: HttpRequest) -> tuple[HttpResponse, HttpRequest]:
        if request.url.host == REGISTRY and not request.authorization:
            challenge = HTTPHeaderDict({"WWW-Authenticate": 'Basic realm="registry"'})
            return HttpResponse(401, challenge, b""), request
        is_manifest = "/manifests/" in request.url.target
        body, media_type = (_MANIFEST, _MEDIA_TYPE) if is_manifest else (_CONFIG, "application/octet-stream")
        return HttpResponse(200, HTTPHeaderDict({"Content-Type": media_type}), body), request

    monkeypatch.setattr(HttpClient, "send", send)
