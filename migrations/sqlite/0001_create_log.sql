-- The event log and its projections. Times are microseconds since 1970 UTC. Rows of `events` are never changed.

-- One row per revision. `entry` is the canonical audit entry (RFC 8785 JSON); `leaf_hash` its RFC 6962 leaf hash.
CREATE TABLE events (
    revision           INTEGER PRIMARY KEY CHECK (revision > 0),
    event_id           TEXT    NOT NULL UNIQUE,
    recorded_at        INTEGER NOT NULL,
    action             TEXT    NOT NULL,
    outcome            TEXT    NOT NULL CHECK (outcome IN ('success', 'refused', 'denied', 'failed')),
    actor_id           TEXT    NOT NULL,
    actor_kind         TEXT    NOT NULL,
    gateway_group      TEXT,
    resource_kind      TEXT,
    resource_id        TEXT,
    request_id         TEXT    NOT NULL,
    causation_revision INTEGER,
    entry              BLOB    NOT NULL CHECK (length(entry) <= 65535),
    leaf_hash          BLOB    NOT NULL CHECK (length(leaf_hash) = 32)
) STRICT;
CREATE INDEX events_by_actor ON events (actor_id, revision);
CREATE INDEX events_by_resource ON events (resource_kind, resource_id, revision);
CREATE INDEX events_by_action ON events (action, revision);
CREATE TRIGGER events_no_update BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'append-only: events'); END;
CREATE TRIGGER events_no_delete BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'append-only: events'); END;

-- One row per key change: the multi-version history and the before/after of the audit record in one.
CREATE TABLE changes (
    revision        INTEGER NOT NULL REFERENCES events (revision),
    ordinal         INTEGER NOT NULL,
    key             BLOB    NOT NULL,
    value           BLOB,              -- NULL = the key was deleted
    create_revision INTEGER NOT NULL,  -- 0 for a deletion
    version         INTEGER NOT NULL,  -- 0 for a deletion
    prev_revision   INTEGER NOT NULL,  -- revision of the value that this one replaced; 0 = the key did not exist
    lease_id        INTEGER NOT NULL,
    PRIMARY KEY (revision, ordinal)
) STRICT;
CREATE INDEX changes_by_key ON changes (key, revision);

-- Salt of the commitment to an event's changes; deleted together with them when they are pruned.
CREATE TABLE change_salts (
    revision INTEGER PRIMARY KEY REFERENCES events (revision),
    salt     BLOB    NOT NULL CHECK (length(salt) = 32)
) STRICT;

-- What is personal or free text. A row can be erased; the entry's commitment stays and the proof still verifies.
CREATE TABLE contexts (
    revision INTEGER PRIMARY KEY REFERENCES events (revision),
    salt     BLOB    NOT NULL CHECK (length(salt) = 32),
    body     BLOB    NOT NULL
) STRICT;

-- The current key space: a projection of `changes`, written in the same transaction.
CREATE TABLE keys (
    key             BLOB    PRIMARY KEY,
    value           BLOB    NOT NULL,
    create_revision INTEGER NOT NULL,
    mod_revision    INTEGER NOT NULL,
    version         INTEGER NOT NULL,
    lease_id        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One row: where the log stands. A writer moves it in the transaction that inserts the events.
CREATE TABLE log_head (
    one              INTEGER PRIMARY KEY CHECK (one = 1),
    epoch            TEXT    NOT NULL,  -- made once; another epoch is another log
    revision         INTEGER NOT NULL,
    recorded_at      INTEGER NOT NULL,
    tree_frontier    BLOB    NOT NULL,  -- right edge of the Merkle tree; its size is the revision
    compact_revision INTEGER NOT NULL
) STRICT;

-- etcd leases. Granting and renewing one takes no revision (as in etcd); its expiry is an event.
CREATE TABLE leases (
    id          INTEGER PRIMARY KEY,
    ttl_seconds INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    owner       TEXT  -- the identity that alone may use it; NULL = everybody who may write
) STRICT;

-- Password hashes, token hashes and sealed private keys: the only content that is not in the log.
CREATE TABLE secrets (
    name     TEXT    PRIMARY KEY,
    value    BLOB    NOT NULL,
    revision INTEGER NOT NULL  -- the event that wrote it
) STRICT;

-- Answers that can be replayed: the first event of an idempotency key. Kept for a week.
CREATE TABLE requests (
    actor_id        TEXT    NOT NULL,
    idempotency_key TEXT    NOT NULL,
    body_hash       BLOB    NOT NULL CHECK (length(body_hash) = 32),
    revision        INTEGER NOT NULL,
    recorded_at     INTEGER NOT NULL,
    PRIMARY KEY (actor_id, idempotency_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX requests_by_age ON requests (recorded_at);
