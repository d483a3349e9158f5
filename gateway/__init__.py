"""Desk Gateway: the integration gateway between an organisation's help desks."""
