r"""Text to JSON values and back: JSON, YAML and plain ECS task definitions. For the command line tool only.

>>> from sysdig_instrument.documents import read, write
>>> document = read(b"a: 1 # one\n", "t.yaml")
>>> document.value
{'a': 1}
>>> write(document, [])
'a: 1 # one\n'
"""

from sysdig_instrument.documents.document import Document, Encoding, Syntax
from sysdig_instrument.documents.kinds import Kind, kind
from sysdig_instrument.documents.plain import Carried, carry_back, properties
from sysdig_instrument.documents.reader import load, read
from sysdig_instrument.documents.rendering import render
from sysdig_instrument.documents.writer import write

__all__ = [
    "Carried",
    "Document",
    "Encoding",
    "Kind",
    "Syntax",
    "carry_back",
    "kind",
    "load",
    "properties",
    "read",
    "render",
    "write",
]
