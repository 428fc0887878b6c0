-- How far back the state can be told: payloads of events before it may have been pruned.

-- One row. States at this revision and after it are exact.
CREATE TABLE log_floor (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    revision INTEGER NOT NULL
) STRICT;
INSERT INTO log_floor (one, revision) VALUES (1, 1);
