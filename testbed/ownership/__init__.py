"""Who owns what the test-bed makes: leases, the resources of each lab, and their removal."""
