"""The APIs that a service is ordered through, each as a client with the same few calls."""
