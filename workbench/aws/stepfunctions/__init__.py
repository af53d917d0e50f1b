"""Step Functions: LocalStack's interpreter of the Amazon States Language, as a library."""

from workbench.aws.stepfunctions import embed as embed  # before anything of localstack
