"""The rules of docs/design.md that a program can check: which module imports which, and what no module may contain."""

from __future__ import annotations

import ast
import functools
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src"
PACKAGE = SOURCE / "sysdig_instrument"
MODULES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))

PURE = frozenset(
    {
        "__future__",
        "base64",
        "collections",
        "contextlib",
        "contextvars",
        "difflib",
        "enum",
        "fnmatch",
        "functools",
        "itertools",
        "json",
        "marshal",
        "re",
        "typing",
    }
)
"""Modules of the standard library that do no I/O and do not read the clock."""

MAY_USE = {
    "engine": {"engine", "errors", "printable"},
    "lookup": {"", "engine", "errors", "lookup"},
    "dockerfile": {"dockerfile", "engine"},
    "documents": {"documents", "ecs_documents", "engine", "errors", "printable"},
    "coverage": {"", "coverage", "documents", "ecs_documents", "engine", "errors", "lookup", "planning"},
    "services": {"aws_changes", "ecs_documents", "engine", "errors", "lookup", "planning", "services"},
    "stacks": {"aws_changes", "coverage", "documents", "engine", "errors", "lookup", "planning", "stacks"},
    "function": {
        "aws_changes",
        "coverage",
        "",
        "documents",
        "engine",
        "errors",
        "function",
        "lazy_import",
        "lookup",
        "planning",
        "printable",
        "quotas",
        "services",
    },
    "cli": {
        "",
        "aws_changes",
        "cli",
        "coverage",
        "dockerfile",
        "documents",
        "ecs_documents",
        "engine",
        "errors",
        "help_page",
        "lookup",
        "planning",
        "printable",
        "quotas",
        "services",
        "stacks",
    },
    "aws_changes.py": {"lookup", "lazy_dataclasses"},
    "cfn_lint.py": {"engine", "help_page", "planning"},
    "ecs_documents.py": {"engine"},
    "planning.py": {"engine"},
    "quotas.py": {"engine", "errors"},
    "__main__.py": {"cli"},
    "__init__.py": set(),
    "errors.py": {"engine"},
    "help_page.py": set(),
    "printable.py": set(),
    "lazy_import.py": set(),
    "lazy_dataclasses.py": set(),
}
"""The parts of this package that each part may import. ``""`` is the package itself, for its version."""

ENGINE_ORDER = (
    # Values
    "json_types",
    "json_size",
    "paste",
    "agent",
    "traces",
    "partitions",
    "suggestions",
    "image_reference",
    "ecr",
    "codes",
    "findings",
    "patch",
    "lookups",
    "fargate_sizes",
    # Templates and settings
    "expressions",
    "globs",
    "settings/types",
    "settings/patterns",
    "settings/table",
    "settings/agent_images",
    "settings/locks",
    "settings/layers",
    "template",
    "launchers",
    "platforms",
    "container",
    "settings/tags",
    "settings/template_layers",
    "image_configs",
    "images",
    "selection",
    "other_workloads",
    "express_services",
    "opt_outs",
    # Plans
    "steps",
    "removal",
    "task_plan",
    "unused_configs",
    "checks",
    "protection",
    "hidden",
    "macro_line",
    "without_effect",
    "verdicts",
    "plan",
)
"""The modules and packages of the engine. Each may import the ones before it, and a package its own modules."""

OUTSIDERS = {
    "cfnlint": {"cfn_lint.py"},
    "jsonpatch": {"engine/patch.py"},
    "shtab": {"cli/commands/completion.py"},
    "jsonpointer": {"engine/patch.py"},
    "aws_lambda_powertools": {"function"},
    "yaml": {"documents"},
    "boto3": set[str](),
    "botocore": {"lookup", "coverage"},
    "http": {"lookup"},
    "socket": {"lookup"},
    "ssl": {"lookup"},
    "urllib3": {"lookup/connections.py", "lookup/http.py"},
    "urllib": {"cli/formats", "lookup"},
    "subprocess": {"cli/workers.py", "lookup/docker_config.py"},
    "logging": {"lookup/connections.py"},
    "random": set[str](),
    "uuid": set[str](),
    "importlib": {"cli/main.py", "cli/formats/output.py", "help_page.py", "lazy_import.py"},
    "time": {
        "cli/ahead.py",
        "cli/commands/apply.py",
        "cli/commands/stacks.py",
        "cli/inventory_stacks.py",
        "cli/console.py",
        "function/coverage_handler.py",
        "function/deployment_hook_handler.py",
        "function/telemetry.py",
        "function/watch_handler.py",
        "lookup",
    },
    "datetime": {"coverage"},
}
"""Modules that only some parts may import, and these parts. It lists all packages outside the standard library."""

