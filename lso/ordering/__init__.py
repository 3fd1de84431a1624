"""What the verbs of `lso order` share: the server, the files, what is shown and the exit codes."""
