r"""Read templates and ECS task definitions in JSON or YAML, and write them back. Of the function, only the hook on stacks uses it.

The writer, in :mod:`sysdig_instrument.documents.editing.writer`, is imported by what writes only.

>>> from sysdig_instrument.documents import read
>>> from sysdig_instrument.documents.editing.writer import write
>>> from sysdig_instrument.engine.patch import Change
>>> document = read(b"a: 1 # one\n", "t.yaml")
>>> document.value
{'a': 1}
>>> change = Change("add", ("b",), "because", 2)
>>> write(document, [change], {"a": 1, "b": 2}).text
'a: 1 # one\nb: 2\n'
"""

from sysdig_instrument.documents.document import Document, Encoding, Syntax
from sysdig_instrument.documents.kinds import is_certain, is_plan, kind_of
from sysdig_instrument.documents.reader import load, read
from sysdig_instrument.ecs_documents import DocumentKind, EcsChanges, to_ecs_changes, to_properties

__all__ = [
    "Document",
    "DocumentKind",
    "EcsChanges",
    "Encoding",
    "Syntax",
    "is_certain",
    "is_plan",
    "kind_of",
    "load",
    "read",
    "to_ecs_changes",
    "to_properties",
]
