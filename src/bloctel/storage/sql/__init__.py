"""Storages in SQL databases: SQLite, PostgreSQL and MariaDB."""
