"""`python -m gateway.cli`, which is how `gateway up` starts its processes whatever the PATH holds."""

from gateway.cli import main

main()
