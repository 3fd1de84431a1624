"""``lso matrix``: one scenario, varied along axes, its cells run in parallel and laid out as a grid."""
