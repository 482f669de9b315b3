"""`photo-monitoring doctor`: which criteria of the monitoring can fire on a service as it is, and what the others lack.

Nothing here knows an alert by name: what a criterion needs is read from its expression.
"""
