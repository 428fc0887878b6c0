-- Signed tree heads (C2SP checkpoints), and how far each place outside the database has taken them.

-- One row per checkpoint, never changed. `note` is the signed note with origin, size and root; `root` repeats it as bytes.
CREATE TABLE IF NOT EXISTS checkpoints (
    size bigint PRIMARY KEY CHECK (size > 0),  -- number of leaves = last revision covered
    root binary(32) NOT NULL,
    note text NOT NULL,
    at   bigint NOT NULL                       -- when it was signed; microseconds since 1970 UTC
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
DROP TRIGGER IF EXISTS checkpoints_no_update;
CREATE TRIGGER checkpoints_no_update BEFORE UPDATE ON checkpoints FOR EACH ROW
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'append-only: UPDATE on checkpoints refused';
DROP TRIGGER IF EXISTS checkpoints_no_delete;
CREATE TRIGGER checkpoints_no_delete BEFORE DELETE ON checkpoints FOR EACH ROW
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'append-only: DELETE on checkpoints refused';

-- Where each sink of checkpoints stands, so that what it missed is sent when it is back.
CREATE TABLE IF NOT EXISTS checkpoint_sinks (
    name varbinary(3072) PRIMARY KEY,
    size bigint NOT NULL  -- of the last checkpoint it has taken
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
