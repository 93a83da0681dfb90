"""Mandatory content of complaints about calls, as dated data with sources."""

from bloctel.rules.complaints._form import (
    FIELDS,
    Form,
    Mandatory,
    ProfessionalLine,
    load,
    names,
    parse,
)

__all__ = ["FIELDS", "Form", "Mandatory", "ProfessionalLine", "load", "names", "parse"]
