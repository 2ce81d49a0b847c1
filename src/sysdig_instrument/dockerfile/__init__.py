"""The ENTRYPOINT and CMD of the image that a Dockerfile builds, read from its text, and the base image for the rest."""
