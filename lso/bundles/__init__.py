"""Proof bundles: a run in one signed file, whose verdicts anybody can judge again from the evidence in it."""
