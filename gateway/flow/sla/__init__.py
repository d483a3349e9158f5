"""A ticket's promises while it lives: its clocks are told again, and what they come to is done.

Reading order: `entries` (what an event means to the clocks), `timekeeping` (the log, and every clock told from it),
`late` (edits that were heard of after newer ones), `following` (what an applied change leads to), `merging` (what a
merge does to both), `levels` (which escalations a clock has come to), `acts` (what one of them does), `waking` (one
ticket, in one transaction), `escalating` (the sweep's turn), `acknowledging` (a person knows), `asking` and `carrying`
(actions of other packages).
"""
