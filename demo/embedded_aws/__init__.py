"""An AWS emulated on this machine, as far as a CloudFormation macro needs one: no containers, no account, no network.

LocalStack's CloudFormation, S3, IAM and logs; the function under AWS's own Lambda runtime emulator; ECS by moto.
Beside it, a registry of container images.
"""
