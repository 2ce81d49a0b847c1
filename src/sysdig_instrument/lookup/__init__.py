"""Lookups: what a plan needs from outside, which is image configs, SSM parameters and CloudFormation exports.

``session`` is the way in: it is cheap to import, and imports the rest when something is looked up. ``answers`` answers
all lookups of a plan in parallel, with the threads of ``workers`` and under one deadline. ``images`` reads image
configs: ``reference`` parses references, ``oci`` parses and verifies manifests, ``distribution`` reads from any OCI
registry and ``ecr`` from Amazon ECR's own API. ``auth`` authenticates at registries, with logins from ``secrets`` and
``docker_config``. ``http`` sends the requests over ``connections``; ``egress`` decides where they may go, and ``proxy``
is the way out of a company's network. ``aws`` makes the AWS clients, and ``aws_values`` reads parameters and exports.
"""
