"""Prometheus metrics of an ASGI service: catalog, recorder, instrumentation, exposition."""
