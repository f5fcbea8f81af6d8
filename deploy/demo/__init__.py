"""A made-up shop whose visitors' actions go to a running stack, so that there is something to look at."""
