"""The commands in README, the runbooks and other pages of docs/ that need an AWS account run on an embedded AWS."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import re
import shlex
import shutil
import threading
from collections.abc import Callable, Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from cli.running import EXAMPLES, ROOT
from embedded_aws import stacks
from embedded_aws.aws import REGION, EmbeddedAws, embedded_aws
from embedded_aws.processes import LOOPBACK
from fixtures_clone import create_clone, run_script
from fixtures_deployment import run_task, task
from fixtures_documentation import PAGES_ON_AWS, RUNBOOKS, command_blocks, tool_commands
from fixtures_embedded_aws import TOOLS, on_embedded_aws, require_tools, skip_or_fail
from release_archives import write_zip
from release_provenance import CHECKSUMS as CHECKSUMS_FILE
from release_provenance import checksums
from release_templates import templates
from sysdig_instrument import __version__
from sysdig_instrument.cli.parser import COMMANDS

pytestmark = on_embedded_aws


def blocks(page: Path) -> list[str]:
    """Return the command blocks of a page that need an AWS account."""
    return [block for block in command_blocks(page) if not tool_commands(block)]


README, APPLICATION_TEAM, COVERAGE, OPERATING, RELEASING = map(blocks, PAGES_ON_AWS)
INSTALLING, _TRYING, DEPLOYING, APPLICATION, _MAKE = README
DEPLOYING_AGAIN, PACKAGE, STACK_SET, PUBLISHING, RING = OPERATING
REPORT, UNPROTECTED, ACCOUNTS = COVERAGE
_MAKE_RELEASE, FROM_A_BUCKET, BESIDE_THE_MACRO, CHECKSUMS = RELEASING
LAST_RUNBOOKS = ["refused.md", "uninstall.md"]
"""They take the line out of the template."""

CONTAINER = {"Name": "web", "Image": "shop/web:1.4", "EntryPoint": ["run"]}

MEMORY = """\
Transform: SysdigInstrument
Metadata: {SysdigInstrument: {AgentMemory: 256}}
"""
"""The line, and the memory of the agent's container: moto runs no task without the memory of each container."""

PROFILES = """\
[profile production]
role_arn = arn:aws:iam::111111111111:role/coverage
credential_source = Environment
[profile staging]
role_arn = arn:aws:iam::222222222222:role/coverage
credential_source = Environment
"""


