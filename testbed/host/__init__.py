"""This machine: its Docker Engine, kernel, namespaces, processes, links and package archives."""
