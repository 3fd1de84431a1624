"""What all packages share: the database, YAML and JSON as they are read here, and findings. Imports nothing of ours."""
