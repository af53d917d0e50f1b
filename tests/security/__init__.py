"""What an auditor would look at: the template, its policies, and what scanners say."""
