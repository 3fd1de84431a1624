"""What every API shares: it accepts orders, carries them out and answers questions about services."""
