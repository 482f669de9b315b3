"""What sets up and checks a checkout; standard library only, since it runs before anything is installed."""
