"""The part of AWS that a CloudFormation macro needs, emulated on this machine: no containers, no account, no network.

CloudFormation, S3, IAM and logs are LocalStack's, ECS is moto's, and the function runs under AWS's own Lambda runtime
emulator. A registry of container images runs beside them.
"""
