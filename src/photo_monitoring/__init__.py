"""The monitoring guide as code: criteria, rules, panels, runbooks, reports."""
