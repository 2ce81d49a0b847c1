locals {
  task = {
    family                  = "shop"
    requiresCompatibilities = ["FARGATE"]
    networkMode             = "awsvpc"
    cpu                     = "512"
    memory                  = "1024"
    executionRoleArn        = aws_iam_role.execution.arn
    containerDefinitions = [
      { name = "web", image = "shop/web:1.4", entryPoint = ["gunicorn"], command = ["shop:app"] }
    ]
  }
}

data "external" "sysdig" {
  program = ["python3", "${path.module}/instrument.py"]
  query = {
    task_definition = jsonencode(local.task)
    arguments       = jsonencode(["--set", "Collector=us2", "--set", "AccessKeySecret=${var.access_key_secret}"])
  }
}

resource "aws_ecs_task_definition" "shop" {
  family                   = local.task.family
  requires_compatibilities = local.task.requiresCompatibilities
  network_mode             = local.task.networkMode
  cpu                      = local.task.cpu
  memory                   = local.task.memory
  execution_role_arn       = local.task.executionRoleArn
  container_definitions    = data.external.sysdig.result.container_definitions
  pid_mode                 = data.external.sysdig.result.pid_mode
}
