locals {
  container_definitions = jsonencode([
    { name = "web", image = "shop/web:1.4", entryPoint = ["gunicorn"], command = ["shop:app"] }
  ])
}

module "sysdig" {
  source                = "git::https://github.com/YOUR-ORGANISATION/sysdig-instrument.git//terraform?ref=COMMIT"
  container_definitions = local.container_definitions
  collector             = "us2"
  access_key_secret     = var.access_key_secret
}

resource "aws_ecs_task_definition" "shop" {
  family                   = "shop"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = "512"
  memory                   = "1024"
  execution_role_arn       = aws_iam_role.execution.arn
  container_definitions    = module.sysdig.container_definitions
  pid_mode                 = module.sysdig.pid_mode
}
