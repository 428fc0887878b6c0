-- Only PostgreSQL's append has to be lightened. The step is here so that every database counts the same ones.
SELECT 1;
