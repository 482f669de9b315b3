"""Health checks, dependency probes, draining."""
