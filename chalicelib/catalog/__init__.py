"""What a package, a grid and a category are: their rendering, changes, reading and loading."""
