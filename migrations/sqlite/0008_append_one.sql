-- Only PostgreSQL appends by a function. The step is here so that every database counts the same ones.
SELECT 1;
