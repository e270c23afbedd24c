"""What is applied where: files, history, what differs between them, the plan for a request, and the status."""
