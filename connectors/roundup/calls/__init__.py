"""What we ask of Roundup: reads, polls, writes and probes, as calls that yield requests and do no I/O."""
