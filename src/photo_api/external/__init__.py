"""Calls to other services over HTTP: measured, bounded in time and number, and given up early when one is down."""
