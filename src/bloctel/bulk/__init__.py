"""Import and export of files with lists, answers of operators, and consents.

Everyone who can read an exported file can read the complete list.
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
