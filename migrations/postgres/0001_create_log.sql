-- The event log and its projections. Times are microseconds since 1970 UTC. Rows of `events` are never changed.

-- One row per revision. `entry` is the canonical audit entry (RFC 8785 JSON); `leaf_hash` its RFC 6962 leaf hash.
CREATE TABLE events (
    revision           bigint PRIMARY KEY CHECK (revision > 0),
    event_id           text    NOT NULL UNIQUE,
    recorded_at        bigint NOT NULL,
    action             text    NOT NULL,
    outcome            text    NOT NULL CHECK (outcome IN ('success', 'refused', 'denied', 'failed')),
    actor_id           text    NOT NULL,
    actor_kind         text    NOT NULL,
    gateway_group      text,
    resource_kind      text,
    resource_id        text,
    request_id         text    NOT NULL,
    causation_revision bigint,
    entry              bytea    NOT NULL CHECK (octet_length(entry) <= 65535),
    leaf_hash          bytea    NOT NULL CHECK (leaf_hash = sha256('\x00'::bytea || entry))
);
CREATE INDEX events_by_actor ON events (actor_id, revision);
CREATE INDEX events_by_resource ON events (resource_kind, resource_id, revision);
CREATE INDEX events_by_action ON events (action, revision);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'append-only: % on % refused', TG_OP, TG_TABLE_NAME USING ERRCODE = '42501';
END $$;
CREATE TRIGGER events_no_change BEFORE UPDATE OR DELETE ON events FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER events_no_truncate BEFORE TRUNCATE ON events FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE events ENABLE ALWAYS TRIGGER events_no_change;
ALTER TABLE events ENABLE ALWAYS TRIGGER events_no_truncate;

-- One row per key change: the multi-version history and the before/after of the audit record in one.
CREATE TABLE changes (
    revision        bigint NOT NULL REFERENCES events (revision),
    ordinal         bigint NOT NULL,
    key             bytea    NOT NULL,
    value           bytea,              -- NULL = the key was deleted
    create_revision bigint NOT NULL,  -- 0 for a deletion
    version         bigint NOT NULL,  -- 0 for a deletion
    prev_revision   bigint NOT NULL,  -- revision of the value that this one replaced; 0 = the key did not exist
    lease_id        bigint NOT NULL,
    PRIMARY KEY (revision, ordinal)
);
CREATE INDEX changes_by_key ON changes (key, revision);

-- Salt of the commitment to an event's changes; deleted together with them when they are pruned.
CREATE TABLE change_salts (
    revision bigint PRIMARY KEY REFERENCES events (revision),
    salt     bytea    NOT NULL CHECK (octet_length(salt) = 32)
);

-- What is personal or free text. A row can be erased; the entry's commitment stays and the proof still verifies.
CREATE TABLE contexts (
    revision bigint PRIMARY KEY REFERENCES events (revision),
    salt     bytea    NOT NULL CHECK (octet_length(salt) = 32),
    body     bytea    NOT NULL
);

-- The current key space: a projection of `changes`, written in the same transaction.
CREATE TABLE keys (
    key             bytea    PRIMARY KEY,
    value           bytea    NOT NULL,
    create_revision bigint NOT NULL,
    mod_revision    bigint NOT NULL,
    version         bigint NOT NULL,
    lease_id        bigint NOT NULL
);

-- One row: where the log stands. A writer moves it in the transaction that inserts the events.
CREATE TABLE log_head (
    one              smallint PRIMARY KEY CHECK (one = 1),
    epoch            text    NOT NULL,  -- made once; another epoch is another log
    revision         bigint NOT NULL,
    recorded_at      bigint NOT NULL,
    tree_frontier    bytea    NOT NULL,  -- right edge of the Merkle tree; its size is the revision
    compact_revision bigint NOT NULL
) WITH (fillfactor = 10);  -- one hot row: room for its new versions on the page

-- etcd leases. Granting and renewing one takes no revision (as in etcd); its expiry is an event.
CREATE TABLE leases (
    id          bigint PRIMARY KEY,
    ttl_seconds bigint NOT NULL,
    expires_at  bigint NOT NULL
);

-- Password hashes, token hashes and sealed private keys: the only content that is not in the log.
CREATE TABLE secrets (
    name     text    PRIMARY KEY,
    value    bytea    NOT NULL,
    revision bigint NOT NULL  -- the event that wrote it
);
