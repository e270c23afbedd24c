drop table memory_recall_weights;