NAMES_FUNCTIONS = {
    "cli/plain_documents.py",
    "cli/shown_text.py",
    "documents/editing/flow.py",
    "documents/editing/scalars.py",
    "documents/editing/style.py",
    "documents/syntax_tree.py",
    "documents/yaml_values.py",
    "engine/container.py",
    "engine/paste.py",
    "engine/expressions/decision_tree.py",
    "engine/expressions/dynamic_lists.py",
    "engine/expressions/conditions.py",
    "engine/expressions/evaluate.py",
    "engine/expressions/inserted.py",
    "engine/expressions/references.py",
    "engine/steps/capabilities.py",
    "engine/steps/execution_role.py",
    "engine/steps/list_items.py",
    "engine/steps/permissions.py",
    "engine/steps/tags.py",
    "engine/template.py",
    "engine/without_effect.py",
}
"""The modules that may contain names of intrinsic functions."""

MEMOISED = {
    "help_page.py:help_page",
    "function/deployment_hook_handler.py:_clients",
    "function/handler.py:_lookup_session",
    "function/watch_handler.py:_handled",
    "function/watch_handler.py:_lookup_session",
    "function/watch_handler.py:_readers",
    "function/watch_handler.py:_writers",
    "lookup/answers.py:system_ssl_context",
}
"""The functions whose result is kept between two runs. Apart from constants, nothing else may be."""

MAX_LINES = 420
MIN_LINES = 30
SHORT = {
    "__main__.py": "the entry point of `python -m`",
    "errors.py": "every part raises them",
    "cli/removals.py": "`uninstrument` and `apply` share it",
    "cli/build_notices.py": "`explain` and `images` share it, and the reader of Dockerfiles is imported for a lookup only",
    "cli/exit_codes.py": "the parser and the commands share them, and `--help` must not import a command",
    "function/macro_settings.py": "two functions share it",
    "engine/agent.py": "names that both the settings' decisions and the steps need",
    "engine/suggestions.py": "the engine's settings and the command line share it",
    "engine/json_types.py": "the type that everything else is about",
}
"""Modules of fewer lines than ``MIN_LINES``, and why."""

MUTATING_METHODS = frozenset(
    {
        "add",
        "append",
        "clear",
        "discard",
        "extend",
        "insert",
        "pop",
        "popitem",
        "remove",
        "reverse",
        "setdefault",
        "sort",
        "update",
    }
)


@functools.cache
def tree_of(module: str) -> ast.Module:
    return ast.parse((PACKAGE / module).read_text(encoding="utf-8"))


def imports(module: str) -> Iterator[str]:
    """Yield the full names of the imports of a module, and of those in its functions."""
    for node in ast.walk(tree_of(module)):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            for each in node.names:
                full = f"{node.module}.{each.name}"
                yield full if _is_module(full) else str(node.module)


def _is_module(name: str) -> bool:
    path = SOURCE / name.replace(".", "/")
    return path.is_dir() or path.with_suffix(".py").exists()


def part_of(name: str) -> str:
    """Return the part of this package that a full name belongs to: ``engine`` for ``sysdig_instrument.engine.plan``."""
    return (*name.split("."), "")[1]


def is_in(module: str, places: set[str]) -> bool:
    return any(module == place or module.startswith(f"{place}/") for place in places)


every_module = pytest.mark.parametrize("module", MODULES)


@every_module
def test_packages_import_one_another_as_designed(module: str) -> None:
    allowed = MAY_USE[module.split("/", maxsplit=1)[0]]
    used = {part_of(name) for name in imports(module) if name.split(".")[0] == "sysdig_instrument"}
    assert used - {"lazy_dataclasses"} <= allowed, f"{module} imports {used - allowed}"


