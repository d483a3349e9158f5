"""What this machine does: `python -m benchmarks` (or `make bench`). docs/performance.md explains the numbers."""
