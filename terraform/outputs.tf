output "container_definitions" {
  description = "For container_definitions of aws_ecs_task_definition"
  value       = data.external.instrument.result.container_definitions
}

output "pid_mode" {
  description = "For pid_mode of aws_ecs_task_definition: task, or null if nothing is instrumented"
  value       = data.external.instrument.result.pid_mode == "" ? null : data.external.instrument.result.pid_mode
}
