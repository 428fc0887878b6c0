-- Signed tree heads (C2SP checkpoints), and how far each place outside the database has taken them.

-- One row per checkpoint, never changed. `note` is the signed note with origin, size and root; `root` repeats it as bytes.
CREATE TABLE checkpoints (
    size INTEGER PRIMARY KEY CHECK (size > 0),  -- number of leaves = last revision covered
    root BLOB    NOT NULL CHECK (length(root) = 32),
    note TEXT    NOT NULL,
    at   INTEGER NOT NULL                       -- when it was signed; microseconds since 1970 UTC
) STRICT;
CREATE TRIGGER checkpoints_no_update BEFORE UPDATE ON checkpoints BEGIN SELECT RAISE(ABORT, 'append-only: checkpoints'); END;
CREATE TRIGGER checkpoints_no_delete BEFORE DELETE ON checkpoints BEGIN SELECT RAISE(ABORT, 'append-only: checkpoints'); END;

-- Where each sink of checkpoints stands, so that what it missed is sent when it is back.
CREATE TABLE checkpoint_sinks (
    name TEXT    PRIMARY KEY,
    size INTEGER NOT NULL  -- of the last checkpoint it has taken
) STRICT;
