"""pre-commit runs the example of the hook, which it installs from a repository as it would from this one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from fixtures_clone import OFFLINE_PIP, create_clone
from fixtures_embedded_aws import ROOT, skip_or_fail
from uses.conftest import USES, Shell

GIT = "git -c user.name=me -c user.email=me@example.com"
COMMIT = f"git init --quiet && git add --all && {GIT} commit --quiet --message one"


@pytest.fixture
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = create_clone(tmp_path_factory.mktemp("repository"))
    shutil.copy(ROOT / ".pre-commit-hooks.yaml", root)
    return root


@pytest.fixture
def hook(here: Path, repository: Path, shell: Shell) -> Shell:
    """Return a function that runs the hook of the example on the files of the folder."""
    if not shutil.which("git"):
        skip_or_fail("git is not installed")
    done = shell(f"cd {repository}; {COMMIT}; git rev-parse HEAD")
    config = (USES / "pre-commit/.pre-commit-config.yaml").read_text()
    config = config.replace("https://github.com/YOUR-ORGANISATION/sysdig-instrument", str(repository))
    (here / ".pre-commit-config.yaml").write_text(config.replace("COMMIT", done.stdout.strip()))
    (here / "images.json").write_text("{}")
    return lambda: shell(f"{COMMIT} || true; pre-commit run --all-files", **OFFLINE_PIP)


def test_the_hook_passes_in_a_clean_repository(here: Path, hook: Shell) -> None:
    """Files with the suffixes of templates are something else, or templates that list the macro, also with the suffix template."""
    template = here / "templates/web.yaml"
    listed = f"Transform: SysdigInstrument\n{template.read_text()}"
    template.rename(here / "templates/web.template").write_text(listed)
    (here / "package.json").write_text('{"name": "shop"}')
    (here / "broken.json").write_text("{")
    (here / "chart.yaml").write_text("{{- if .Values.on }}\na: 1\n{{- end }}\n")
    (here / "bucket.yaml").write_text("Resources: {B: {Type: AWS::S3::Bucket}}\n")
    passed = hook()
    assert passed.returncode == 0, passed.stdout + passed.stderr
    assert "Passed" in passed.stdout

    (here / "templates/web.template").write_text(listed.partition("\n")[2])
    refused = hook()
    assert refused.returncode == 1
    assert "does not list SysdigInstrument" in refused.stdout
    assert "web.template" in refused.stdout


def test_the_hook_passes_only_acceptable_templates(here: Path, hook: Shell) -> None:
    template = here / "templates/web.yaml"
    unlisted = hook()
    assert unlisted.returncode == 1
    assert "does not list SysdigInstrument" in unlisted.stdout

    template.write_text(f"Transform: SysdigInstrument\n{template.read_text()}")
    passed = hook()
    assert passed.returncode == 0, passed.stdout + passed.stderr
    assert "Passed" in passed.stdout

    shutil.copy(ROOT / "docs/examples/app.yaml", here / "templates")
    refused = hook()
    assert refused.returncode == 1
    assert "shop/worker:1.4" in refused.stdout
