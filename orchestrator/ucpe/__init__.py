"""Work on one uCPE: look what it has of a service, bring it to a plan, undo that, ask how it is."""
