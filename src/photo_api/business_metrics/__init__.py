"""Business totals: kept in transactions, read in O(1), published."""
