-- Only PostgreSQL's append can be pipelined. The step is here so that every database counts the same ones.
SELECT 1;
