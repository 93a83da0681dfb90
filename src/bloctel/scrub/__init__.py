"""A call file or a frame in; its rows out, with what the lists say of their numbers.

The package can be called: `bloctel.scrub(frame, ...)` is `bloctel.scrub.frames.scrub`.
"""

import sys
from importlib import import_module
from inspect import signature
from types import ModuleType
from typing import TYPE_CHECKING, Final

from bloctel.scrub.against import open_against, refuse_overwriting, shown_target
from bloctel.scrub.call_file import FileOptions, scrub_file
from bloctel.scrub.csv_file import scrub_csv
from bloctel.scrub.dialect import CsvOptions
from bloctel.scrub.frames import scrub
from bloctel.scrub.makeup import Finding, Makeup
from bloctel.scrub.many_files import ScrubbedFile, plan_files, scrub_files
from bloctel.scrub.masking import Example
from bloctel.scrub.outputs import Outputs
from bloctel.scrub.summary import ScrubSummary

if TYPE_CHECKING:
    from bloctel.scrub.report import ReportSubject, require_place, write_report

__all__ = [
    "CsvOptions",
    "Example",
    "FileOptions",
    "Finding",
    "Makeup",
    "Outputs",
    "ReportSubject",
    "ScrubSummary",
    "ScrubbedFile",
    "open_against",
    "plan_files",
    "refuse_overwriting",
    "require_place",
    "scrub",
    "scrub_csv",
    "scrub_file",
    "scrub_files",
    "shown_target",
    "write_report",
]


#: Imported when asked for: few who import the package write reports.
_OF_REPORTS: Final = ("ReportSubject", "require_place", "write_report")


def __getattr__(name: str) -> object:
    if name not in _OF_REPORTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("bloctel.scrub.report"), name)


class _CallablePackage(ModuleType):
    """This package, which is also a public function.

    The function itself under the name `bloctel.scrub` would hide the package from
    whatever looks for modules by attributes: `import bloctel.scrub.reading as reading`,
    `mock.patch("bloctel.scrub.reading.x")`.  So the name stays the package's, and the
    package is called; Python's reference lets a module have a class ("Customizing
    module attribute access").  For type checkers, `bloctel/__init__.py` says that the
    name is the function.
    """

    __call__ = staticmethod(scrub)
    __signature__ = signature(scrub)

    def __reduce__(self) -> tuple[object, ...]:
        """Let what holds the function be sent to another process."""
        return import_module, (self.__name__,)


sys.modules[__name__].__class__ = _CallablePackage
__doc__ = scrub.__doc__ or __doc__  # what `help(bloctel.scrub)` is asked for
