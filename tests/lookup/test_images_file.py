"""`sysdig-instrument images`: what it reads of a real registry is all that an offline run needs."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from lookup.content import Store
from lookup.processes import HTPASSWD, RegistryProcess

pytestmark = pytest.mark.registry

TEMPLATE = """\
# Comments stay.
Parameters:
  Registry: {{Type: String}}
Resources:
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties:
      RequiresCompatibilities: [FARGATE]
      ContainerDefinitions:
        - {{Name: web, Image: !Sub "${{Registry}}/shop/app:web"}}
        - {{Name: job, Image: !Sub "${{Registry}}/shop/app:job", Command: [--once]}}
        - {{Name: given, Image: shop/given, EntryPoint: [/given]}}
        - {{Name: both, Image: "{registry}/shop/app@{digest}"}}
  Arm:
    Type: AWS::ECS::TaskDefinition
    Properties:
      RequiresCompatibilities: [FARGATE]
      RuntimePlatform: {{CpuArchitecture: ARM64}}
      ContainerDefinitions:
        - {{Name: multi, Image: !Sub "${{Registry}}/shop/app:multi"}}
"""
WEB = {"Entrypoint": ["/web"], "Cmd": ["--port", "80"]}


@dataclass(frozen=True)
class Workplace:
    """A folder with a template, docker's credentials for the registry that its images are in, and the tool."""

    folder: Path
    registry: str
    digest: str

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        return subprocess.run(
            [sys.executable, "-m", "sysdig_instrument", *arguments],
            cwd=self.folder,
            env=environment | {"DOCKER_CONFIG": str(self.folder / "docker")},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def run_on_template(self, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command on the template."""
        internal = f"InternalRegistries=http://{self.registry}"
        parameter = f"Registry={self.registry}"
        return self.run(
            command,
            "app.yaml",
            "-p",
            parameter,
            "--set",
            "Collector=us2",
            "--set",
            "AccessKeySecret=none",
            "--set",
            internal,
            *arguments,
        )


@pytest.fixture
def workplace(tmp_path: Path) -> Iterator[Workplace]:
    store = Store()
    digest = store.image("web", entrypoint=["/web"], cmd=["--port", "80"])
    store.image("job", cmd=["nothing"])
    store.multi_platform_image("multi")
    passwords = tmp_path / "htpasswd"
    passwords.write_text(HTPASSWD)
    with closing(RegistryProcess(tmp_path)) as filling:
        filling.push("shop/app", store)
    with closing(RegistryProcess(tmp_path, htpasswd={"realm": "Shop", "path": str(passwords)})) as process:
        registry = f"localhost:{process.port}"
        (tmp_path / "app.yaml").write_text(TEMPLATE.format(registry=registry, digest=digest))
        login = {"auth": base64.b64encode(b"joe:s3cret").decode()}
        (tmp_path / "docker").mkdir()
        (tmp_path / "docker" / "config.json").write_text(json.dumps({"auths": {registry: login}}))
        yield Workplace(tmp_path, registry, digest)


def test_offline_with_the_file_is_as_online(workplace: Workplace) -> None:
    listed = workplace.run_on_template("images", "-o", "images.json")
    assert listed.returncode == 0
    assert re.findall(r"\(SI\d+\)", listed.stderr) == ["(SI230)"]  # the template does not list the macro
    app = f"{workplace.registry}/shop/app"
    assert json.loads((workplace.folder / "images.json").read_text()) == {
        f"{app}:web": WEB,
        f"{app}@{workplace.digest}": WEB,
        f"{app}:job": {"Entrypoint": [], "Cmd": ["nothing"]},
        f"{app}:multi": {"Entrypoint": ["/arm64"], "Cmd": ["serve"]},
    }
    assert f'{app}:multi (arm64)\n    ENTRYPOINT ["/arm64"]\n    CMD        ["serve"]\n' in listed.stdout

    online = workplace.run_on_template("transform")
    offline = workplace.run_on_template("transform", "--offline", "--images", "images.json")
    assert online.returncode == 0, online.stderr
    assert "# Comments stay." in online.stdout
    assert (offline.returncode, offline.stdout, offline.stderr) == (0, online.stdout, online.stderr)


def test_the_images_file_needs_no_further_lookups(workplace: Workplace) -> None:
    """With the file, `images` adds nothing and sends no request."""
    workplace.run_on_template("images", "-o", "images.json")
    again = workplace.run_on_template("images", "--offline", "--images", "images.json", "-o", "again.json")
    assert (again.returncode, again.stdout) == (0, "")
    assert (workplace.folder / "again.json").read_text() == (workplace.folder / "images.json").read_text()


def test_offline_without_the_file_every_image_is_named(workplace: Workplace) -> None:
    refused = workplace.run_on_template("transform", "--offline")
    assert (refused.returncode, refused.stdout) == (1, "")
    lines = refused.stderr.splitlines()
    app = f"{workplace.registry}/shop/app"
    for image in (f"{app}:web", f"{app}:job", f"{app}:multi", f"{app}@{workplace.digest}"):
        assert any(f'"{image}" is needed, but --offline prevents the lookup' in line for line in lines)


def test_an_unreadable_image_does_not_stop_the_others(workplace: Workplace) -> None:
    template = workplace.folder / "app.yaml"
    template.write_text(template.read_text().replace("app:job", "app:gone"))
    listed = workplace.run_on_template("images", "-o", "images.json")
    assert listed.returncode == 1
    assert "1 of 4 images could not be read" in listed.stderr
    assert "app:gone could not be read" in listed.stdout
    assert len(json.loads((workplace.folder / "images.json").read_text())) == 3


def test_the_registry_refuses_without_credentials(workplace: Workplace) -> None:
    (workplace.folder / "docker" / "config.json").unlink()
    refused = workplace.run_on_template("transform")
    assert refused.returncode == 1
    assert "(status 401, UNAUTHORIZED)" in refused.stderr
