"""Whether a database really has the schema: snapshot, comparison, and how to mend what differs."""
