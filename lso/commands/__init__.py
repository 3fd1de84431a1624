"""The verbs of the command line: each module has HELP, EXAMPLES, configure(parser) and run(options)."""
