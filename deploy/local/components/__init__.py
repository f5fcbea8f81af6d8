"""What the local stack fetches from package registries, verified against pins in this repository."""
