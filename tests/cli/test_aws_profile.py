"""AWS profiles: the region, and the credentials for registries."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cli.running import run, with_examples
from sysdig_instrument.cli import inputs
from sysdig_instrument.cli.lookups import shared_session
from sysdig_instrument.lookup.aws import AwsSession, aws_session

CONFIG = """\
[default]
region = eu-central-1
[profile shop]
region = eu-west-1
[profile bare]
[profile stage]
region = eu-south-1
"""


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    with_examples(tmp_path, monkeypatch)
    file = tmp_path / "config"
    file.write_text(CONFIG)
    keys = "aws_access_key_id = AKIASHOP\naws_secret_access_key = none\n"
    (tmp_path / "credentials").write_text(f"[shop]\n{keys}[stage]\nregion = eu-north-1\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(file))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    return file


@pytest.mark.parametrize(
    ("variables", "profile", "region"),
    [
        pytest.param({}, None, "eu-central-1", id="default profile"),
        pytest.param({}, "shop", "eu-west-1", id="option"),
        pytest.param({"AWS_PROFILE": "shop"}, None, "eu-west-1", id="AWS_PROFILE"),
        pytest.param({"AWS_PROFILE": "default"}, "shop", "eu-west-1", id="option before AWS_PROFILE"),
        pytest.param({"AWS_REGION": "us-east-1"}, "shop", "us-east-1", id="AWS_REGION before the profile"),
        pytest.param(
            {"AWS_DEFAULT_REGION": "us-east-2", "AWS_PROFILE": "shop"}, None, "us-east-2", id="AWS_DEFAULT_REGION"
        ),
        pytest.param({}, "stage", "eu-north-1", id="credentials file"),
        pytest.param({}, "bare", None, id="profile without region"),
        pytest.param({"AWS_CONFIG_FILE": "none"}, "shop", None, id="no config file"),
    ],
)
def test_the_region_is_chosen_as_by_the_aws_cli(
    variables: dict[str, str], profile: str | None, region: str | None
) -> None:
    assert inputs.aws_region({**os.environ, **variables}, profile) == region


def test_boto3_finds_the_same_region() -> None:
    for profile in ("default", "shop", "stage", "bare"):
        assert inputs.aws_region(os.environ, profile) == aws_session(profile).region_name


def test_the_region_of_a_profile_counts_in_expressions(capsys: pytest.CaptureFixture[str]) -> None:
    image = 'Image: !Sub "111122223333.dkr.ecr.${AWS::Region}.amazonaws.com/web:1"'
    Path("app.yaml").write_text(Path("app.yaml").read_text().replace("Image: shop/worker:1.4", image))
    ran = run(
        capsys,
        "images",
        "app.yaml",
        "--profile",
        "shop",
        "--offline",
        "--set",
        "Collector=us2",
        "--set",
        "AccessKeySecret=none",
    )
    assert '"111122223333.dkr.ecr.eu-west-1.amazonaws.com/web:1" is needed' in ran.out + ran.err


def test_registries_get_the_credentials_of_the_profile() -> None:
    session: AwsSession = shared_session({}, "shop")().clients._make_session()
    assert session.get_credentials().access_key == "AKIASHOP"
    assert session.region_name == "eu-west-1"
