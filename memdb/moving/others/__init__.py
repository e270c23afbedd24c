"""Files of other systems that keep memories, each as its documentation has it."""
