"""The revisions of the orchestrator's tables. A test compares them with the tables as the code has them."""
