"""Whole lists into registries and out of them, as CSV or Parquet.

An exported file *is* the list: whoever has it can read it.
"""

from bloctel.bulk.exporting import export_numbers
from bloctel.bulk.importing import Imported, import_numbers

__all__ = ["Imported", "export_numbers", "import_numbers"]
