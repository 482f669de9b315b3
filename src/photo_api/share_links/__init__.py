"""Share links: public views of an album."""
