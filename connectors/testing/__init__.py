"""What proves a connector: simulated desks that speak real HTTP on loopback, and the conformance suite."""
