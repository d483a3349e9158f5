"""The pure core: values and arithmetic of tickets, links, updates and events. No I/O, no time, no environment."""
