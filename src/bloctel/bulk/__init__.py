"""Import and export of files: phone numbers of lists, operators' answers and consents.

An exported list contains all phone numbers of the list, so protect the file.
"""

from bloctel.bulk.export_numbers import export_numbers
from bloctel.bulk.import_consents import (
    ConsentColumns,
    ImportedConsents,
    import_consents,
)
from bloctel.bulk.import_numbers import Imported, import_numbers
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
    "Requested",
    "answer_request",
    "export_numbers",
    "import_answers",
    "import_consents",
    "import_numbers",
    "write_request",
]
