"""The photo storage and sharing service."""
