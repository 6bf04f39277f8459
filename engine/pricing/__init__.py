"""What a call costs: meters times exact rates; reference prices and the lock that freezes them."""
