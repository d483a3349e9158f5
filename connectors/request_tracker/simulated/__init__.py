"""The inside of the simulated RT: its records and what changes them, its query language, its JSON."""
