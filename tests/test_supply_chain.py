"""All dependencies are locked, hashed, and listed in the software bills of materials."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

import licences

ROOT = Path(__file__).resolve().parent.parent
LOCKED = [ROOT / "src" / "requirements.txt", *sorted((ROOT / "requirements").glob("*.txt"))]
PARTS = {"function": ROOT / "src" / "requirements.txt", "cli": ROOT / "requirements" / "cli.txt"}


@pytest.mark.parametrize("path", LOCKED, ids=lambda path: path.name)
def test_every_requirement_is_locked_and_hashed(path: Path) -> None:
    text = re.sub(r"\\\n", " ", path.read_text("utf-8"))
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]
    assert lines
    for line in lines:
        assert re.match(r"[A-Za-z0-9._-]+==\S+ (; .+? )? *--hash=sha256:[0-9a-f]{64}", line), line
    assert "://" not in text


@pytest.mark.parametrize(
    "folder", ["cdk", "examples/cdk-typescript", "requirements/guard", "requirements/sarif", "requirements/yaml"]
)
def test_every_node_package_is_locked_and_hashed(folder: str) -> None:
    required = json.loads((ROOT / folder / "package.json").read_text("utf-8"))
    lock = json.loads((ROOT / folder / "package-lock.json").read_text("utf-8"))["packages"]
    for kind in ("dependencies", "devDependencies"):
        for name, version in required.get(kind, {}).items():
            assert lock[f"node_modules/{name}"]["version"] == version.rpartition("@")[2]  # or npm:package@version
    downloaded = [package for path, package in lock.items() if path and not package.get("inBundle")]
    assert downloaded
    assert all(package["integrity"].startswith("sha512-") for package in downloaded)
    assert not any("resolved" in package for package in lock.values())  # it would be the URL of a private mirror


@pytest.mark.parametrize("name", ["botocore", "jsonpatch", "pyyaml"])
def test_the_tests_use_the_locked_versions(name: str) -> None:
    (listed,) = [version for each, version in licences.requirements(PARTS["cli"]) if each == name]
    assert (name, listed) in licences.requirements(ROOT / "requirements" / "dev.txt")


ALLOWED_ACTIONS = {
    "actions/checkout@34e114876b0b11c390a56381ad16ebd13914f8d5 # v4.3.1",
    "actions/setup-python@a26af69be951a213d495a4c3e4e4022e16d87065 # v5.6.0",
    "actions/upload-artifact@ea165f8d65b6e75b540449e92b4886f43607fa02 # v4.6.2",
    "actions/download-artifact@d3f86a106a0bac45b974a628896c90dbdf5c8093 # v4.3.0",
    "actions/attest-build-provenance@977bb373ede98d70efbf0b7b13af9c3d6651dc60 # v4.1.0",
    "pypa/gh-action-pypi-publish@ed0c53931b1dc9bd32cbe73a98c7f6766f8a527e # v1.13.0",
    # In examples: the reader's own copy of this repository.
    "YOUR-ORGANISATION/sysdig-instrument@COMMIT",
    # In an example: the reader's choice of a commit.
    "aws-actions/configure-aws-credentials@COMMIT",
    "aws-actions/amazon-ecs-render-task-definition@COMMIT",
    "aws-actions/amazon-ecs-deploy-task-definition@COMMIT",
}
"""The only references to actions, each with the full commit hash: a tag can be moved to other code at any time."""


def test_every_action_is_pinned_to_a_commit() -> None:
    folders = [ROOT, *(ROOT / name for name in ("docs", "examples", ".github", ".ci"))]
    files = {path for folder in folders for path in (folder.glob("*.*") if folder == ROOT else folder.rglob("*.*"))}
    found = set[str]()
    for path in files:
        if path.suffix in (".yml", ".yaml", ".md") and "node_modules" not in path.parts:
            found.update(
                re.findall(r"(?m)(?:^[\s-]*|[{,]\s*)[\"']?uses[\"']?\s*:\s*(.+?)\s*$", path.read_text("utf-8"))
            )
    assert found == ALLOWED_ACTIONS
    for reference in ALLOWED_ACTIONS:
        assert re.fullmatch(r"[\w.-]+/[\w./-]+@([0-9a-f]{40} # v[0-9]+\.[0-9]+\.[0-9]+|COMMIT)", reference)


def test_every_image_is_pinned_to_a_digest_and_runs_without_root() -> None:
    text = (ROOT / "Dockerfile").read_text("utf-8")
    images = re.findall(r"(?m)^FROM (\S+)", text)
    assert images
    assert all(re.search(r"@sha256:[0-9a-f]{64}$", image) for image in images)
    assert re.search(r"(?m)^USER [1-9][0-9]*:[1-9][0-9]*$", text[text.rindex("FROM ") :])


def test_the_image_has_compiled_files_of_all_that_a_call_imports() -> None:
    """Docker's official images of Python have none of Python's own library, and the image's user cannot write any."""
    text = (ROOT / "Dockerfile").read_text("utf-8")
    last, version = text[text.rindex("FROM ") :], re.search(r"python:(3\.\d+)", text)
    assert version
    compiled = re.search(r"(?m)^RUN python -m compileall -q -x '(\S+)' (\S+)$", last[: last.index("USER ")])
    assert compiled
    assert compiled[2] == f"/usr/local/lib/python{version[1]}"
    left_out = re.compile(compiled[1])
    assert not [each for each in ("argparse.py", "re/_parser.py", "json/decoder.py") if left_out.search(f"/lib/{each}")]
    assert "--no-compile" not in text
    assert "PYTHONDONTWRITEBYTECODE" not in text


