"""Photos: uploads, verification, images."""
