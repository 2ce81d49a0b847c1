"""Images of a real registry (Debian's docker-registry), read by the deployed macro when stacks are deployed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest

from embedded_aws.aws import EmbeddedAws
from fixtures_deployment import WRAPPER, Application, Registries, task, template
from fixtures_embedded_aws import on_embedded_aws
from lookup.content import Store
from lookup.processes import HTPASSWD, RegistryProcess

pytestmark = [*on_embedded_aws, pytest.mark.registry]

OPEN_CONTENT: Mapping[str, dict[str, Any]] = {
    "both": {"entrypoint": ["/serve"], "cmd": ["--all"]},
    "cmd-only": {"cmd": ["python", "-m", "shop"]},
    "entrypoint-only": {"entrypoint": ["/serve"]},
    "neither": {},
    "named": {"entrypoint": ["/named"], "cmd": ["by another"]},
}


@dataclass(frozen=True)
class Images:
    """The images: ``shop/app`` in the open registry, ``team/private`` in the one that requires credentials."""

    app: str
    private: str
    down: str
    digest: str
    """The digest of ``shop/app:both``."""


@pytest.fixture(scope="module")
def images(registries: Registries, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Images]:
    content, private = Store(), Store()
    digests = {tag: content.image(tag, **lists) for tag, lists in OPEN_CONTENT.items()}
    content.multi_platform_image("multi")
    private.image("1", entrypoint=["/private"], cmd=["serve"])
    folder = tmp_path_factory.mktemp("registry")
    passwords = folder / "htpasswd"
    passwords.write_text(HTPASSWD)
    login = {"realm": "Shop", "path": str(passwords)}
    with (
        closing(RegistryProcess(folder, port=_port(registries.open))) as filling,
        # It uses the same storage, so images are pushed through the open registry.
        closing(RegistryProcess(folder, port=_port(registries.guarded), htpasswd=login)),
    ):
        filling.push("shop/app", content)
        filling.push("team/private", private)
        yield Images(
            app=f"{registries.open}/shop/app",
            private=f"{registries.guarded}/team/private",
            down=f"{registries.down}/shop/app",
            digest=digests["both"],
        )


def _port(host: str) -> int:
    return int(host.partition(":")[2])


def commands(application: Application, arn: str) -> dict[str, tuple[list[str] | None, list[str] | None]]:
    """Return EntryPoint and Command of each container except the agent."""
    containers = application.described(arn)["containerDefinitions"]
    return {
        container["name"]: (container.get("entryPoint"), container.get("command"))
        for container in containers
        if container["name"] != "SysdigInstrumentation"
    }


def container(name: str, image: object, **more: object) -> dict[str, Any]:
    return {"Name": name, "Image": image, **more}


def test_entry_points_from_the_image_and_from_the_template(application: Application, images: Images) -> None:
    containers = (
        container("both", f"{images.app}:both"),
        container("cmd-only", f"{images.app}:cmd-only"),
        container("entrypoint-only", f"{images.app}:entrypoint-only"),
        container("other-command", f"{images.app}:both", Command=["--one"]),
        container("only-a-command", f"{images.app}:neither", Command=["sh", "-c", "true"]),
        container("by-digest", f"{images.app}@{images.digest}"),
        container("by-tag-and-digest", f"{images.app}:moved@{images.digest}"),
    )
    stack = application.deployed(template(Task=task(*containers)))
    assert commands(application, stack.resources["Task"]) == {
        "both": ([WRAPPER, "/serve"], ["--all"]),
        "cmd-only": ([WRAPPER], ["python", "-m", "shop"]),
        "entrypoint-only": ([WRAPPER, "/serve"], None),
        "other-command": ([WRAPPER, "/serve"], ["--one"]),
        "only-a-command": ([WRAPPER], ["sh", "-c", "true"]),
        "by-digest": ([WRAPPER, "/serve"], ["--all"]),
        "by-tag-and-digest": ([WRAPPER, "/serve"], ["--all"]),
    }


def test_the_image_for_the_platform_of_the_task_is_read(application: Application, images: Images) -> None:
    app = container("app", f"{images.app}:multi")
    arm = {"RuntimePlatform": {"CpuArchitecture": "ARM64", "OperatingSystemFamily": "LINUX"}}
    stack = application.deployed(template(Intel=task(app), Graviton=task(app, **arm)))
    assert commands(application, stack.resources["Intel"]) == {"app": ([WRAPPER, "/amd64"], ["serve"])}
    assert commands(application, stack.resources["Graviton"]) == {"app": ([WRAPPER, "/arm64"], ["serve"])}


def create_secret(aws: EmbeddedAws, name: str, password: str) -> dict[str, str]:
    """Create a secret, and return the RepositoryCredentials for it."""
    login = json.dumps({"username": "joe", "password": password})
    answer = aws.client("secretsmanager").create_secret(Name=name, SecretString=login)
    return {"CredentialsParameter": answer["ARN"]}


def test_a_private_image(application: Application, images: Images) -> None:
    """The function reads the secret from Secrets Manager, and reads the image with its credentials."""
    credentials = create_secret(application.aws, "registry/joe", "s3cret")
    app = container("app", f"{images.private}:1", RepositoryCredentials=credentials)
    stack = application.deployed(template(Task=task(app)))
    assert commands(application, stack.resources["Task"]) == {"app": ([WRAPPER, "/private"], ["serve"])}


def test_a_private_image_with_wrong_credentials(application: Application, images: Images) -> None:
    wrong = create_secret(application.aws, "registry/mallory", "wrong-password")
    gone = {"CredentialsParameter": "arn:aws:secretsmanager:us-east-1:000000000000:secret:registry/gone-a1B2c3"}
    tasks = {
        "Anonymous": task(container("app", f"{images.private}:1")),
        "Mallory": task(container("app", f"{images.private}:1", RepositoryCredentials=wrong)),
        "Gone": task(container("app", f"{images.private}:1", RepositoryCredentials=gone)),
    }
    stack = application.deploy(template(**tasks))
    assert stack.status == "CREATE_FAILED"
    problems = by_task(stack.reason)
    assert problems.keys() == tasks.keys()
    assert all("(status 401, UNAUTHORIZED)" in problem for problem in problems.values())
    assert "RepositoryCredentials" in problems["Anonymous"]
    assert f"the credentials in {gone['CredentialsParameter']} could not be read" in problems["Gone"]
    assert "wrong-password" not in stack.reason


def by_task(reason: str) -> dict[str, str]:
    """Return the lines of a message by task."""
    return {line.split('"')[1]: line for line in reason.splitlines()}


def test_an_image_named_by_a_parameter_or_an_export(application: Application, images: Images) -> None:
    """LocalStack passes the name of the SSM parameter to the macro, and not its value. The macro reads it from SSM."""
    aws, image = application.aws, f"{images.app}:named"
    aws.client("ssm").put_parameter(Name="/shop/image", Type="String", Value=image)
    exporting = Application(aws)
    exporting.deployed({
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {"Image": {"Value": image, "Export": {"Name": "shop-image"}}},
    })  # fmt: skip
    containers = (
        container("by-parameter", {"Ref": "Image"}),
        container("by-reference", "{{resolve:ssm:/shop/image}}"),
        container("by-import", {"Fn::ImportValue": "shop-image"}),
    )
    source = template(Task=task(*containers))
    source["Parameters"] = {"Image": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/shop/image"}}
    stack = application.deployed(source)
    found = application.described(stack.resources["Task"])["containerDefinitions"]
    assert [item["image"] for item in found[:-1]] == [image] * 3
    assert set(map(str, commands(application, stack.resources["Task"]).values())) == {
        str(([WRAPPER, "/named"], ["by another"]))
    }


def test_each_unreadable_image_is_reported_with_advice(application: Application, images: Images) -> None:
    tasks = {
        "Good": task(container("app", f"{images.app}:both")),
        "Down": task(container("app", f"{images.down}:1")),
        "Untagged": task(container("app", f"{images.app}:gone")),
        "Empty": task(container("app", f"{images.app}:neither")),
    }
    stack = application.deploy(template(**tasks))
    assert stack.status == "CREATE_FAILED"
    assert stack.resources == {}
    problems = by_task(stack.reason)
    assert problems.keys() == tasks.keys() - {"Good"}
    registry = images.down.partition("/")[0]
    assert f"The image {images.down}:1 could not be read: {registry} refused the connection." in problems["Down"]
    assert "Check that the registry is reachable from this network" in problems["Down"]
    assert f"The image {images.app}:gone could not be read" in problems["Untagged"]
    assert "(status 404, MANIFEST_UNKNOWN). Check its name" in problems["Untagged"]
    assert "The image has neither ENTRYPOINT nor CMD, and the template gives no Command" in problems["Empty"]
    assert "Give the container an EntryPoint or a Command" in problems["Empty"]


def test_unreadable_images_are_skipped_if_the_settings_say_so(application: Application, images: Images) -> None:
    source = template(Task=task(container("good", f"{images.app}:both"), container("down", f"{images.down}:1")))
    source["Metadata"] = {"SysdigInstrument": {"OnUnresolvedImage": "skip"}}
    stack = application.deployed(source)
    assert commands(application, stack.resources["Task"]) == {
        "good": ([WRAPPER, "/serve"], ["--all"]),
        "down": (None, None),
    }
