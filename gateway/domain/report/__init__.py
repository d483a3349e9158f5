"""Reports on clocks: pure arithmetic over what the logs of tickets tell. Lengths are whole seconds."""
