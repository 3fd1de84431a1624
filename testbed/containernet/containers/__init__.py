"""Docker containers as Mininet hosts: their options, images, limits and commands."""
