-- The event log and its projections. Times are microseconds since 1970 UTC. Rows of `events` are never changed.
--
-- MySQL and MariaDB commit each of these statements by itself, so every one can run again after a crash half-way. Names are quoted as
-- in standard SQL (sql_mode ANSI_QUOTES). Texts are utf8mb4_bin: they compare by their code points. TEXT, because no length may make
-- an event unwritable: an entry of 65,535 bytes holds them all.

-- One row per revision. `entry` is the canonical audit entry (RFC 8785 JSON); `leaf_hash` its RFC 6962 leaf hash.
CREATE TABLE IF NOT EXISTS events (
    revision           bigint PRIMARY KEY CHECK (revision > 0),
    event_id           char(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL UNIQUE,
    recorded_at        bigint NOT NULL,
    action             text NOT NULL,
    outcome            varchar(16) NOT NULL CHECK (outcome IN ('success', 'refused', 'denied', 'failed')),
    actor_id           text NOT NULL,
    actor_kind         varchar(32) NOT NULL,
    gateway_group      text,
    resource_kind      text,
    resource_id        text,
    request_id         char(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    causation_revision bigint,
    entry              blob NOT NULL,  -- at most 65,535 bytes
    leaf_hash          binary(32) NOT NULL,
    CONSTRAINT events_leaf_hash CHECK (leaf_hash = unhex(sha2(concat(x'00', entry), 256))),
    INDEX events_by_actor (actor_id(128), revision),
    INDEX events_by_resource (resource_kind(64), resource_id(128), revision),
    INDEX events_by_action (action(64), revision)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- TRUNCATE fires no trigger; the foreign keys below refuse it.
DROP TRIGGER IF EXISTS events_no_update;
CREATE TRIGGER events_no_update BEFORE UPDATE ON events FOR EACH ROW
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'append-only: UPDATE on events refused';
DROP TRIGGER IF EXISTS events_no_delete;
CREATE TRIGGER events_no_delete BEFORE DELETE ON events FOR EACH ROW
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'append-only: DELETE on events refused';

-- One row per key change: the multi-version history and the before/after of the audit record in one. An index takes 3,072 bytes:
-- 3,064 for the key and 8 for the revision.
CREATE TABLE IF NOT EXISTS changes (
    revision        bigint NOT NULL,
    ordinal         bigint NOT NULL,
    "key"           varbinary(3064) NOT NULL,
    value           longblob,         -- NULL = the key was deleted
    create_revision bigint NOT NULL,  -- 0 for a deletion
    version         bigint NOT NULL,  -- 0 for a deletion
    prev_revision   bigint NOT NULL,  -- revision of the value that this one replaced; 0 = the key did not exist
    lease_id        bigint NOT NULL,
    PRIMARY KEY (revision, ordinal),
    INDEX changes_by_key ("key", revision),
    CONSTRAINT changes_of_event FOREIGN KEY (revision) REFERENCES events (revision)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Salt of the commitment to an event's changes; deleted together with them when they are pruned.
CREATE TABLE IF NOT EXISTS change_salts (
    revision bigint PRIMARY KEY,
    salt     binary(32) NOT NULL,
    CONSTRAINT change_salts_of_event FOREIGN KEY (revision) REFERENCES events (revision)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- What is personal or free text. A row can be erased; the entry's commitment stays and the proof still verifies.
CREATE TABLE IF NOT EXISTS contexts (
    revision bigint PRIMARY KEY,
    salt     binary(32) NOT NULL,
    body     longblob NOT NULL,
    CONSTRAINT contexts_of_event FOREIGN KEY (revision) REFERENCES events (revision)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- The current key space: a projection of `changes`, written in the same transaction.
CREATE TABLE IF NOT EXISTS "keys" (
    "key"           varbinary(3064) PRIMARY KEY,
    value           longblob NOT NULL,
    create_revision bigint NOT NULL,
    mod_revision    bigint NOT NULL,
    version         bigint NOT NULL,
    lease_id        bigint NOT NULL
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- One row: where the log stands. A writer moves it in the transaction that inserts the events.
CREATE TABLE IF NOT EXISTS log_head (
    one              tinyint PRIMARY KEY CHECK (one = 1),
    epoch            char(36) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,  -- made once; another epoch is another log
    revision         bigint NOT NULL,
    recorded_at      bigint NOT NULL,
    tree_frontier    varbinary(2048) NOT NULL,  -- right edge of the Merkle tree; its size is the revision
    compact_revision bigint NOT NULL
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- etcd leases. Granting and renewing one takes no revision (as in etcd); its expiry is an event.
CREATE TABLE IF NOT EXISTS leases (
    id          bigint PRIMARY KEY,
    ttl_seconds bigint NOT NULL,
    expires_at  bigint NOT NULL,
    owner       varchar(512)  -- the identity that alone may use it; NULL = everybody who may write
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Password hashes, token hashes and sealed private keys: the only content that is not in the log. The name is binary because
-- utf8mb4_bin takes trailing spaces for nothing.
CREATE TABLE IF NOT EXISTS secrets (
    name     varbinary(3072) PRIMARY KEY,
    value    longblob NOT NULL,
    revision bigint NOT NULL  -- the event that wrote it
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Answers that can be replayed: the first event of an idempotency key. Kept for a week. `id` is SHA-256 over actor and key, which
-- together may be longer than an index takes.
CREATE TABLE IF NOT EXISTS requests (
    id              binary(32) PRIMARY KEY,
    actor_id        longtext NOT NULL,
    idempotency_key longtext NOT NULL,
    body_hash       binary(32) NOT NULL,
    revision        bigint NOT NULL,
    recorded_at     bigint NOT NULL,
    INDEX requests_by_age (recorded_at)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
