-- The inner nodes of the log's tree, so that a start need not read every leaf hash again.

-- Roots of the perfect subtrees of 256 leaves, from the left. Believed only where they lead to a signed root; made from the leaf
-- hashes, and again when they don't.
CREATE TABLE tree_blocks (
    block INTEGER PRIMARY KEY CHECK (block >= 0),  -- leaves block * 256 to block * 256 + 255
    root  BLOB    NOT NULL CHECK (length(root) = 32)
) STRICT;
