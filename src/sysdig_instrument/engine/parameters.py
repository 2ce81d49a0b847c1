"""What is known of a template's parameters before their values are looked at."""

from __future__ import annotations

from sysdig_instrument.engine.scope import Scope


def is_parameter(name: str, scope: Scope) -> bool:
    """Whether a name is that of a parameter. A snippet shows no declarations: there, what has a value is one."""
    return name in scope.section("Parameters") or (name in scope.values and name not in scope.section("Resources"))


def is_list_parameter(name: str, scope: Scope) -> bool:
    """Whether a parameter is a list: by its type, or by its value where its declaration is not in sight (a snippet)."""
    declaration = scope.section("Parameters").get(name)
    if declaration is None:
        return is_parameter(name, scope) and isinstance(scope.values[name], list)
    kind = declaration.get("Type") if isinstance(declaration, dict) else None
    return isinstance(kind, str) and is_list_type(kind)


def is_list_type(kind: str) -> bool:
    """Whether a parameter of this type is a list: its text has commas between the items, and no item has one."""
    return "CommaDelimitedList" in kind or "List<" in kind