def test_every_image_of_an_example_job_is_pinned_to_a_digest() -> None:
    """A tag can be moved, whatever names the image: a job of GitLab or a container or step of a workflow."""
    folders = [ROOT, *(ROOT / name for name in ("examples", "templates", ".github", ".ci"))]
    files = {path for folder in folders for path in (folder.glob("*.*") if folder == ROOT else folder.rglob("*.*"))}
    jobs = [path for path in files if path.suffix == ".yml" and "node_modules" not in path.parts]
    images = [
        image
        for path in jobs
        for image in re.findall(
            r"(?m)^\s*(?:- )?(?:image|container|name|default):\s*[\"']?([\w./-]+:[\w.-]+\S*)", path.read_text("utf-8")
        )
    ]
    assert images
    assert all(re.search(r"@sha256:[0-9a-f]{64}$", image) for image in images)
    assert not any("docker://" in path.read_text("utf-8") for path in jobs)


def test_a_workflow_gives_its_jobs_only_what_they_need() -> None:
    """Each job that may write says so itself, and none runs for a pull request of a stranger."""
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        workflow = yaml.safe_load(path.read_text("utf-8"))
        assert workflow["permissions"] == {}
        assert set(workflow[True]) == {"push"}  # YAML 1.1 reads the key on as true
        assert all("permissions" in job for job in workflow["jobs"].values())


def test_an_unreviewed_licence_stops_the_generator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(licences, "ACCEPTED", licences.ACCEPTED - {"BSD-3-Clause"})
    with pytest.raises(SystemExit, match="jsonpatch has an unreviewed licence, 'BSD-3-Clause'"):
        list(licences.page())


def make_sboms() -> dict[str, Any]:
    """Run `make sbom`, and return the bytes of each bill of materials."""
    subprocess.run(["make", "--silent", "sbom"], cwd=ROOT, check=True, timeout=300, stdout=subprocess.DEVNULL)
    return {part: (ROOT / "dist" / f"{part}.cdx.json").read_bytes() for part in PARTS}


def test_sboms_list_the_locked_packages_reproducibly() -> None:
    if not (ROOT / ".tools" / "sbom" / ".done").exists():
        assert os.environ.get("CI") != "true", "`make sbom` has not been run"
        pytest.skip("`make sbom` has not been run")
    first = make_sboms()
    for part, path in PARTS.items():
        bill = json.loads(first[part])
        assert bill["bomFormat"] == "CycloneDX"
        listed = {(each["name"].lower().replace("_", "-"), each["version"]) for each in bill["components"]}
        assert listed == set(licences.requirements(path))
        assert all(each["licenses"] for each in bill["components"])
        assert str(ROOT).encode() not in first[part]
    assert make_sboms() == first
