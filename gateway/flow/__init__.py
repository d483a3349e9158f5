"""The five steps of the journey, in reading order: receive, apply, deliver, sweep, reconcile."""
