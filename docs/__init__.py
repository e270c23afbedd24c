"""What generates the parts of the documentation that must not drift from the program."""
