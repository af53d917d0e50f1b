"""What the local AWS answers: an allow-list. Everything else is refused by name."""

from __future__ import annotations

# X-Amz-Target prefix of the services that speak JSON.
TARGETS = {
    "AWSGlue": "glue",
    "RedshiftData": "redshift-data",
    "DynamoDB_20120810": "dynamodb",
    "secretsmanager": "secretsmanager",
    "Logs_20140328": "logs",
    "AWSStepFunctions": "stepfunctions",
    "AmazonSQS": "sqs",
    "TrentService": "kms",
}

# Executed by services of our own.
OWN: dict[str, frozenset[str]] = {
    "cloudformation": frozenset(
        "CreateChangeSet DescribeChangeSet ListChangeSets ExecuteChangeSet DeleteChangeSet "
        "DescribeStacks ListStacks DescribeStackEvents DescribeStackResources "
        "DescribeStackResource ListStackResources GetTemplate ValidateTemplate "
        "DeleteStack".split()
    ),
    "glue": frozenset(
        "CreateSession GetSession ListSessions StopSession DeleteSession RunStatement GetStatement "
        "ListStatements CancelStatement GetTags TagResource UntagResource CreateJob UpdateJob "
        "DeleteJob GetJob GetJobs StartJobRun GetJobRun GetJobRuns BatchStopJobRun".split()
    ),
    "redshift-data": frozenset(
        "ExecuteStatement BatchExecuteStatement DescribeStatement GetStatementResult "
        "GetStatementResultV2 CancelStatement ListStatements ListDatabases ListSchemas ListTables "
        "DescribeTable".split()
    ),
    "stepfunctions": frozenset(
        "CreateStateMachine UpdateStateMachine DeleteStateMachine DescribeStateMachine "
        "ListStateMachines TagResource UntagResource ListTagsForResource "
        "ValidateStateMachineDefinition TestState StartExecution StopExecution RedriveExecution "
        "DescribeExecution ListExecutions GetExecutionHistory DescribeStateMachineForExecution "
        "ListMapRuns DescribeMapRun SendTaskSuccess SendTaskFailure SendTaskHeartbeat".split()
    ),
}

# Executed by moto. What a write changes is journaled, so an operation that changes anything
# belongs into WRITES: one that is only in READS would be forgotten at the next start.
READS: dict[str, frozenset[str]] = {
    "dynamodb": frozenset(
        "GetItem BatchGetItem TransactGetItems Query Scan DescribeTable ListTables "
        "DescribeTimeToLive ListTagsOfResource DescribeEndpoints".split()
    ),
    "secretsmanager": frozenset(
        "GetSecretValue BatchGetSecretValue DescribeSecret ListSecrets ListSecretVersionIds "
        "GetRandomPassword".split()
    ),
    "logs": frozenset("DescribeLogGroups DescribeLogStreams GetLogEvents FilterLogEvents".split()),
    "iam": frozenset(
        "GetRole ListRoles GetRolePolicy ListRolePolicies ListAttachedRolePolicies GetPolicy "
        "GetPolicyVersion ListPolicyVersions".split()
    ),
    "kms": frozenset("DescribeKey GetKeyPolicy GetKeyRotationStatus ListAliases ListKeys".split()),
    "sns": frozenset(
        "GetTopicAttributes ListTopics ListSubscriptions ListSubscriptionsByTopic "
        "ListTagsForResource Publish".split()
    ),
    # Queues are kept, and no messages: a receipt could not be given again after a restart.
    "sqs": frozenset("GetQueueUrl GetQueueAttributes ListQueues".split()),
    "sts": frozenset(["GetCallerIdentity"]),
}
WRITES: dict[str, frozenset[str]] = {
    "dynamodb": frozenset(
        "CreateTable DeleteTable UpdateTable UpdateTimeToLive TagResource UntagResource PutItem "
        "UpdateItem DeleteItem BatchWriteItem TransactWriteItems".split()
    ),
    "secretsmanager": frozenset(
        "CreateSecret PutSecretValue UpdateSecret DeleteSecret RestoreSecret TagResource "
        "UntagResource UpdateSecretVersionStage".split()
    ),
    "logs": frozenset(
        "CreateLogGroup DeleteLogGroup CreateLogStream DeleteLogStream PutLogEvents "
        "PutRetentionPolicy DeleteRetentionPolicy".split()
    ),
    "iam": frozenset(
        "CreateRole DeleteRole UpdateAssumeRolePolicy PutRolePolicy DeleteRolePolicy "
        "AttachRolePolicy DetachRolePolicy CreatePolicy DeletePolicy CreatePolicyVersion "
        "DeletePolicyVersion".split()
    ),
    "kms": frozenset(
        "CreateKey PutKeyPolicy EnableKeyRotation ScheduleKeyDeletion CreateAlias UpdateAlias "
        "DeleteAlias".split()
    ),
    "sns": frozenset(
        "CreateTopic DeleteTopic SetTopicAttributes TagResource UntagResource Subscribe "
        "Unsubscribe".split()
    ),
    "sqs": frozenset("CreateQueue DeleteQueue SetQueueAttributes".split()),
    "sts": frozenset(),
}


def by_moto(service: str, operation: str) -> bool:
    return writes(service, operation) or operation in READS.get(service, ())


def writes(service: str, operation: str) -> bool:
    return operation in WRITES.get(service, ())
