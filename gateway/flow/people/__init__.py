"""People: who asked, across desks; what a person says of two of them."""
