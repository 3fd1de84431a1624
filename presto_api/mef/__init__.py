"""MEF ordering, inventory and notifications (MEF 99.1, MEF 135.1, W100)."""