@pytest.fixture(scope="module")
def aws() -> Iterator[EmbeddedAws]:
    """Start a separate embedded AWS: the one of the other tests has the macro already."""
    require_tools()
    with embedded_aws(TOOLS) as running:
        yield running


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create a clone with the tools of this one. All other files are made older, so that ``make`` considers the tools up to date."""
    root = create_clone(tmp_path_factory.mktemp("on-aws"))
    for path in root.rglob("*"):
        os.utime(path, (0, 0))
    for name in (".venv", ".tools"):
        if (ROOT / name / ".done").exists():
            (root / name).symlink_to(ROOT / name)
    return root


@pytest.fixture(scope="module")
def macro(aws: EmbeddedAws, clone: Path) -> str:
    """Deploy the macro with the commands of README, and return what SAM prints. It asks nothing."""
    # The registry of the application's images does not exist.
    images = (EXAMPLES / "images.json").read_text().strip().replace('"', '\\"')
    override = shlex.quote(f'ImageConfigs="{images}"')
    return run_script(f"{DEPLOYING.rstrip()} {override}", clone, aws.environment())


def test_the_macro_and_an_application(aws: EmbeddedAws, clone: Path, macro: str) -> None:
    assert "Successfully created/updated stack - sysdig-instrument" in macro
    assert [APPLICATION] == APPLICATION_TEAM
    team = clone.parent / "team"
    team.mkdir()
    (team / "app.yaml").write_text("Transform: SysdigInstrument\n" + (EXAMPLES / "app.yaml").read_text())
    processed = f"{APPLICATION}aws cloudformation get-template --template-stage Processed --stack-name app"
    printed = run_script(processed, team, aws.environment())
    template = json.loads(printed[printed.index("{") :])["TemplateBody"]
    assert template["Resources"]["Task"]["Metadata"]["SysdigInstrument"]["Result"]["Containers"] == {
        "web": "instrumented: entry point from the template",
        "worker": "instrumented: entry point from the image",
    }


def test_the_runbooks(aws: EmbeddedAws, clone: Path, macro: str) -> None:
    """The stack and the service of the pages exist, and each block works in the clone."""
    assert macro
    require_jq()
    (clone / "app.yaml").write_text(
        MEMORY + (EXAMPLES / "app.yaml").read_text().replace("Image:", "Memory: 256\n          Image:")
    )
    aws.client("secretsmanager").create_secret(Name="sysdig/access-key", SecretString="a key")
    run_script(APPLICATION, clone, aws.environment())
    ecs = aws.client("ecs")
    ecs.create_cluster(clusterName="shop")
    ecs.create_service(cluster="shop", serviceName="web", taskDefinition="shop", desiredCount=1, launchType="FARGATE")
    run_task(aws.client, "shop", "shop")
    aws.client("ecs", "eu-central-1").create_cluster(clusterName="shop")  # the one of the page about another Region
    pages = sorted(RUNBOOKS, key=lambda page: page.name in LAST_RUNBOOKS)[:-1]
    printed = {page.name: run_runbook(page, clone, aws) for page in pages}
    assert re.search(r"app +Task +listed +protected", printed["roll-out.md"])
    assert "1 of 1 tasks protected (100.0 %)" in printed["roll-out.md"]
    assert re.search("(?m)^[0-9a-f-]{32,36}$", printed["rotate-the-key.md"]), "the task that has the old key still runs"
    assert ",yes," in (clone / "behind.csv").read_text(), "the stack is behind the new agent"
    assert re.search(r"1 quay\.io/sysdig/workload-agent:latest", printed["upgrade-the-agent.md"])
    assert "processed.yaml: does not list SysdigInstrument, and need not\n  Task  protected\n" in printed["refused.md"]


def run_runbook(page: Path, folder: Path, aws: EmbeddedAws) -> str:
    """Return what the blocks of a page print, with a new access key as what is typed."""
    return "".join(
        run_script(f"set -e\n{block}", folder, aws.environment(), typed="a new key\n") for block in blocks(page)
    )


def test_an_organisation(aws: EmbeddedAws, clone: Path, macro: str) -> None:
    assert macro
    assert DEPLOYING_AGAIN == DEPLOYING
    for region in ("eu-west-1", "us-east-1"):
        place = {} if region == REGION else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        aws.client("s3", region).create_bucket(Bucket=f"acme-macros-{region}", **place)
    assert '"StackSetId": "sysdig-instrument:' in run_script(PACKAGE + STACK_SET, clone, aws.environment())

    printed = run_script(RING, clone, aws.environment())
    assert "Transform: SysdigInstrument-canary" in printed


def test_a_release_in_a_bucket(aws: EmbeddedAws, clone: Path, macro: str) -> None:
    """Deployed under another name, as the macro of the other tests has the name of the page's."""
    assert macro
    release = clone / "dist" / __version__
    release.mkdir(parents=True)
    write_zip(release / "function.zip", clone / ".aws-sam" / "build" / "MacroFunction", 0)
    for name, text in templates().items():
        (release / name).write_text(text)
    (release / CHECKSUMS_FILE).write_text(checksums(release))
    assert "template.yaml: OK" in run_script(CHECKSUMS, clone, aws.environment())

    waiting = "aws cloudformation wait stack-create-complete --stack-name from-bucket\n"
    names = "ParameterKey=MacroName,ParameterValue=SysdigInstrument-bucket ParameterKey=FunctionBucket"
    script = FROM_A_BUCKET.replace("--stack-name sysdig-instrument", "--stack-name from-bucket")
    script = script.replace("ParameterKey=FunctionBucket", names)
    outputs = "aws cloudformation describe-stacks --stack-name from-bucket --query Stacks[].Outputs"
    printed = run_script("set -e\n" + script + waiting + outputs, clone, aws.environment())
    assert "Transform: SysdigInstrument-bucket" in printed
    assert __version__ in printed

    for part in ("coverage", "deployment-hook"):
        waiting += f"aws cloudformation wait stack-create-complete --stack-name sysdig-instrument-{part}\n"
    beside = BESIDE_THE_MACRO.replace("ParameterKey=FunctionBucket", names) + waiting
    outputs = (
        "aws cloudformation describe-stacks --stack-name sysdig-instrument-deployment-hook --query Stacks[].Outputs"
    )
    assert "HookTargetArn" in run_script("set -e\n" + beside + outputs, clone, aws.environment())
    for part in ("coverage", "deployment-hook"):
        aws.client("cloudformation").delete_stack(StackName=f"sysdig-instrument-{part}")

    template = {"Transform": "SysdigInstrument-bucket", "Resources": {"Task": task(CONTAINER)}}
    stack = stacks.deploy(aws.client("cloudformation"), "with-the-release", json.dumps(template))
    assert stack.succeeded, stack


