-- The inner nodes of the log's tree, so that a start need not read every leaf hash again.

-- Roots of the perfect subtrees of 256 leaves, from the left. Believed only where they lead to a signed root; made from the leaf
-- hashes, and again when they don't.
CREATE TABLE tree_blocks (
    block bigint PRIMARY KEY CHECK (block >= 0),  -- leaves block * 256 to block * 256 + 255
    root  bytea NOT NULL CHECK (octet_length(root) = 32)
);

-- Keeps roots from a block on. Like log_append, for a role without rights on the tables.
CREATE FUNCTION log_tree(p_first bigint, p_roots bytea[]) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
    INSERT INTO tree_blocks (block, root)
    SELECT p_first + number - 1, root FROM unnest(p_roots) WITH ORDINALITY AS kept (root, number)
    ON CONFLICT (block) DO UPDATE SET root = excluded.root
$$;