def loaded_with(module: str) -> Iterator[str]:
    """Yield the files of this package that are imported together with a module. Imports in functions run later."""
    for node in tree_of(module).body:
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("sysdig_instrument"):
            for each in node.names:
                full = f"{node.module}.{each.name}"
                path = (full if _is_module(full) else str(node.module)).removeprefix("sysdig_instrument").strip(".")
                file = path.replace(".", "/") + ".py"
                yield file if file in MODULES else f"{path.replace('.', '/')}/__init__.py".lstrip("/")


def test_no_modules_import_each_other() -> None:
    done: set[str] = set()

    def visit(module: str, importers: tuple[str, ...]) -> None:
        assert module not in importers, " → ".join((*importers[importers.index(module) :], module))
        if module not in done:
            for other in loaded_with(module):
                visit(other, (*importers, module))
            done.add(module)

    for module in MODULES:
        visit(module, ())


every_engine_module = pytest.mark.parametrize("module", [each for each in MODULES if each.startswith("engine/")])


def engine_part(path: str) -> str:
    """Return the entry of ENGINE_ORDER for a file or a module in the engine; empty if there is none."""
    path = path.removeprefix("engine/").removesuffix(".py")
    return next((part for part in ENGINE_ORDER if path == part or path.startswith(f"{part}/")), "")


@every_engine_module
def test_imports_in_the_engine_go_one_way(module: str) -> None:
    part = engine_part(module)
    if not part:
        assert module.endswith("__init__.py"), "ENGINE_ORDER does not list this module"
    allowed = ENGINE_ORDER[: ENGINE_ORDER.index(part) + 1] if part else ()
    prefix = "sysdig_instrument.engine."
    for name in imports(module):
        if name.startswith(prefix):
            assert engine_part(name.removeprefix(prefix).replace(".", "/")) in allowed, f"{module} imports {name}"


@every_engine_module
def test_the_engine_imports_nothing_that_does_io(module: str) -> None:
    outside = {name.split(".")[0] for name in imports(module)} - {"sysdig_instrument"}
    assert outside - PURE <= ({"jsonpatch", "jsonpointer"} if module == "engine/patch.py" else set())


@every_module
def test_restricted_modules_are_imported_only_where_allowed(module: str) -> None:
    for name in imports(module):
        places = OUTSIDERS.get(name.split(".")[0])
        assert places is None or is_in(module, places), f"{module} imports {name}"


@every_module
def test_only_declared_packages_are_imported(module: str) -> None:
    known = {*sys.stdlib_module_names, *OUTSIDERS, "sysdig_instrument"}
    assert {name.split(".")[0] for name in imports(module)} <= known


@every_module
def test_the_environment_is_read_only_in_entry_points(module: str) -> None:
    reads = [
        node
        for node in ast.walk(tree_of(module))
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv")
    ]
    assert not reads or module in (
        "function/coverage_handler.py",
        "function/deployment_hook_handler.py",
        "function/handler.py",
        "function/hook_handler.py",
        "function/telemetry.py",
        "function/watch_handler.py",
        "cli/main.py",
    )


@every_module
def test_only_the_command_line_prints(module: str) -> None:
    calls = [node.func for node in ast.walk(tree_of(module)) if isinstance(node, ast.Call)]
    found = {each.id for each in calls if isinstance(each, ast.Name)} & {"print", "input", "exec", "eval", "open"}
    allowed = {
        "lazy_dataclasses.py": {"exec"},
        "documents/reader.py": {"open"},
    }  # one compiles methods, one reads files
    assert found <= allowed.get(module, set()) or module.startswith("cli/")


@every_module
def test_no_output_depends_on_time_or_process(module: str) -> None:
    names = {node.attr for node in ast.walk(tree_of(module)) if isinstance(node, ast.Attribute)}
    assert names.isdisjoint({"utcnow", "today", "time_ns", "uuid4", "getpid", "gethostname"})


@every_module
def test_intrinsic_functions_are_named_in_few_modules(module: str) -> None:
    docstrings = {id(node.value) for node in ast.walk(tree_of(module)) if isinstance(node, ast.Expr)}
    found = [
        node.value
        for node in ast.walk(tree_of(module))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings
        if node.value.startswith("Fn::") and " " not in node.value
    ]  # fmt: skip
    assert not found or module in NAMES_FUNCTIONS, f"{module} contains {found}"


