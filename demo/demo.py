"""``make demo``: from ``Transform: SysdigInstrument`` to an instrumented task, on an AWS emulated on this machine."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import yaml

import attack
from console import DemoConsole
from embedded_aws import sam, stacks
from embedded_aws.aws import ACCOUNT, REGION, EmbeddedAws, embedded_aws
from embedded_aws.registry import ImageConfig, Registry, registry
from program import UnexpectedError, run_program
from sysdig_instrument.cli.console import Console
from sysdig_instrument.cli.diff_formats import side_by_side
from sysdig_instrument.cli.diff_formats.hunks import hunks
from task_runner.programs import missing_reason

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parent

TRANSFORM: Final = "Transform: SysdigInstrument\n"
MACRO_PARAMETERS: Final = {
    "Collector": "us2",
    "AccessKeySecret": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:sysdig",
}
WORKER_IMAGE: Final = "shop/worker:1.4"
IMAGES: Final[Mapping[str, ImageConfig]] = {
    "shop/web:1.4": {"Cmd": ["python3"]},
    WORKER_IMAGE: {"Entrypoint": ["python"], "Cmd": ["-m", "shop.worker"]},
}

TASK_KEYS: Final = ("family", "cpu", "memory", "networkMode", "pidMode", "requiresCompatibilities")
CONTAINER_KEYS: Final = (
    *("name", "image", "essential", "entryPoint", "command", "portMappings", "environment", "secrets"),
    *("volumesFrom", "linuxParameters"),
)
"""The members of a task definition that are shown, in this order.

ECS returns another order, with many defaults added.
"""


def main() -> int:
    """Run the demo; return 0 if every step succeeded."""
    return run_program("demo", _run)


def _run(console: DemoConsole) -> bool:
    with _start_services(console) as (aws, images):
        _deploy_macro(console, aws, images)
        _instrument(console, aws, images)
        _refuse(console, aws, images)
        _attack(console, aws, images)
        console.heading("Cleaning up")
    console.heading("In your own account: deploy the macro as README says, then add the one line")
    return True


@contextmanager
def _start_services(console: DemoConsole) -> Iterator[tuple[EmbeddedAws, Registry]]:
    """Run the emulated AWS and the registry with the application's images, and show when they start and stop."""
    console.heading("1. A platform engineer deploys the macro once per account and Region")
    with ExitStack() as exit_stack:
        with console.step("Starting an emulated AWS and a registry (nothing leaves this machine)"):
            images = exit_stack.enter_context(registry(IMAGES))
            aws = exit_stack.enter_context(embedded_aws(ROOT / ".tools"))
        try:
            yield aws, images
        finally:
            with console.step("Stopping both and everything they started"):
                exit_stack.close()


def _deploy_macro(console: DemoConsole, aws: EmbeddedAws, images: Registry) -> None:
    with console.step("sam build"):
        built = sam.build(aws, ROOT / "template.yaml")
    with console.step("sam deploy"):
        # The macro uses only public registries with TLS, except for those listed here.
        internal = {"InternalRegistries": f"http://{images.host}"}
        sam.deploy(aws, built, "sysdig-instrument", MACRO_PARAMETERS | internal)


def _instrument(console: DemoConsole, aws: EmbeddedAws, images: Registry) -> None:
    console.heading("2. An application team adds one line to its template (demo/app.yaml)")
    console.print_lines([console.paint("added", f"  + {TRANSFORM}")])
    template = (HERE / "app.yaml").read_text("utf-8")
    with console.step("Deploying the application without the line"):
        before = _deploy_application(aws, images, "shop", template.replace(TRANSFORM, ""))
    with console.step("Deploying it with the line"):
        after = _deploy_application(aws, images, "shop", template)
    if images.requested_images != [WORKER_IMAGE]:
        raise UnexpectedError(
            f"The macro read {images.requested_images} from the registry; only {WORKER_IMAGE} was expected."
        )

    console.heading("3. What ECS runs: every program under Sysdig's agent, everything else unchanged")
    console.print_wrapped(f"On the left without the line, on the right with it ({TRANSFORM.strip()}):")
    console.print_lines(["", "".join(diff_tasks(before, after, console.console))])
    console.print_wrapped(
        f"The template does not say what worker runs, so the macro read its image from the registry {images.host}."
    )


