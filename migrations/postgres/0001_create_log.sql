-- The event log and its projections. Times are microseconds since 1970 UTC. Rows of `events` are never changed.

-- One row per revision. `entry` is the canonical audit entry (RFC 8785 JSON); `leaf_hash` its RFC 6962 leaf hash.
CREATE TABLE events (
    revision           bigint PRIMARY KEY CHECK (revision > 0),
    event_id           text NOT NULL UNIQUE,
    recorded_at        bigint NOT NULL,
    action             text NOT NULL,
    outcome            text NOT NULL CHECK (outcome IN ('success', 'refused', 'denied', 'failed')),
    actor_id           text NOT NULL,
    actor_kind         text NOT NULL,
    gateway_group      text,
    resource_kind      text,
    resource_id        text,
    request_id         text NOT NULL,
    causation_revision bigint,
    entry              bytea NOT NULL CHECK (octet_length(entry) <= 65535),
    leaf_hash          bytea NOT NULL CHECK (leaf_hash = sha256('\x00'::bytea || entry))
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
    key             bytea NOT NULL,
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
    salt     bytea NOT NULL CHECK (octet_length(salt) = 32)
);

-- What is personal or free text. A row can be erased; the entry's commitment stays and the proof still verifies.
CREATE TABLE contexts (
    revision bigint PRIMARY KEY REFERENCES events (revision),
    salt     bytea NOT NULL CHECK (octet_length(salt) = 32),
    body     bytea NOT NULL
);

-- The current key space: a projection of `changes`, written in the same transaction.
CREATE TABLE keys (
    key             bytea PRIMARY KEY,
    value           bytea NOT NULL,
    create_revision bigint NOT NULL,
    mod_revision    bigint NOT NULL,
    version         bigint NOT NULL,
    lease_id        bigint NOT NULL
);

-- One row: where the log stands. A writer moves it in the transaction that inserts the events.
CREATE TABLE log_head (
    one              smallint PRIMARY KEY CHECK (one = 1),
    epoch            text NOT NULL,  -- made once; another epoch is another log
    revision         bigint NOT NULL,
    recorded_at      bigint NOT NULL,
    tree_frontier    bytea NOT NULL,  -- right edge of the Merkle tree; its size is the revision
    compact_revision bigint NOT NULL
) WITH (fillfactor = 10);  -- one hot row: room for its new versions on the page

-- etcd leases. Granting and renewing one takes no revision (as in etcd); its expiry is an event.
CREATE TABLE leases (
    id          bigint PRIMARY KEY,
    ttl_seconds bigint NOT NULL,
    expires_at  bigint NOT NULL,
    owner       text  -- the identity that alone may use it; NULL = everybody who may write
);

-- Password hashes, token hashes and sealed private keys: the only content that is not in the log.
CREATE TABLE secrets (
    name     text PRIMARY KEY,
    value    bytea NOT NULL,
    revision bigint NOT NULL  -- the event that wrote it
);

-- Answers that can be replayed: the first event of an idempotency key. Kept for a week.
CREATE TABLE requests (
    actor_id        text NOT NULL,
    idempotency_key text NOT NULL,
    body_hash       bytea NOT NULL CHECK (octet_length(body_hash) = 32),
    revision        bigint NOT NULL,
    recorded_at     bigint NOT NULL,
    PRIMARY KEY (actor_id, idempotency_key)
);
CREATE INDEX requests_by_age ON requests (recorded_at);

-- The writer reaches the tables through the two functions below and nothing else, so that a role without rights on the tables can
-- append to the log and do nothing else to it (the roles are made by `portolan db protect`).

-- Locks the head row until the transaction ends: revision order is commit order.
CREATE FUNCTION log_lock() RETURNS TABLE (epoch text, revision bigint, recorded_at bigint, tree_frontier bytea, compact_revision bigint)
LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
    SELECT epoch, revision, recorded_at, tree_frontier, compact_revision FROM log_head FOR UPDATE
$$;

