variable "container_definitions" {
  description = "The container definitions in JSON, as aws_ecs_task_definition takes them"
  type        = string
}

variable "task_definition" {
  description = "More of the task definition, with the names of the ECS API: requiresCompatibilities, networkMode, cpu, memory, executionRoleArn. Without any, the task counts as one for Fargate, and sizes are not checked"
  type        = any
  default     = {}
}

variable "collector" {
  description = "The setting Collector: Sysdig's collector, or the code of a region, such as us2"
  type        = string
}

variable "access_key_secret" {
  description = "The setting AccessKeySecret: the ARN of the secret with Sysdig's access key"
  type        = string
}

variable "settings" {
  description = "More settings by name, such as { Priority = \"security\" }"
  type        = map(string)
  default     = {}
}

variable "arguments" {
  description = "More arguments of the tool, such as [\"--region\", \"eu-west-1\"] or [\"--images\", \"images.json\"]"
  type        = list(string)
  default     = []
}

variable "command" {
  description = "The command line tool, which must be installed where Terraform plans"
  type        = string
  default     = "sysdig-instrument"
}
