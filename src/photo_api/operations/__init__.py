"""What operators do with the service: check its configuration, audit, back up and restore."""
