"""The MEF APIs: ordering (MEF 99.1, Legato v6) and inventory (MEF 135.1, Legato v7), SD-WAN payloads of W100."""
