"""Messages: one line each, of limited length, with printable characters only."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sysdig_instrument.engine.codes import Code
from sysdig_instrument.engine.findings import Location, Notice, Problem, Reason, format_pointer, message, quote
from sysdig_instrument.engine.json_types import Pointer

names = st.text(max_size=400)
pointers = st.lists(st.one_of(st.integers(0, 20), names), max_size=6).map(tuple)


@pytest.mark.parametrize(
    ("location", "text"),
    [
        pytest.param(Location(), "", id="nothing"),
        pytest.param(Location("Api"), 'Task "Api"', id="task"),
        pytest.param(Location("Api", "web"), 'Task "Api", container "web"', id="container"),
        pytest.param(
            Location("Api", "web", ("Resources", "Api", "L", 0, "Image")),
            'Task "Api", container "web" (Resources.Api.L[0].Image)',
            id="all-three",
        ),
        pytest.param(Location(None, None, ("Metadata",)), "(Metadata)", id="pointer"),
        pytest.param(Location("", "web"), 'Container "web"', id="container-without-task"),
    ],
)
def test_a_location_names_task_container_and_pointer(location: Location, text: str) -> None:
    assert location.text == text


@pytest.mark.parametrize(
    ("pointer", "text"),
    [
        pytest.param((), "", id="empty"),
        pytest.param((0, "a"), "[0].a", id="index-first"),
        pytest.param(("a", 1, 2, "b"), "a[1][2].b", id="two-indexes"),
        pytest.param(("a/b", "~"), "a/b.~", id="slash-and-tilde"),
        pytest.param(("", "a"), ".a", id="empty-key"),
        pytest.param((".a",), ".a", id="leading-dot"),
    ],
)
def test_a_pointer_uses_dots_and_brackets(pointer: Pointer, text: str) -> None:
    assert format_pointer(pointer) == text


def test_fact_and_advice_are_sentences_and_advice_is_optional() -> None:
    assert (
        Problem(Location("A"), Reason("It is so", "Do that", code=Code.NO_ANSWER)).text
        == 'Task "A": It is so. Do that.'
    )
    assert Notice(Location(), Reason("It is so", code=Code.NO_ANSWER)).text == "It is so."


def test_the_stable_text_omits_details_that_may_change() -> None:
    assert (
        Notice(Location("A"), Reason("503", "Try again", "It was not read", code=Code.NO_ANSWER)).stable_text
        == 'Task "A": It was not read.'
    )
    assert (
        Notice(Location("A"), Reason("It is so", "Do that", code=Code.NO_ANSWER)).stable_text
        == 'Task "A": It is so. Do that.'
    )


@given(st.text(), names, pointers, st.text())
def test_a_finding_is_one_printable_line_of_bounded_length(
    task: str, container: str, pointer: Pointer, fact: str
) -> None:
    text = Problem(Location(task, container, pointer), Reason(fact, fact, code=Code.NO_ANSWER)).text
    assert len(text) < 2000
    assert len(text.splitlines()) <= 1
    text.encode()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a\nb", id="newline"),
        pytest.param("a\rb", id="carriage-return"),
        pytest.param("a\x1b[31mb", id="escape-sequence"),
        pytest.param("a\x00b", id="nul"),
        pytest.param("a\x85b", id="next-line"),
        pytest.param("a\u2028b", id="line-separator"),
        pytest.param("a\u2029b", id="paragraph-separator"),
        pytest.param("a\u202eb", id="right-to-left"),
        pytest.param("a\u2066b", id="isolate"),
        pytest.param("a\ud800b", id="surrogate"),
        pytest.param("a\ufffeb", id="not-a-character"),
        pytest.param("a\tb", id="tab"),
    ],
)
def test_control_characters_are_not_shown(text: str) -> None:
    assert quote(text).count("?") >= 1
    assert quote(text).startswith('"a')


def test_printable_letters_are_shown() -> None:
    assert quote("äöü 日本 😀") == '"äöü 日本 😀"'


def test_a_long_name_is_cut() -> None:
    assert quote("x" * 301) == '"' + "x" * 300 + '…"'
    assert quote("x" * 300) == '"' + "x" * 300 + '"'


def test_a_message_has_a_line_for_each_finding_and_none_twice() -> None:
    one, two = (
        Problem(Location("A"), Reason("One", "Do", code=Code.NO_ANSWER)),
        Problem(Location("B"), Reason("Two", "Do", code=Code.NO_ANSWER)),
    )
    assert message([one, two, one]) == f"{one.coded_text}\n{two.coded_text}"


def test_a_message_of_nothing_is_empty() -> None:
    assert message([]) == ""


def test_a_long_message_is_cut_at_a_line_with_a_count() -> None:
    findings = [
        Problem(Location(f"Task{number}"), Reason("Something is wrong", "Correct it", code=Code.NO_ANSWER))
        for number in range(1000)
    ]
    lines = message(findings).splitlines()
    assert len(message(findings).encode()) < 4000
    assert lines[0] == findings[0].coded_text
    assert lines[-1] == f"… and {1000 - (len(lines) - 1)} more like these."


@given(
    st.lists(
        st.builds(
            Problem,
            st.builds(Location, st.text(), st.text(), pointers),
            st.builds(Reason, st.text(), st.text(), code=st.just(Code.NO_ANSWER)),
        ),
        max_size=30,
    )
)
def test_a_message_fits_into_a_status_reason(findings: list[Problem]) -> None:
    assert len(message(findings).encode()) <= 4096


def test_a_message_is_cut_only_above_the_limit() -> None:
    """The limit is 3,500 bytes, including the end of each line."""
    first, second, last, longer = (
        Problem(Location(), Reason(each * length, code=Code.NO_ANSWER))
        for each, length in zip("abcd", (1157, 1157, 1156, 1157), strict=True)
    )
    assert message([first, second, last]) == f"{first.coded_text}\n{second.coded_text}\n{last.coded_text}"
    assert message([first, second, longer]) == f"{first.coded_text}\n{second.coded_text}\n… and 1 more like these."
