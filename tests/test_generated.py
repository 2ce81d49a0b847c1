"""The generated files and the versions that several files repeat are up to date."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

from sysdig_instrument import __version__
from sysdig_instrument.documents import load

ROOT = Path(__file__).parent.parent


def test_generated_files_are_current() -> None:
    command = [sys.executable, str(ROOT / "tools" / "generate.py"), "--check"]
    run = subprocess.run(command, check=False, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_stack_and_its_functions_tell_the_release() -> None:
    template = cast("dict[str, Any]", load(str(ROOT / "template.yaml")).value)
    assert template["Mappings"]["Release"]["Macro"]["Version"] == __version__
    release = {"Fn::FindInMap": ["Release", "Macro", "Version"]}
    assert template["Outputs"]["Release"]["Value"] == release
    for name in ("MacroFunction", "HookFunction"):
        text, values = template["Resources"][name]["Properties"]["Description"]["Fn::Sub"]
        assert text.endswith("Release ${Release}.")
        assert len(text) <= 256
        assert values == {"Release": release}


def test_template_yaml_can_be_published_to_the_sar() -> None:
    """It has the required members of AWS::ServerlessRepo::Application; the licence and the README exist."""
    template = cast("dict[str, Any]", load(str(ROOT / "template.yaml")).value)
    application = template["Metadata"]["AWS::ServerlessRepo::Application"]
    assert {"Name", "Description", "Author", "SpdxLicenseId", "LicenseUrl", "ReadmeUrl", "SemanticVersion"} <= set(
        application
    )
    assert all((ROOT / application[name]).is_file() for name in ("LicenseUrl", "ReadmeUrl"))
    assert re.fullmatch(r"[A-Za-z0-9-]{1,140}", application["Name"])
    assert len(application["Description"]) <= 256
    assert "Transform" not in template