-- Appends a batch: `e_` are columns of events, `x_` of contexts, `c_` of changes, `s_` of secrets, `r_` of requests. Refuses what
-- is not the continuation of the head.
CREATE FUNCTION log_append(
    p_epoch text, p_frontier bytea,
    e_revision bigint[], e_event_id text[], e_recorded_at bigint[], e_action text[], e_outcome text[], e_actor_id text[],
    e_actor_kind text[], e_gateway_group text[], e_resource_kind text[], e_resource_id text[], e_request_id text[],
    e_causation_revision bigint[], e_entry bytea[], e_leaf_hash bytea[],
    x_salt bytea[], x_body bytea[], salt_revision bigint[], salt bytea[],
    c_revision bigint[], c_ordinal bigint[], c_key bytea[], c_value bytea[], c_create_revision bigint[], c_version bigint[],
    c_prev_revision bigint[], c_lease_id bigint[],
    s_name text[], s_value bytea[], s_revision bigint[],
    r_actor_id text[], r_key text[], r_body_hash bytea[], r_revision bigint[], r_recorded_at bigint[],
    p_ended_leases bigint[]
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    head log_head%ROWTYPE;
    added bigint := cardinality(e_revision);
BEGIN
    SELECT * INTO head FROM log_head FOR UPDATE;
    IF head.epoch <> p_epoch THEN
        RAISE EXCEPTION 'this is another log: epoch %', head.epoch USING ERRCODE = '55000';
    END IF;
    IF added > 0 THEN
        IF e_revision[1] <> head.revision + 1 OR e_revision[added] <> head.revision + added THEN
            RAISE EXCEPTION 'the batch does not continue the log at %', head.revision USING ERRCODE = '40001';
        END IF;
        IF e_recorded_at[1] <= head.recorded_at THEN
            RAISE EXCEPTION 'time went back' USING ERRCODE = '22008';
        END IF;
        INSERT INTO events (revision, event_id, recorded_at, action, outcome, actor_id, actor_kind, gateway_group, resource_kind,
            resource_id, request_id, causation_revision, entry, leaf_hash)
        SELECT * FROM unnest(e_revision, e_event_id, e_recorded_at, e_action, e_outcome, e_actor_id, e_actor_kind,
            e_gateway_group, e_resource_kind, e_resource_id, e_request_id, e_causation_revision, e_entry, e_leaf_hash);
        INSERT INTO contexts (revision, salt, body) SELECT * FROM unnest(e_revision, x_salt, x_body);
        INSERT INTO requests (actor_id, idempotency_key, body_hash, revision, recorded_at)
        SELECT * FROM unnest(r_actor_id, r_key, r_body_hash, r_revision, r_recorded_at);
        UPDATE log_head SET revision = e_revision[added], recorded_at = e_recorded_at[added], tree_frontier = p_frontier;
    END IF;
    IF cardinality(c_revision) > 0 THEN
        INSERT INTO change_salts (revision, salt) SELECT * FROM unnest(salt_revision, salt);
        INSERT INTO changes (revision, ordinal, key, value, create_revision, version, prev_revision, lease_id)
        SELECT * FROM unnest(c_revision, c_ordinal, c_key, c_value, c_create_revision, c_version, c_prev_revision, c_lease_id);
        -- The projection: the last change of each key.
        WITH last AS (
            SELECT DISTINCT ON (key) * FROM unnest(c_key, c_value, c_create_revision, c_revision, c_version, c_lease_id)
                AS change (key, value, create_revision, mod_revision, version, lease_id)
            ORDER BY key, mod_revision DESC
        ), gone AS (
            DELETE FROM keys USING last WHERE keys.key = last.key AND last.value IS NULL
        )
        INSERT INTO keys SELECT * FROM last WHERE value IS NOT NULL
        ON CONFLICT (key) DO UPDATE SET value = excluded.value, create_revision = excluded.create_revision,
            mod_revision = excluded.mod_revision, version = excluded.version, lease_id = excluded.lease_id;
    END IF;
    DELETE FROM secrets USING unnest(s_name, s_value) AS gone (name, value)
    WHERE secrets.name = gone.name AND gone.value IS NULL;
    INSERT INTO secrets (name, value, revision)
    SELECT * FROM unnest(s_name, s_value, s_revision) AS put (name, value, revision) WHERE put.value IS NOT NULL
    ON CONFLICT (name) DO UPDATE SET value = excluded.value, revision = excluded.revision;
    DELETE FROM leases WHERE id = ANY (p_ended_leases);
    PERFORM pg_notify('portolan_log', '');
END $$;

-- Raises the compaction mark; the log keeps everything.
CREATE FUNCTION log_compact(p_revision bigint) RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
    UPDATE log_head SET compact_revision = greatest(compact_revision, p_revision)
$$;
