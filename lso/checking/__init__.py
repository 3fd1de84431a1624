"""What is the same for all that is held against a contract: the steps of a check, their report, their options."""
