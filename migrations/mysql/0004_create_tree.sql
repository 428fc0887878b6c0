-- The inner nodes of the log's tree, so that a start need not read every leaf hash again.

-- Roots of the perfect subtrees of 256 leaves, from the left. Believed only where they lead to a signed root; made from the leaf
-- hashes, and again when they don't.
CREATE TABLE IF NOT EXISTS tree_blocks (
    block bigint PRIMARY KEY CHECK (block >= 0),  -- leaves block * 256 to block * 256 + 255
    root  binary(32) NOT NULL
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
