"""The orchestrator in a process of its own: the server's side, its own side, and the messages between them."""
