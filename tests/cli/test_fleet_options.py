"""The values of options of the commands that read accounts: one that means nothing is refused, with what to write."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import pytest

from cli.running import run
from sysdig_instrument.cli.main import build_parser
from sysdig_instrument.cli.parser import subparsers_of
from sysdig_instrument.coverage.ecs import AwsAccount

FLEET = ("stacks", "apply", "coverage", "inventory")
REQUIRED = {"apply": ("--cluster", "shop"), "inventory": ("--stacks",)}
OF_A_DOCUMENT = {
    "--set",
    "--settings",
    "--parameter",
    "--parameters",
    "--ssm",
    "--images",
    "--account-id",
    "--from-macro",
}
OWN = {"--added", "--kept"}
"""What has checks of its own, in tests of its own."""
NUMBERS = {("stacks", "--wave"), ("stacks", "--timeout"), ("apply", "--timeout"), ("coverage", "--silent-after")}


def options_with_values() -> Iterator[tuple[str, str]]:
    for parser in subparsers_of(build_parser()):
        command = parser.prog.split()[-1]
        for action in parser._actions if command in FLEET else ():
            names = [name for name in action.option_strings if name.startswith("--")]
            if names and action.nargs != 0 and action.choices is None and not {*names} & (OF_A_DOCUMENT | OWN):
                assert action.type is not int, f"{command} {names[0]} has no bounds"
                yield command, names[0]


EVERY = sorted(set(options_with_values()))


def refused(command: str, option: str, value: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Return the message that refuses a value."""
    given = () if (command, option) == ("apply", "--cluster") else REQUIRED.get(command, ())
    ran = run(capsys, command, *given, f"{option}={value}")
    assert ran.code == 2, ran.err
    assert ran.out == ""
    return ran.err


@pytest.mark.parametrize(("command", "option"), EVERY)
def test_an_empty_value_is_refused(command: str, option: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A shell's variable that is not set must not mean all stacks, the default Region or the caller's account."""
    assert f"argument {option}: " in (message := refused(command, option, "", capsys))
    assert "ive " in message


NO_NUMBERS = {
    "zero": "0",
    "negative": "-1",
    "fraction": "1.5",
    "word": "ten",
    "sign": "+5",
    "blank": " 5",
    "underscore": "1_0",
    "other digits": "\N{ARABIC-INDIC DIGIT THREE}",
    "large": "99999999",
    "very long": "9" * 5000,
}


def test_every_number_has_bounds() -> None:
    assert set(EVERY) >= NUMBERS


@pytest.mark.parametrize("value", NO_NUMBERS.values(), ids=NO_NUMBERS)
@pytest.mark.parametrize(("command", "option"), sorted(NUMBERS))
def test_a_number_out_of_bounds(command: str, option: str, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    message = refused(command, option, value, capsys)
    assert f"argument {option}: give a number of " in message
    assert ", from 1 to " in message


@pytest.mark.parametrize("command", FLEET)
@pytest.mark.parametrize(
    "value", ["moon", "eu-central-1,us-east-1", "EU-CENTRAL-1", "eu-central-1a", "eu-central-1/../x"]
)
def test_what_is_no_region(command: str, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "Give one, such as eu-central-1" in refused(command, "--region", value, capsys)


ROLES = {
    "a name": "fleet",
    "a user": "arn:aws:iam::111122223333:user/fleet",
    "no account": "arn:aws:iam:::role/fleet",
    "a short account": "arn:aws:iam::1111:role/fleet",
    "no name": "arn:aws:iam::111122223333:role/",
    "a session": "arn:aws:sts::111122223333:assumed-role/fleet/me",
    "a region": "arn:aws:iam:eu-central-1:111122223333:role/fleet",
    "two lines": "arn:aws:iam::111122223333:role/a\nb",
}


@pytest.mark.usefixtures("_credentials")
@pytest.mark.parametrize("role", ROLES.values(), ids=ROLES)
@pytest.mark.parametrize("command", ["stacks", "coverage", "inventory"])
def test_what_is_no_role(command: str, role: str, capsys: pytest.CaptureFixture[str]) -> None:
    message = refused(command, "--role", role, capsys)
    assert "is not the ARN of an IAM role. Give one, such as arn:aws:iam::111122223333:role/inventory." in message


@pytest.mark.usefixtures("_credentials")
@pytest.mark.parametrize("command", ["stacks", "coverage", "inventory"])
def test_accounts_need_the_name_of_a_role(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "belong together. Give both." in refused(command, "--accounts", "111122223333", capsys)
    assert "belong together. Give both." in refused(command, "--role-name", "fleet", capsys)


@pytest.fixture
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    for name in ("SYSDIG_INSTRUMENT_COLLECTOR", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_REGION", "eu-central-1")


def test_a_region_that_is_given_twice_is_read_once() -> None:
    options: argparse.Namespace = build_parser().parse_args(
        ["stacks", *["--region", "us-east-1"] * 2, "--region", "eu-west-1"]
    )
    account = AwsAccount(clients=None, default_region=None)  # type: ignore[arg-type] # it calls nothing
    assert account.regions(options.region) == ("us-east-1", "eu-west-1")
