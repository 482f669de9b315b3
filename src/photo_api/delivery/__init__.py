"""How a permitted image reaches its viewer: streamed by us, or by a link to a CDN."""
