"""What is expected of packets at firewalls: those that pass, those that are stopped, those that come too late."""
