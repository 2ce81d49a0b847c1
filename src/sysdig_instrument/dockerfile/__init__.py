"""What the image of a Dockerfile runs, read from its text alone: ENTRYPOINT, CMD, and which base image gives the rest."""
