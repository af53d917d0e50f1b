"""CloudFormation: a template's resources, made by the same API calls as on AWS."""
