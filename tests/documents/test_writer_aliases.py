"""Anchors, aliases and merge keys: a repeated value changes where it should, and nowhere else."""

from __future__ import annotations

from documents.support import add, check, remove, replace

ENVIRONMENT = """\
env: &env
  - Name: A
one:
  Environment: *env
two:
  Environment: *env # the same
"""


def test_one_change_in_every_alias_edits_the_anchor() -> None:
    """The engine adds one variable to each container: a list that they share gets it once."""
    check(
        ENVIRONMENT,
        ENVIRONMENT.replace("  - Name: A\n", "  - Name: A\n  - Name: B\n"),
        *(add(f"/{place}/-", {"Name": "B"}) for place in ("one/Environment", "env", "two/Environment")),
    )


def test_a_change_in_one_alias_expands_it() -> None:
    check(
        ENVIRONMENT,
        """\
        env: &env
          - Name: A
        one:
          Environment: *env
        two:
          Environment: # the same
            - Name: A
            - Name: B
        """,
        add("/two/Environment/-", {"Name": "B"}),
    )


def test_a_change_at_the_anchor_expands_the_aliases() -> None:
    check(
        "env: &env [A]\none: [*env, 1]\ntwo: {x: *env}\nthree: *env # why\n",
        "env: &env [A, B]\none: [[A], 1]\ntwo: {x: [A]}\nthree: [A] # why\n",
        add("/env/-", "B"),
    )


def test_a_removed_anchor_expands_its_aliases() -> None:
    check("env: &env [A]\none: [*env, 1]\n", "one: [[A], 1]\n", remove("/env", ["A"]))
    check("env: &env [A]\none: [*env, 1]\n", "env: &env 5\none: [[A], 1]\n", replace("/env", 5, ["A"]))


def test_an_alias_inside_an_anchored_value() -> None:
    check(
        "env: &env [A]\none: &one {x: *env}\ntwo: *one\n",
        "env: &env [A]\none: &one {x: [A, B]}\ntwo: {x: *env}\n".replace("{x: *env}\n", "\n  x: [A]\n").replace(
            "two: ", "two:"
        ),
        add("/one/x/-", "B"),
    )


def test_an_alias_is_replaced() -> None:
    check(
        "a: &a 1\nb: *a # why\nc: [*a]\n", "a: &a 1\nb: 2 # why\nc: [3]\n", replace("/b", 2, 1), replace("/c/0", 3, 1)
    )


MERGED = """\
base: &base
  Image: x
  Environment: [A]
one:
  <<: *base # like the base
  Name: one
"""


def test_a_merged_key_is_overridden() -> None:
    check(MERGED, MERGED + "  Environment: [A, B]\n", add("/one/Environment/-", "B"))
    check(MERGED, MERGED + "  Image: z\n", replace("/one/Image", "z", "x"))
    check(MERGED, MERGED + "  EntryPoint: [W]\n", add("/one/EntryPoint", ["W"]))


def test_one_change_at_every_merge_edits_the_source() -> None:
    check(
        MERGED,
        MERGED.replace("[A]", "[A, B]"),
        add("/one/Environment/-", "B"),
        add("/base/Environment/-", "B"),
    )


def test_removing_a_merged_key_expands_the_merge() -> None:
    check(
        MERGED,
        """\
        base: &base
          Image: x
          Environment: [A]
        one:
          Name: one
          Environment: [A]
        """,
        remove("/one/Image", "x"),
    )


def test_removing_an_override_does_not_restore_the_merged_value() -> None:
    text = "base: &base {a: 1, b: 2}\none:\n  <<: *base\n  a: 5\n  c: 3\n"
    check(text, "base: &base {a: 1, b: 2}\none:\n  c: 3\n  b: 2\n", remove("/one/a", 5))


def test_the_source_of_a_merge_changes() -> None:
    check(
        MERGED,
        """\
        base: &base
          Image: z
          Environment: [A]
        one:
          Name: one
          Image: x
          Environment: [A]
        """,
        replace("/base/Image", "z", "x"),
    )


def test_merges_of_several_mappings_and_inline() -> None:
    text = "a: &a {x: 1}\nb: &b {x: 2, y: 2}\nc:\n  <<: [*a, *b]\nd:\n  <<: {z: 1}\n"
    check(
        text,
        text.replace("[*a, *b]\n", "[*a, *b]\n  z: 3\n").replace("{z: 1}\n", "{z: 1}\n  w: 2\n"),
        add("/c/z", 3),
        add("/d/w", 2),
    )


def test_an_anchored_key_and_merges_of_both_kinds() -> None:
    check("&k a: 1\nb: *k\nc: [*k]\n", "&k a: 1\nb: d\nc: [*k, e]\n", replace("/b", "d", "a"), add("/c/-", "e"))
    text = "a: &a {x: 1}\nb:\n  <<: [{z: 1}, *a]\n"
    check(text, "a: &a {x: 2}\nb:\n  x: 1\n  z: 1\n", replace("/a/x", 2, 1))
