"""Images: built from files, pulled from a registry, and unpacked into a root file system."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import platform
import shutil
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.request import Request, urlopen

from embedded_aws.registry import INDEX, MANIFEST

_ARCHITECTURES: Final = {"x86_64": "amd64", "aarch64": "arm64"}
_WHITEOUT: Final = ".wh."
_OPAQUE: Final = ".wh..wh..opq"


@dataclass(frozen=True, slots=True)
class Image:
    """A pulled image: its configuration (``Entrypoint``, ``Cmd``, ``Env``, …) and its layers as tar archives."""

    config: Mapping[str, Any]
    layers: tuple[bytes, ...]

    def unpack(self, root: Path) -> None:
        """Unpack the layers into a folder, one over the other."""
        root.mkdir()
        for layer in self.layers:
            with tarfile.open(fileobj=io.BytesIO(layer)) as archive:
                members = archive.getmembers()
                for member in members:
                    _remove_hidden(root, member.name)
                kept = [member for member in members if not Path(member.name).name.startswith(_WHITEOUT)]
                archive.extraction_filter = lambda member, _: member  # as it is; Python 3.11.3 has no such filters
                archive.extractall(root, kept, numeric_owner=True)  # noqa: S202 - images are made here


def _remove_hidden(root: Path, name: str) -> None:
    """Remove what a whiteout of a layer hides of the layers below."""
    path = root / name
    if path.name == _OPAQUE:
        shutil.rmtree(path.parent, ignore_errors=True)
        path.parent.mkdir(parents=True)
    elif path.name.startswith(_WHITEOUT):
        hidden = path.with_name(path.name.removeprefix(_WHITEOUT))
        if hidden.is_dir() and not hidden.is_symlink():
            shutil.rmtree(hidden)
        else:
            hidden.unlink(missing_ok=True)


def pull(image: str) -> Image:
    """Return an image of a registry on this machine, for this machine's architecture; each digest is verified."""
    host, _, rest = image.partition("/")
    repository, _, tag = rest.rpartition(":")
    base = f"http://{host}/v2/{repository}"
    index = json.loads(_get(f"{base}/manifests/{tag}"))
    architecture = _ARCHITECTURES[platform.machine()]
    (entry,) = (each for each in index["manifests"] if each["platform"]["architecture"] == architecture)
    manifest = json.loads(_get(f"{base}/manifests/{entry['digest']}"))
    config = json.loads(_get(f"{base}/blobs/{manifest['config']['digest']}"))
    layers = [gzip.decompress(_get(f"{base}/blobs/{layer['digest']}")) for layer in manifest["layers"]]
    return Image(config["config"], tuple(layers))


def _get(url: str) -> bytes:
    with urlopen(Request(url, headers={"Accept": f"{INDEX}, {MANIFEST}"}), timeout=30) as response:  # noqa: S310 - a registry on this machine
        body: bytes = response.read()
    digest = url.rpartition("/")[2]
    if digest.startswith("sha256:") and hashlib.sha256(body).hexdigest() != digest.removeprefix("sha256:"):
        raise ValueError(f"{url} has another digest.")
    return body


def layer_of(folder: Path) -> bytes:
    """Return the content of a folder as a layer: a tar archive, in which everything belongs to root."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path in sorted(folder.iterdir()):
            archive.add(path, arcname=path.name, filter=_owned_by_root)
    return buffer.getvalue()


def _owned_by_root(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = "root"
    return member
