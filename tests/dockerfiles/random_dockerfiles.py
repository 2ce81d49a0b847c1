"""A Hypothesis strategy for the texts of Dockerfiles."""

from __future__ import annotations

from hypothesis import strategies as st

CHUNKS = (
    "FROM a", "from b AS c", "CMD b", 'CMD ["b"]', "cmd x y ", "CMD []", "ENTRYPOINT c $D", 'ENTRYPOINT ["c", "d"]', 'ENTRYPOINT ["c", \\\n  "d"]', "CMD ['b']",
    'SHELL ["s"]', "RUN e", "RUN <<EOF\nCMD x\nEOF", "COPY <<EOF <<-B /x\nB\nEOF\n\t\tB", "RUN <<'E F' cat\nEOF\nE F", 'RUN cat <<"EOF" > f\n\\\nEOF',
    'RUN ["a", "<<EOF"]', "RUN it's <<EOF", "RUN a <<< b", "ONBUILD RUN <<EOF\nCMD y\nEOF", "ONBUILD CMD b", "RUN a \\\n # c\n\n  b", "CMD a\\ \n\tb",
    "# c", "", "HEALTHCHECK CMD x", "ARG X=1", 'LABEL a="b"', "RUN echo ${X:-1} $((1<<2)) 2<<E > f\n${X}\nE",
)  # fmt: skip
NOISE = (
    "\\",
    "`",
    " \\ ",
    "#",
    "# escape=`",
    "'",
    '"',
    "$",
    "${X}",
    "<<",
    "<",
    "[",
    "]",
    ",",
    "\t",
    "\r",
    "\ufeff",
    "EOF",
    "\n",
    "é",
    "",
)
first_lines = st.sampled_from(
    ("", "", "# escape=`\n", "# syntax=docker/dockerfile:1\n# escape=\\\n", "\ufeff", "# c\n")
)
texts = st.lists(st.sampled_from(CHUNKS), min_size=1, max_size=8).map("\n".join)


@st.composite
def dockerfiles(draw: st.DrawFn) -> str:
    """Return the text of a Dockerfile; in half of them, something in it is wrong, or in the wrong place."""
    text = draw(first_lines) + draw(texts)
    if draw(st.booleans()):
        place = draw(st.integers(0, len(text)))
        text = text[:place] + draw(st.sampled_from(NOISE)) + text[place:]
    return text + draw(st.sampled_from(("", "\n")))
