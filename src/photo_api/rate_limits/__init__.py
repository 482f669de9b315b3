"""Rate limits per class of route."""
