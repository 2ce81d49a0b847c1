#!/usr/bin/env bash
# Plan, and apply only if each task definition is protected: check.sh [arguments of sysdig-instrument check …]
set -euo pipefail

plan=$(mktemp)
trap 'rm -f "$plan" "$plan.json"' EXIT

terraform plan -input=false -out="$plan"
terraform show -json "$plan" > "$plan.json"
sysdig-instrument check "$plan.json" "$@"
terraform apply -input=false "$plan"
