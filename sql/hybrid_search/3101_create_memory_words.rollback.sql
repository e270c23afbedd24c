drop function memory_words(text);
