"""Topics, queues and log groups."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from workbench.aws.cloudformation.kinds.kind import Clients, Given, Kind, Made, absent

TOPIC = ("DisplayName", "KmsMasterKeyId")
QUEUE = frozenset(
    "DelaySeconds KmsMasterKeyId KmsDataKeyReusePeriodSeconds MaximumMessageSize "
    "MessageRetentionPeriod ReceiveMessageWaitTimeSeconds VisibilityTimeout "
    "SqsManagedSseEnabled RedrivePolicy".split()
)


def _topic(clients: Clients, given: Given) -> Made:
    client, arn = clients["sns"], given.physical
    if not arn:
        wanted = clients.arn("sns", given.name)
        absent(client.get_topic_attributes, given.name, TopicArn=wanted)
        arn = client.create_topic(Name=given.name)["TopicArn"]
    for name in TOPIC:
        if given.properties.get(name, "") != given.before.get(name, ""):
            value = str(given.properties.get(name, ""))
            client.set_topic_attributes(TopicArn=arn, AttributeName=name, AttributeValue=value)
    for each in given.properties.get("Subscription", ()):
        if each not in given.before.get("Subscription", ()):
            client.subscribe(TopicArn=arn, Protocol=each["Protocol"], Endpoint=each["Endpoint"])
    return Made(arn, {"TopicArn": arn, "TopicName": arn.rpartition(":")[2]})


def _delete_topic(clients: Clients, arn: str, _: Mapping[str, Any]) -> None:
    clients["sns"].delete_topic(TopicArn=arn)


def _topic_policy(clients: Clients, given: Given) -> Made:
    policy = json.dumps(given.properties["PolicyDocument"])
    for arn in given.properties["Topics"]:
        clients["sns"].set_topic_attributes(
            TopicArn=arn, AttributeName="Policy", AttributeValue=policy
        )
    return Made(given.physical or given.logical, {"Id": given.physical or given.logical})


def _nothing(clients: Clients, physical: str, _: Mapping[str, Any]) -> None:
    """It goes with what it belongs to."""


def _subscription(clients: Clients, given: Given) -> Made:
    made = clients["sns"].subscribe(
        TopicArn=given.properties["TopicArn"],
        Protocol=given.properties["Protocol"],
        Endpoint=given.properties["Endpoint"],
        ReturnSubscriptionArn=True,
    )
    return Made(made["SubscriptionArn"], {"Arn": made["SubscriptionArn"]})


def _unsubscribe(clients: Clients, arn: str, _: Mapping[str, Any]) -> None:
    clients["sns"].unsubscribe(SubscriptionArn=arn)


def _queue(clients: Clients, given: Given) -> Made:
    client = clients["sqs"]
    wanted = {
        name: json.dumps(value) if isinstance(value, dict | bool) else str(value)
        for name, value in given.properties.items()
        if name in QUEUE
    }
    if given.physical:
        url = given.physical
        client.set_queue_attributes(QueueUrl=url, Attributes=wanted)
    else:
        absent(client.get_queue_url, given.name, QueueName=given.name)
        url = client.create_queue(QueueName=given.name, Attributes=wanted)["QueueUrl"]
    name = url.rpartition("/")[2]
    return Made(url, {"Arn": clients.arn("sqs", name), "QueueName": name, "QueueUrl": url})


def _delete_queue(clients: Clients, url: str, _: Mapping[str, Any]) -> None:
    clients["sqs"].delete_queue(QueueUrl=url)


def _queue_policy(clients: Clients, given: Given) -> Made:
    policy = json.dumps(given.properties["PolicyDocument"])
    for url in given.properties["Queues"]:
        clients["sqs"].set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    return Made(given.physical or given.logical, {"Id": given.physical or given.logical})


def _group(clients: Clients, given: Given) -> Made:
    client, name = clients["logs"], given.physical or given.name
    if not given.physical:
        client.create_log_group(logGroupName=name)
    days = given.properties.get("RetentionInDays")
    if days:
        client.put_retention_policy(logGroupName=name, retentionInDays=int(days))
    elif given.before.get("RetentionInDays"):
        client.delete_retention_policy(logGroupName=name)
    return Made(name, {"Arn": clients.arn("logs", f"log-group:{name}:*")})


def _delete_group(clients: Clients, name: str, _: Mapping[str, Any]) -> None:
    clients["logs"].delete_log_group(logGroupName=name)


KINDS = {
    "AWS::SNS::Topic": Kind(
        _topic, _topic, _delete_topic, frozenset([*TOPIC, "Subscription"]), "TopicName", 256
    ),
    "AWS::SNS::TopicPolicy": Kind(
        _topic_policy, _topic_policy, _nothing, frozenset(["PolicyDocument", "Topics"])
    ),
    "AWS::SNS::Subscription": Kind(
        _subscription, _subscription, _unsubscribe, frozenset(["TopicArn", "Protocol", "Endpoint"])
    ),
    "AWS::SQS::Queue": Kind(_queue, _queue, _delete_queue, QUEUE, "QueueName", 80),
    "AWS::SQS::QueuePolicy": Kind(
        _queue_policy, _queue_policy, _nothing, frozenset(["PolicyDocument", "Queues"])
    ),
    "AWS::Logs::LogGroup": Kind(
        _group, _group, _delete_group, frozenset(["RetentionInDays"]), "LogGroupName", 512
    ),
}