def _deploy_application(aws: EmbeddedAws, images: Registry, name: str, template: str) -> dict[str, Any]:
    """Deploy an application and return its task definition as ECS describes it."""
    stack = stacks.deploy(aws.client("cloudformation"), name, template, {"Registry": images.host})
    if not stack.succeeded:
        raise UnexpectedError(f"The stack {name} is {stack.status}: {stack.reason}")
    response = aws.client("ecs").describe_task_definition(taskDefinition=stack.resources["Task"])
    task: dict[str, Any] = response["taskDefinition"]
    return task


def _displayed(task: dict[str, Any]) -> dict[str, Any]:
    containers = [_pick(container, CONTAINER_KEYS) for container in task["containerDefinitions"]]
    return {**_pick(task, TASK_KEYS), "containerDefinitions": containers}


def diff_tasks(before: dict[str, Any], after: dict[str, Any], console: Console) -> Iterator[str]:
    """Yield the lines of a side-by-side diff of both task definitions as YAML."""
    before_text, after_text = (
        yaml.safe_dump(_displayed(task), sort_keys=False, default_flow_style=None, width=console.width)
        for task in (before, after)
    )
    all_lines = before_text.count("\n")
    return side_by_side.render(hunks(before_text, after_text, context_lines=all_lines), console)


def _pick(value: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: value[key] for key in keys if value.get(key) not in (None, [], {})}


def _refuse(console: DemoConsole, aws: EmbeddedAws, images: Registry) -> None:
    console.heading(
        "4. An image that cannot be read (demo/refused.yaml): the template is refused, never half-instrumented"
    )
    template = (HERE / "refused.yaml").read_text("utf-8")
    with console.step("Deploying it"):
        stack = stacks.deploy(aws.client("cloudformation"), "refused", template, {"Registry": images.host})
    if stack.succeeded:
        raise UnexpectedError(f"The stack refused is {stack.status}; a failure was expected.")
    console.print_lines([f"\n  The stack is {console.paint('strong', stack.status)}, for this reason:\n"])
    for line in displayed_reason(stack.reason).splitlines():
        console.print_wrapped(line, indent="    ")


def _attack(console: DemoConsole, aws: EmbeddedAws, images: Registry) -> None:
    console.heading("5. An attack on a running task, without the line and with it (demo/attacked.yaml)")
    if reason := missing_reason():
        console.print_wrapped(f"It is left out: {reason}.")
        return
    console.print_wrapped(
        "The application executes the commands that it gets by HTTP. Its task runs on this machine, each container in a "
        f"sandbox of bubblewrap, and a stand-in takes the place of {attack.AGENT_IMAGE}, which needs an access key. The "
        "stand-in's wrapper uses ptrace, as Sysdig's does; its agent knows two rules."
    )
    attack.add_images(images)
    aws.client("secretsmanager").create_secret(Name="sysdig", SecretString=secrets.token_hex())
    template = attack.TEMPLATE.read_text("utf-8")
    for title, text, expected in (
        ("without the line", template.replace(TRANSFORM, ""), 0),
        ("with the line", template, len(attack.COMMANDS)),
    ):
        print()
        with console.step(f"Deploying it {title}"):
            definition = _deploy_application(aws, images, "attacked", text)
        with attack.running(definition, images, aws) as attacked:
            for command in attack.COMMANDS:
                console.print_lines([f"  POST {attacked.url}: {console.paint('strong', command)}"])
                for line in attacked.execute(command).splitlines():
                    console.print_lines([f"    {line}"])
            detections = attacked.detections(expected)
        if len(detections) != expected:
            raise UnexpectedError(f"The stand-in has detected {detections}; {expected} detections were expected.")
        console.print_lines(_displayed_detections(console, detections))


def _displayed_detections(console: DemoConsole, detections: list[str]) -> Iterator[str]:
    if not detections:
        yield f"  {console.paint('strong', 'Nothing is detected')}: the task has no agent."
    for detection in detections:
        rule, _, event = detection.partition(": ")
        yield f"  {console.paint('added', f'The stand-in detects: {rule}')}"
        yield f"    {event}"


def displayed_reason(reason: str) -> str:
    """Return the reason of a failed stack with one full stop after the macro's message: CloudFormation adds another."""
    return reason.replace(".. Rollback requested by user.", ". Rollback requested by user.")


if __name__ == "__main__":
    sys.exit(main())
