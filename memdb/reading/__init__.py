"""Files of embeddings, read for whoever needs them: as memories to be loaded, or as questions to be asked."""
