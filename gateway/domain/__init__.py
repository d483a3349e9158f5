"""The pure core: values and arithmetic of tickets, links, updates and events. No I/O, no current time, no environment."""
