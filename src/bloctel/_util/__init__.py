"""Helpers without knowledge of phone numbers."""
