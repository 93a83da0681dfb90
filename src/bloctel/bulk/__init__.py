"""Import and export of files: lists, registers, operators' answers and consents.

An exported list contains all phone numbers of the list, so protect the file.
"""

from bloctel.bulk.export_numbers import export_numbers
from bloctel.bulk.import_consents import (
    ConsentColumns,
    ImportedConsents,
    import_consents,
)
from bloctel.bulk.import_numbers import Imported, import_numbers
from bloctel.bulk.import_register import ImportedRegister, import_register
from bloctel.bulk.operator_files import (
    ImportedAnswers,
    Requested,
    answer_request,
    import_answers,
    write_request,
)

__all__ = [
    "ConsentColumns",
    "Imported",
    "ImportedAnswers",
    "ImportedConsents",
    "ImportedRegister",
    "Requested",
    "answer_request",
    "export_numbers",
    "import_answers",
    "import_consents",
    "import_numbers",
    "import_register",
    "write_request",
]
