"""The formats of the reports of ``explain`` and ``check``. ``--help`` imports this list, and none of the modules."""

FORMATS = ("table", "json", "csv", "sarif", "junit", "github", "markdown")
"""The first is the default. To add a format, add its name here and a module of that name to this package.

The module has ``render(reports: Iterable[FileReport], console: Console) -> Iterator[str]``. It yields the report in chunks
while the files are read, and shows every item whose rule has a level other than ``none``, also of unusable files.
``console`` has the width and the colours; only formats for people use it.
"""
