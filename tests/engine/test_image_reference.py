"""Image references, against the distribution project's grammar."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysdig_instrument.engine.image_reference import (
    REPOSITORY_GLOB,
    InvalidReferenceError,
    Reference,
    matches_repository,
    parse_reference,
)

SHA256 = "sha256:" + "0123456789abcdef" * 4
SHA512 = "sha512:" + "0123456789abcdef" * 8


@pytest.mark.parametrize(
    ("text", "full"),
    [
        ("nginx", "docker.io/library/nginx:latest"),
        ("nginx:1.27", "docker.io/library/nginx:1.27"),
        ("docker.io/nginx", "docker.io/library/nginx:latest"),
        ("index.docker.io/library/nginx", "docker.io/library/nginx:latest"),
        ("bitnami/redis", "docker.io/bitnami/redis:latest"),
        ("a/b/c:1", "docker.io/a/b/c:1"),
        ("localhost/app", "localhost/app:latest"),
        ("localhost:5000/app", "localhost:5000/app:latest"),
        ("Registry.Example.com/app", "registry.example.com/app:latest"),
        ("Corp/app", "corp:443/app:latest"),  # as Docker has it: a host, by its capital letter alone
        ("LOCALHOST/app", "localhost/app:latest"),
        ("registry:5000/team/app:1", "registry:5000/team/app:1"),
        ("[::1]:5000/app", "[::1]:5000/app:latest"),
        (f"nginx@{SHA256}", f"docker.io/library/nginx@{SHA256}"),
        (f"nginx:1@{SHA512}", f"docker.io/library/nginx@{SHA512}"),
        ("ghcr.io/o/a_b__c-d--e.f:T.a_g-1", "ghcr.io/o/a_b__c-d--e.f:T.a_g-1"),
        (
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app:1",
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app:1",
        ),
    ],
    ids=[
        "name",
        "tag",
        "docker-io",
        "index-docker-io",
        "organisation",
        "three-parts",
        "localhost",
        "localhost-port",
        "capitals-in-host",
        "capital-means-host",
        "capital-localhost",
        "host-port",
        "ipv6",
        "digest",
        "tag-and-digest",
        "punctuation",
        "ecr",
    ],
)
def test_references(text: str, full: str) -> None:
    assert str(parse_reference(text)) == full
    assert parse_reference(full) == parse_reference(str(parse_reference(full)))


def test_the_digest_wins_over_the_tag() -> None:
    assert parse_reference(f"nginx:1@{SHA256}") == Reference("docker.io", "library/nginx", "1", SHA256)
    assert parse_reference(f"nginx:1@{SHA256}").tag_or_digest == SHA256


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        (" nginx", "spaces"),
        ("nginx\n", "spaces"),
        ("https://ghcr.io/o/app", "URL scheme"),
        ("ghcr.io/o/App", "uppercase letters"),
        ("nginx:", "its tag"),
        ("nginx:.1", "its tag"),
        ("nginx:" + "a" * 129, "its tag"),
        ("nginx@", "its digest"),
        ("nginx@sha256:12", "its digest"),
        ("nginx@" + SHA256.upper(), "its digest"),
        ("nginx@md5:" + "0" * 32, "its digest"),
        ("a b", "its repository"),
        ("a//b", "its repository"),
        ("a/b/", "its repository"),
        ("/a", "its repository"),
        ("a..b", "its repository"),
        ("a___b", "its repository"),
        ("-a.example/b", "its registry"),
        ("a_b.example/c", "its registry"),
        ("example.com:port/a", "its registry"),
        ("user@example.com/a", "its digest"),
        ("f" * 64, "ID"),
        ("ghcr.io/" + "a" * 250, "longer than 255"),
        ("ghcr.io/../../etc/passwd", "its repository"),
        ("ghcr.io/o/app?x=1", "its repository"),
        ("${Image}", "its repository"),
    ],
    ids=[
        "empty",
        "leading-space",
        "newline",
        "url",
        "capitals-in-repository",
        "empty-tag",
        "tag-starts-with-dot",
        "tag-129-long",
        "empty-digest",
        "short-digest",
        "capital-digest",
        "md5",
        "space",
        "double-slash",
        "trailing-slash",
        "leading-slash",
        "double-dot",
        "three-underscores",
        "host-starts-with-dash",
        "underscore-in-host",
        "port-not-a-number",
        "user",
        "image-id",
        "255-exceeded",
        "path-traversal",
        "query",
        "placeholder",
    ],
)
def test_invalid_references(text: str, why: str) -> None:
    with pytest.raises(InvalidReferenceError, match=why):
        parse_reference(text)


@given(st.text(max_size=80))
def test_any_text_is_a_reference_or_refused(text: str) -> None:
    try:
        found = parse_reference(text)
    except InvalidReferenceError:
        return
    assert parse_reference(str(found)).repository == found.repository
    assert str(found).isascii()


@pytest.mark.parametrize(
    ("image", "glob"),
    [
        pytest.param("quay.io/sysdig/workload-agent:6", "quay.io/sysdig/workload-agent", id="tag"),
        pytest.param(f"quay.io/sysdig/workload-agent@{SHA256}", "quay.io/sysdig/workload-agent", id="digest"),
        ("Quay.IO/sysdig/workload-agent", "quay.io/sysdig/*"),
        ("quay.io/sysdig/workload-agent", "QUAY.io/*/workload-agent"),
        ("docker.io/sysdig/workload-agent", "sysdig/workload-agent"),
        ("sysdig/workload-agent", "index.docker.io/sysdig/workload-agent"),
        ("docker.io/agent", "agent"),
        pytest.param("index.docker.io/library/agent", "agen?", id="docker-hub"),
        ("mirror.example.com:5000/a/agent", "mirror.example.com:5000/a/*"),
        pytest.param(
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com/a/agent", "*.dkr.ecr.*.amazonaws.com/a/agent", id="amazon-ecr"
        ),
        ("a.example.com/b/agent", "*/b/agent"),
        ("a.example.com/b/agent", "*"),
    ],
)
def test_repositories_that_match(image: str, glob: str) -> None:
    assert re.fullmatch(REPOSITORY_GLOB, glob)
    assert matches_repository(parse_reference(image), glob)


@pytest.mark.parametrize(
    ("image", "glob"),
    [
        pytest.param("evil.example/quay.io/sysdig/workload-agent", "*.io/sysdig/workload-agent", id="other-registry"),
        pytest.param("evil.example/x.dkr.ecr.eu.amazonaws.com/a", "*.dkr.ecr.*.amazonaws.com/a", id="in-the-path"),
        pytest.param("sysdig.evil.example/agent", "sysdig*/agent", id="namespace-of-docker-hub"),
        pytest.param("mirror.example.com:5000/agent", "mirror.example.com/agent", id="other-port"),
        pytest.param("mirror.example.com/agent", "agent", id="not-docker-hub"),
        pytest.param("evil/agent", "agent", id="not-the-library"),
        pytest.param("quay.io/sysdig/workload-agent-x", "quay.io/sysdig/workload-agent", id="longer"),
    ],
)
def test_repositories_that_do_not_match(image: str, glob: str) -> None:
    assert re.fullmatch(REPOSITORY_GLOB, glob)
    assert not matches_repository(parse_reference(image), glob)


@pytest.mark.parametrize(
    "text",
    ["quay.io/a:1", "quay.io/a@" + SHA256, "mirror.example.com:5000", "[a-z].io/a", "a b", ""],
    ids=["tag", "digest", "port", "range", "space", "empty"],
)
def test_texts_that_are_no_globs_of_repositories(text: str) -> None:
    assert not re.fullmatch(REPOSITORY_GLOB, text)
