"""Connectors: one folder for each kind of desk, the SDK for their authors, and the registry that loads them."""
