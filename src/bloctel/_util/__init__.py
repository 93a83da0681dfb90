"""Helpers that do not depend on phone numbers or lists."""
