"""Make the pictures in the documentation: run the tool on docs/examples in a terminal, and render its output as SVG.

``make docs`` runs it; ``--check`` (a test) only lists what is stale. Each command runs in a folder with the files that
docs/cli.md describes.
"""

from __future__ import annotations

import argparse
import fcntl
import html
import io
import os
import pty
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

ROOT: Final = Path(__file__).resolve().parent.parent
EXAMPLES: Final = ROOT / "docs" / "examples"
PICTURES: Final = ROOT / "docs" / "pictures"
PROGRAM: Final = "sysdig-instrument"

# The picture loads no external resources, and has its own background, so that it is readable on light and dark pages.
SVG_FRAME: Final = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-labelledby="{unique_id}-name">
<title id="{unique_id}-name">TITLE</title>
<style>
.{unique_id}-matrix {{
  font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", "Liberation Mono", monospace;
  font-size: {char_height}px;
  line-height: {line_height}px;
  white-space: pre;
}}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" />
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix" xml:space="preserve">
{matrix}
</g>
</g>
</svg>
"""

# Each colour has a contrast of 4.5 to 1 or more with the background (WCAG 2.2, 1.4.3), the faint text too.
THEME: Final = TerminalTheme(
    (22, 27, 34),
    (230, 237, 243),
    [(139, 148, 158), (255, 123, 114), (63, 185, 80), (227, 179, 65),
     (88, 166, 255), (188, 140, 255), (57, 197, 207), (230, 237, 243)],
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Picture:
    """A command, and the terminal that it runs on. ``columns`` are as many as its longest line needs."""

    name: str
    columns: int
    arguments: str

    @property
    def command(self) -> str:
        """Return the command line as a person types it."""
        return f"{PROGRAM} {self.arguments}"


ALL: Final = (
    Picture("diff", 112, "diff web.yaml"),
    Picture("side-by-side", 140, "diff web.yaml --side-by-side"),
    Picture("explain", 100, "explain app.yaml --images images.json"),
    Picture("refused", 100, "explain app.yaml --offline"),
    Picture("settings", 128, "settings app.yaml --set Priority=security"),
    Picture("check", 100, "check app.yaml"),
)


def render_svg(picture: Picture) -> str:
    """Render a picture as SVG.

    Raises:
        ValueError: A line is longer than the terminal and would be broken at an arbitrary place.
    """
    console = Console(width=picture.columns, record=True, file=io.StringIO(), force_terminal=True)
    screen = Text.assemble(
        ("$ ", "bright_black"), (picture.command, "bold"), "\n", Text.from_ansi(_terminal_output(picture))
    )
    for line in screen.split():
        if line.cell_len > picture.columns:
            raise ValueError(f"{picture.name} needs {line.cell_len} columns")
    console.print(screen)
    frame = SVG_FRAME.replace("TITLE", html.escape(picture.command))
    return console.export_svg(title="", theme=THEME, code_format=frame, unique_id=picture.name)


def _terminal_output(picture: Picture) -> str:
    """Return the output of the command on a terminal of that width, with its colours, without messages on standard error."""
    with tempfile.TemporaryDirectory() as folder:
        workdir = Path(folder)
        for file in EXAMPLES.iterdir():
            name = f".{PROGRAM}.yaml" if file.name == "settings.yaml" else file.name
            (workdir / name).write_bytes(file.read_bytes())
        controller, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, picture.columns, 0, 0))
        environment = {"PYTHONPATH": str(ROOT / "src"), "TERM": "xterm", "PYTHONIOENCODING": "utf-8", "HOME": folder}
        command = [sys.executable, "-m", "sysdig_instrument", *picture.arguments.split()]
        null = subprocess.DEVNULL
        with subprocess.Popen(command, cwd=workdir, env=environment, stdout=terminal, stderr=null, stdin=terminal):
            os.close(terminal)
            text = b"".join(iter(lambda: _read_terminal(controller), b""))
        os.close(controller)
    return text.decode().replace("\r\n", "\n").rstrip("\n")


def _read_terminal(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux reports a closed terminal this way
        return b""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the pictures, or with ``--check`` name those that are stale."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a picture is stale")
    options = parser.parse_args(arguments)
    PICTURES.mkdir(exist_ok=True)
    expected = {PICTURES / f"{picture.name}.svg": render_svg(picture) for picture in ALL}
    stale = [path for path, text in expected.items() if not path.exists() or path.read_text("utf-8") != text]
    obsolete = sorted(set(PICTURES.glob("*.svg")) - set(expected))
    for path in (*stale, *obsolete):
        print(f"{path.relative_to(ROOT)} is {'out of date: run `make docs`' if options.check else 'rewritten'}")
    if not options.check:
        for path in stale:
            path.write_text(expected[path], "utf-8")
        for path in obsolete:
            path.unlink()
    return 1 if (stale or obsolete) and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
