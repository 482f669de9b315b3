"""The proof of every alert: promtool tests generated from its declaration, and the programs that run them."""
