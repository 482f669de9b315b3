"""What a user may set differently from the guide: `monitoring.toml`, read strictly, and what it changes."""
