"""Small images, made from programs of this machine: busybox for applications, and a stand-in for the image of Sysdig's agent.

The stand-in needs no access key, and nothing is downloaded for it. Like the real image, it has a volume ``/opt/draios`` with
the wrapper, and needs everything that the macro adds to a task definition. Its wrapper uses ptrace, by strace, and its agent
knows two rules. How they do that is their own way, not Sysdig's.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from embedded_aws.registry import Registry
from task_runner.images import layer_of
from task_runner.programs import copy_program

STAND_IN: Final = "stand-in/workload-agent:1"
"""The image of the stand-in, in the registry on this machine."""

_SOURCE: Final = Path(__file__).parent / "stand_in"
_STAND_IN_CONFIG: Final = {"Entrypoint": ["/opt/draios/bin/agent"], "Volumes": {"/opt/draios": {}}}
_EXECUTABLE: Final = 0o755
_PRIVATE: Final = 0o600

APPLETS: Final = ("cat", "env", "httpd", "id", "ls", "ps", "readlink", "sh", "sleep", "touch", "true")
"""The commands of busybox that an application's image has."""

_ACCOUNTS: Final = "root:x:0:0:root:/root:/bin/sh\nshop:x:1000:1000:Shop:/home/shop:/bin/sh\n"
_GROUPS: Final = "root:x:0:\nshop:x:1000:\nstaff:x:50:shop\n"
_PASSWORDS: Final = "root:*:20000:0:99999:7:::\nshop:*:20000:0:99999:7:::\n"


def _write(path: Path, text: str, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    path.chmod(mode)


def add_stand_in(registry: Registry) -> None:
    """Add the stand-in for the image of Sysdig's agent to a registry."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("bin", "lib", "run"):
            (folder / "opt" / "draios" / part).mkdir(parents=True)
        programs, libraries = folder / "opt" / "draios" / "bin", folder / "opt" / "draios" / "lib"
        copy_program("busybox", programs)
        copy_program("strace", libraries)
        for script in ("agent", "instrument"):
            _write(programs / script, (_SOURCE / script).read_text("utf-8"), _EXECUTABLE)
        shutil.copy(_SOURCE / "rules.awk", libraries)
        registry.add_image(STAND_IN, _STAND_IN_CONFIG, [layer_of(folder)])


def add_application(
    registry: Registry, image: str, config: Mapping[str, Any], scripts: Mapping[str, str] | None = None
) -> None:
    """Add an image with busybox, some accounts, and executable scripts by path."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("bin", "etc", "home/shop", "root", "tmp", "var"):
            (folder / part).mkdir(parents=True)
        (folder / "tmp").chmod(0o1777)
        copy_program("busybox", folder / "bin")
        for applet in APPLETS:
            (folder / "bin" / applet).symlink_to("busybox")
        _write(folder / "etc" / "passwd", _ACCOUNTS)
        _write(folder / "etc" / "group", _GROUPS)
        _write(folder / "etc" / "shadow", _PASSWORDS, _PRIVATE)
        for path, text in (scripts or {}).items():
            _write(folder / path, text, _EXECUTABLE)
        registry.add_image(image, config, [layer_of(folder)])
