"""Who works on a live ticket: what `rules.routing` decides, kept, carried to the desks and asked again in time.

`ways` says what a ticket's own fields mean for its way, `placing` asks the router and keeps the answer, `carrying`
writes it to the desks, `pulling` looks at the queue, `looking` at one ticket, `offering` hands over, `accepting` takes
a person's word, `answering` that of a button; `measuring` learns how long is waited.
"""