@every_module
def test_the_engine_compiles_no_pattern_at_import(module: str) -> None:
    """A cold start would wait for it. Patterns are strings, and ``re`` caches the compiled ones."""
    at_import = (node for node in tree_of(module).body if not isinstance(node, ast.FunctionDef))
    calls = {ast.unparse(each.func) for node in at_import for each in ast.walk(node) if isinstance(each, ast.Call)}
    assert "re.compile" not in calls or not module.startswith("engine/")


@every_module
def test_no_module_is_too_long(module: str) -> None:
    assert _length(module) <= MAX_LINES


@every_module
def test_a_short_module_has_a_reason(module: str) -> None:
    assert _length(module) >= MIN_LINES or module.endswith("__init__.py") or module in SHORT


def _length(module: str) -> int:
    return len((PACKAGE / module).read_text(encoding="utf-8").splitlines())


def _module_names(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in tree.body:
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        names |= {each.id for each in targets if isinstance(each, ast.Name)}
    return names


def _mutated(tree: ast.Module) -> Iterator[str]:
    """Yield the module-level names whose value a function mutates."""
    names = _module_names(tree)
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        local = {
            node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        }
        local |= {node.arg for node in ast.walk(function) if isinstance(node, ast.arg)}
        for node in ast.walk(function):
            match node:
                case ast.Global():
                    yield from node.names
                case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=attribute)) if (
                    attribute in MUTATING_METHODS
                ):
                    yield from {name} & names - local
                case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store() | ast.Del()):
                    yield from {name} & names - local
                case ast.Attribute(value=ast.Name(id=name), ctx=ast.Store() | ast.Del()):
                    yield from {name} & names - local


@every_module
def test_module_level_values_are_not_mutated(module: str) -> None:
    assert not list(_mutated(tree_of(module)))


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("X = []\ndef f():\n X.append(1)", id="append"),
        pytest.param("X = {}\ndef f():\n X[1] = 2", id="item-assignment"),
        pytest.param("X = 1\ndef f():\n global X\n X = 2", id="global"),
        pytest.param("X = {}\ndef f():\n del X[1]", id="item-deletion"),
        pytest.param("X = A()\ndef f():\n X.y = 1", id="attribute-assignment"),
    ],
)
def test_the_mutation_check_finds_mutations(code: str) -> None:
    assert list(_mutated(ast.parse(code))) == ["X"]


def test_state_kept_between_runs_is_listed() -> None:
    found = set()
    for module in MODULES:
        for node in tree_of(module).body:
            if isinstance(node, ast.FunctionDef) and any("cache" in ast.unparse(each) for each in node.decorator_list):
                found.add(f"{module}:{node.name}")
    assert found == MEMOISED


def loaded_by(statement: str) -> set[str]:
    """Return the modules that a statement loads in a new process, without lazy ones that have not been used."""
    is_lazy = "type(module).__name__ == '_LazyModule'"
    program = (
        f"import sys\n{statement}\nprint('\\n'.join(name for name, module in sys.modules.items() if not {is_lazy}))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, env={"PYTHONPATH": str(SOURCE)}
    )
    return set(run.stdout.split())


def test_the_function_does_not_import_the_cli() -> None:
    loaded = loaded_by("import sysdig_instrument.function.handler")
    assert not {
        name
        for name in loaded
        if name == "yaml" or name.startswith(("sysdig_instrument.documents", "sysdig_instrument.cli"))
    }


@pytest.mark.parametrize("name", ["dataclasses", "jmespath", "gzip", "typing_extensions", "random", "base64", "ntpath"])
def test_a_cold_start_imports_no_unused_modules(name: str) -> None:
    assert name not in loaded_by("import sysdig_instrument.function.handler")


