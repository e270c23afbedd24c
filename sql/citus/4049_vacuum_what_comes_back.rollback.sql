vacuum (analyze) memories;
