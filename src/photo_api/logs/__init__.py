"""Structured logs and their way to a log service."""
