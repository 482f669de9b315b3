"""Traffic for the running system: virtual users, attackers, and an account of what was sent and answered."""
