"""Who asks, and what they may: OAuth 2.0 client credentials, JWT access tokens, scopes, roles and limits."""
