"""Readers and writers of tabular files: CSV, Parquet and Excel."""
