-- How far back the state can be told: payloads of events before it may have been pruned.

-- One row. States at this revision and after it are exact.
CREATE TABLE IF NOT EXISTS log_floor (
    one      tinyint PRIMARY KEY CHECK (one = 1),
    revision bigint NOT NULL
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
INSERT IGNORE INTO log_floor (one, revision) VALUES (1, 1);
