"""Local servers that enforce the contracts of the external services, for tests and for a stack of their own."""