def test_a_command_for_a_template_imports_nothing_for_other_documents_and_options() -> None:
    """A call of the command line tool waits for each module."""
    loaded = loaded_by("from sysdig_instrument.cli.commands import check, explain, transform")
    others = {"cdk_assets", "dockerfile", "from_macro", "output_file", "plain_notices", "services", "terraform"}
    standard = {"dataclasses", "difflib", "pathlib", "shutil", "subprocess", "tempfile", "urllib"}
    assert not {part for name in loaded if name.startswith("sysdig_instrument") for part in name.split(".")} & others
    assert not loaded & standard


@pytest.mark.parametrize(
    "name",
    ["botocore.session", "ssl", "http.client", "sysdig_instrument.lookup.answers"],
)
def test_lookup_modules_are_imported_only_for_lookups(name: str) -> None:
    assert name not in loaded_by("import sysdig_instrument.function.handler")


def test_the_functions_import_nothing_that_the_build_does_not_compile() -> None:
    (pattern,) = re.findall(r"(?m)^NOT_COMPILED := (.+)$", (ROOT / "src/Makefile").read_text(encoding="utf-8"))
    handlers = ("handler", "hook_handler", "watch_handler", "coverage_handler", "deployment_hook_handler")
    modules = [*(f"function.{each}" for each in handlers), "lookup.answers", "documents.yaml_values"]
    code = "\n".join(f"import sysdig_instrument.{each}" for each in modules)
    loaded = loaded_by(f"{code}\nimport jsonpatch, botocore.session\nbotocore.session.get_session()")
    assert {"aws_lambda_powertools.logging.logger", "botocore.httpsession", "urllib3.connectionpool"} <= loaded
    paths = [f"/{name.replace('.', '/')}{end}" for name in loaded for end in (".py", "/__init__.py")]
    assert [path for path in paths if re.search(pattern, path)] == []
    assert re.search(pattern, "/aws_lambda_powertools/event_handler/__init__.py")


def test_help_imports_no_template_code() -> None:
    loaded = loaded_by("import sysdig_instrument.cli.main as m\nm.build_parser().format_help()")
    assert not {name for name in loaded if name.startswith(("yaml", "boto", "jsonpatch", "sysdig_instrument.engine"))}
    assert loaded.isdisjoint({"dataclasses", "inspect", "json", "pathlib", "typing"})


def test_transform_imports_no_lookup_or_suggestion_code() -> None:
    call = ["transform", str(ROOT / "docs/examples/app.yaml"), "--no-config", "--offline", "-o", os.devnull]
    call += ["--images", str(ROOT / "docs/examples/images.json"), "--set", "Collector=us2"]
    call += ["--set", "AccessKeySecret=arn:aws:secretsmanager:us-east-1:111122223333:secret:sysdig"]
    loaded = loaded_by(
        f"import gc, sysdig_instrument.cli.main as m\nassert m.run({call!r}) == 0\nassert gc.get_freeze_count()"
    )
    assert "sysdig_instrument.engine.plan" in loaded
    assert loaded.isdisjoint({"shutil", "textwrap", "sysdig_instrument.cli.shown_text"})
    assert not {name for name in loaded if name.startswith(("boto", "http", "sysdig_instrument.lookup.answers"))}
    assert loaded.isdisjoint({"aws_lambda_powertools", "configparser", "dataclasses", "inspect", "socket", "ssl"})


def test_explain_imports_no_writer() -> None:
    call = ["explain", str(ROOT / "docs/examples/app.yaml"), "--no-config", "--offline", "--set", "Collector=us2"]
    code = f"import os, sys, sysdig_instrument.cli.main as m\nsys.stdout = open(os.devnull, 'w')\nm.run({call!r})"
    loaded = loaded_by(f"{code}\nsys.stdout = sys.__stdout__")
    assert "sysdig_instrument.documents.yaml_syntax" in loaded
    assert loaded.isdisjoint({"sysdig_instrument.documents.editing.writer", "sysdig_instrument.cli.shown_text"})


def test_the_folders_in_the_makefile_exist() -> None:
    (line,) = re.findall(r"(?m)^UNIT := (.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"))
    assert [path for path in line.split() if not (ROOT / path).exists()] == []


def test_the_oracle_shares_no_code_with_the_engine() -> None:
    for path in (ROOT / "tests" / "oracle").glob("*.py"):
        if not path.name.startswith("test_"):
            assert "sysdig_instrument" not in path.read_text(encoding="utf-8"), path.name
