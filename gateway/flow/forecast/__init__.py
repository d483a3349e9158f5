"""A forecast: tickets that are made up, taken through the rules of a site in virtual time, and counted.

What decides is the very code that decides on live tickets: `decide`, the router, the queue, handing over and the
clocks. Made up are only the tickets and how people work. Nothing is read, stored or sent.
"""
