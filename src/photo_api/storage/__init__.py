"""Object storage: the protocol and the embedded store."""
