"""How the demo shows two task definitions."""

from __future__ import annotations

from side_by_side import MIN_WIDTH, Style, side_by_side

BEFORE = {"cpu": "512", "containers": [{"name": "web", "image": "shop", "entryPoint": ["run", ":80"]}]}
AFTER = {
    "cpu": "512",
    "pidMode": "task",
    "containers": [{"name": "web", "image": "shop", "entryPoint": ["wrap", "run", ":80"]}, {"name": "agent"}],
}
PLAIN = Style(colour=False)
TITLES = ("Before", "After")


def shown(width: int, style: Style = PLAIN) -> list[str]:
    return list(side_by_side(BEFORE, AFTER, TITLES, width, style))


def test_side_by_side_in_a_wide_window() -> None:
    assert shown(MIN_WIDTH)[2:] == [
        "  cpu: 512                   │   cpu: 512",
        "                             │ + pidMode: task",
        "  containers:                │   containers:",
        "    - name: web              │     - name: web",
        "      image: shop            │       image: shop",
        "-     entryPoint: [run, :80] │ +     entryPoint: [wrap, run, :80]",
        "                             │ +   - {name: agent}",
    ]


def test_unified_in_a_narrow_window() -> None:
    assert shown(MIN_WIDTH - 1) == [
        "  cpu: 512",
        "+ pidMode: task",
        "  containers:",
        "    - name: web",
        "      image: shop",
        "-     entryPoint: [run, :80]",
        "+     entryPoint: [wrap, run, :80]",
        "+   - {name: agent}",
    ]


def test_no_line_is_wider_than_the_window() -> None:
    long = {"command": ["word"] * 60, "arn": "a" * 300}
    for width in (40, MIN_WIDTH, 150):
        lines = list(side_by_side(long, {**long, "more": "b" * 300}, TITLES, width, PLAIN))
        assert max(map(len, lines)) <= width


def test_colour_only_adds_colour() -> None:
    coloured = shown(MIN_WIDTH, Style(colour=True))
    assert "\x1b[32m+ pidMode: task\x1b[0m" in coloured[3]
    for code in ("\x1b[0m", "\x1b[1m", "\x1b[31m", "\x1b[32m"):
        coloured = [line.replace(code, "") for line in coloured]
    assert coloured == shown(MIN_WIDTH)
