#!/usr/bin/env python3
"""Terraform's external data source: reads a task definition, and prints the values for the resource.

Terraform writes a JSON object of strings to standard input, and reads one from standard output. If the exit code is not 0,
it shows what is on standard error.
"""

import json
import subprocess
import sys

query = json.load(sys.stdin)
options = ["--format", "json", "--no-config", *json.loads(query["arguments"])]
try:
    tool = [query["command"], "transform", "-", *options]
    done = subprocess.run(tool, input=query["task_definition"], stdout=subprocess.PIPE, text=True, check=False)
except OSError as error:
    sys.exit(f"{query['command']} cannot be run: {error.strerror}. Install sysdig-instrument where Terraform plans.")
if done.returncode:
    sys.exit(done.returncode)
task = json.loads(done.stdout)
json.dump(
    {"container_definitions": json.dumps(task["containerDefinitions"]), "pid_mode": task.get("pidMode", "")}, sys.stdout
)
