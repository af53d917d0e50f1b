"""EventBridge Scheduler: schedules that really start executions."""
