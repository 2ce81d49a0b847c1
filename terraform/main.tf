# The command line tool instruments the task definition while Terraform plans. If it refuses, the plan ends with its message.
data "external" "instrument" {
  program = ["python3", "${path.module}/instrument.py"]
  query = {
    command = var.command
    arguments = jsonencode(concat(
      ["--set", "Collector=${var.collector}", "--set", "AccessKeySecret=${var.access_key_secret}"],
      flatten([for name, value in var.settings : ["--set", "${name}=${value}"]]),
      var.arguments,
    ))
    task_definition = jsonencode(merge(var.task_definition, {
      containerDefinitions = jsondecode(var.container_definitions)
    }))
  }
}