def test_publishing(aws: EmbeddedAws, clone: Path, macro: str) -> None:
    """LocalStack has no Serverless Application Repository, so a local server records the request."""
    assert macro
    with repository() as (address, published):
        environment = aws.environment() | {"AWS_ENDPOINT_URL_SERVERLESSAPPLICATIONREPOSITORY": address}
        printed = run_script(PUBLISHING, clone, environment)
    assert "Publish Succeeded" in printed
    (application,) = published
    assert "CodeUri" not in application["templateBody"]
    assert application["licenseUrl"].startswith("s3://acme-macros-eu-west-1/")


@contextlib.contextmanager
def repository() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Run a repository that creates one application. Yield its address and the requests that it receives."""
    published = []

    class Repository(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            published.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            answer = json.dumps(
                {"applicationId": "arn:aws:serverlessrepo:eu-west-1:000000000000:applications/one"}
            ).encode()
            self.send_response(HTTPStatus.CREATED)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with HTTPServer((LOOPBACK, 0), Repository) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{LOOPBACK}:{server.server_port}", published
        server.shutdown()


def test_the_coverage_page(aws: EmbeddedAws, clone: Path) -> None:
    require_jq()
    job = clone.parent / "job"
    job.mkdir()
    shutil.copy(EXAMPLES / "settings.yaml", job)
    (job / "profiles").write_text(PROFILES)
    run_unprotected_task(functools.partial(aws.client, region="eu-central-1"), "shop")
    run_unprotected_task(functools.partial(aws.client, account="111111111111"), "shop-live")
    environment = aws.environment() | {"AWS_CONFIG_FILE": str(job / "profiles")}

    reason = 'Container "worker" is not started by the wrapper'
    run_script(REPORT, job, environment, code=1)
    assert run_script(UNPROTECTED, job, environment) == f"eu-central-1 shop worker:1: {reason}\n"
    run_script(ACCOUNTS, job, environment, code=1)
    found = json.loads((job / "coverage.json").read_text())
    assert found["accounts"] == ["111111111111", "222222222222"]
    assert {(group["account"], group["cluster"]) for group in found["groups"]} == {("111111111111", "shop-live")}

    (command,) = (each for each in COMMANDS if each.name == "coverage")
    for example in filter(None, map(str.strip, command.examples.splitlines())):
        run_script(example, job, environment, code=0 if "--fail-on none" in example else 1)


def require_jq() -> None:
    if not shutil.which("jq"):
        skip_or_fail("jq is not installed")


def test_the_last_runbook_deletes_everything(aws: EmbeddedAws, clone: Path, macro: str) -> None:
    assert macro
    (clone / "app.yaml").write_text((EXAMPLES / "app.yaml").read_text())
    printed = run_runbook(next(page for page in RUNBOOKS if page.name == LAST_RUNBOOKS[-1]), clone, aws)
    assert '"DeletionDate"' in printed
    waiter = aws.client("cloudformation").get_waiter("stack_delete_complete")
    waiter.wait(StackName="sysdig-instrument", WaiterConfig={"Delay": 1})


def run_unprotected_task(client: Callable[[str], Any], cluster: str) -> None:
    """Run a task without an agent."""
    ecs = client("ecs")
    ecs.create_cluster(clusterName=cluster)
    ecs.register_task_definition(
        family="worker", requiresCompatibilities=["FARGATE"], networkMode="awsvpc", cpu="256", memory="512",
        containerDefinitions=[{"name": "worker", "image": "shop/worker:1.4", "memory": 512}],
    )  # fmt: skip
    run_task(client, cluster, "worker")
