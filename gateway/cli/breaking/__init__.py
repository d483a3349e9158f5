"""Break it yourself: the demo's page that breaks things on purpose, and counts at the desks what came of it.

It is a process of the demo alone, on a port of its own on loopback, so that it can kill the web process as well and
still tell how that went; `gateway up` has neither the process nor its addresses.

`oracle.py` reads the desks' effect logs, `verdict.py` makes the counters of them, `breaks.py` breaks, `bench.py` looks
once a second and remembers, `page.py` shows it.
"""
