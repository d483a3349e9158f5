"""Simulated desks for tests, the demo and benchmarks: real HTTP on loopback, with faults on demand.

A simulated desk keeps an append-only log of every effect that a request had (`effects`), which is the oracle of every
exactly-once claim, and makes whatever goes wrong in a network happen when it is asked to (`faults`).
"""
