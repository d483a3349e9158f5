"""People who use two simulated desks: customers write in, agents and engineers answer, now and then a network fails.

It speaks to the simulators' /_sim/ and to nothing else: what reaches the other desk has gone through the gateway.
Run it: `python -m connectors.testing.traffic --zendesk URL --rt URL`.
"""
