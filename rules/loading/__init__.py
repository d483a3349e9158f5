"""From files to compiled rules: sections are merged, checked and compiled here, each problem with its place."""
