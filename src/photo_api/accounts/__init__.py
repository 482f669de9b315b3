"""Accounts: registration, login, tokens."""
