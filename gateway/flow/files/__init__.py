"""Files: heard of with a comment or a ticket, brought from their desk, carried to the others.

What a desk says of a file is noted with the ticket (`hearing`); its bytes are fetched by themselves, so that nothing
else waits for them (`bringing`); an update that carries it leaves when it is there, or is known not to come
(`carrying`).
"""
