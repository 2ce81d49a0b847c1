#!/usr/bin/env bash
# Instrument and deploy a template without the macro: deploy.sh STACK TEMPLATE [arguments of sysdig-instrument …]
set -euo pipefail

stack=$1 template=$2
shift 2
processed=$(mktemp)
trap 'rm -f "$processed"' EXIT

sysdig-instrument transform "$template" --output "$processed" "$@"
aws cloudformation deploy --stack-name "$stack" --template-file "$processed" --capabilities CAPABILITY_IAM
