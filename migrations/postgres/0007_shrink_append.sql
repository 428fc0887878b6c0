-- An append of three rows an event instead of five.

-- The salt of an event's changes stands with the first of them, with which it is deleted: no row of its own. Those of before stay in
-- `change_salts`.
ALTER TABLE changes ADD COLUMN salt bytea;

-- `keys` is brought up to date now and then instead of by each batch: a key that changed ten times meanwhile is written once. The key
-- space is `keys`, and over it the last changes of the keys that changed after the mark.
CREATE TABLE keys_mark (
    one      smallint PRIMARY KEY CHECK (one = 1),
    revision bigint NOT NULL
);
INSERT INTO keys_mark (one, revision) VALUES (1, coalesce((SELECT revision FROM log_head), 0));

-- Moves the mark to the head. Who comes second waits, and finds little to do.
CREATE FUNCTION log_fold() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    mark bigint;
    head bigint;
BEGIN
    IF NOT EXISTS (SELECT FROM keys_mark m, log_head h WHERE m.revision < h.revision) THEN
        RETURN;
    END IF;
    SELECT revision INTO mark FROM keys_mark FOR UPDATE;
    -- Read before the changes are: those up to it are there for the statements that follow.
    SELECT revision INTO head FROM log_head;
    WITH last AS (
        SELECT DISTINCT ON (key) key, value, create_revision, revision AS mod_revision, version, lease_id
        FROM changes WHERE revision > mark AND revision <= head ORDER BY key, revision DESC
    ), gone AS (
        DELETE FROM keys USING last WHERE keys.key = last.key AND last.value IS NULL
    )
    INSERT INTO keys (key, value, create_revision, mod_revision, version, lease_id)
    SELECT key, value, create_revision, mod_revision, version, lease_id FROM last WHERE value IS NOT NULL
    ON CONFLICT (key) DO UPDATE SET value = excluded.value, create_revision = excluded.create_revision,
        mod_revision = excluded.mod_revision, version = excluded.version, lease_id = excluded.lease_id;
    UPDATE keys_mark SET revision = head;
END $$;

-- A deletion that is pruned before `keys` has heard of it would let its key come back.
CREATE FUNCTION fold_first() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM log_fold();
    RETURN NULL;
END $$;
CREATE TRIGGER changes_fold_first BEFORE DELETE ON changes FOR EACH STATEMENT EXECUTE FUNCTION fold_first();
ALTER TABLE changes ENABLE ALWAYS TRIGGER changes_fold_first;

-- The text of a check is read anew by each statement, which for one event costs more than to insert it. The check of the leaf hash stays.
-- What the others refused does not come about: rows come from log_append alone, which numbers the revisions itself, and an outcome or a size
-- that its caller must not write is in the proven entry as well.
ALTER TABLE events DROP CONSTRAINT events_revision_check, DROP CONSTRAINT events_outcome_check, DROP CONSTRAINT events_entry_check;
ALTER TABLE contexts DROP CONSTRAINT contexts_salt_check;
ALTER TABLE log_head DROP CONSTRAINT log_head_one_check;

-- Their entries end with the revision: no two are alike, and a full page need not be searched for those that are.
ALTER INDEX events_by_actor SET (deduplicate_items = off);
ALTER INDEX events_by_action SET (deduplicate_items = off);
ALTER INDEX events_by_resource SET (deduplicate_items = off);
ALTER INDEX changes_by_key SET (deduplicate_items = off);

-- As before, without `change_salts` and `keys`.
CREATE FUNCTION log_append(
    p_epoch text, p_before bytea, p_frontier bytea, p_notify boolean,
    e_revision bigint[], e_event_id text[], e_recorded_at bigint[], e_action text[], e_outcome text[], e_actor_id text[],
    e_actor_kind text[], e_gateway_group text[], e_resource_kind text[], e_resource_id text[], e_request_id text[],
    e_causation_revision bigint[], e_entry bytea[], e_leaf_hash bytea[],
    x_salt bytea[], x_body bytea[],
    c_revision bigint[], c_ordinal bigint[], c_key bytea[], c_value bytea[], c_create_revision bigint[], c_version bigint[],
    c_prev_revision bigint[], c_lease_id bigint[], c_salt bytea[],
    s_name text[], s_value bytea[], s_revision bigint[],
    r_actor_id text[], r_key text[], r_body_hash bytea[], r_revision bigint[], r_recorded_at bigint[],
    p_ended_leases bigint[]
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    head log_head%ROWTYPE;
    added bigint := cardinality(e_revision);
BEGIN
    UPDATE log_head SET revision = e_revision[added], recorded_at = e_recorded_at[added], tree_frontier = p_frontier
    WHERE added > 0 AND epoch = p_epoch AND revision = e_revision[1] - 1 AND revision = e_revision[added] - added
        AND tree_frontier = p_before AND recorded_at < e_recorded_at[1];
    IF NOT FOUND THEN
        -- Waits for the batch before this one, if it is on its way.
        SELECT * INTO head FROM log_head FOR UPDATE;
        IF head.epoch <> p_epoch THEN
            RAISE EXCEPTION 'this is another log: epoch %', head.epoch USING ERRCODE = '55000';
        END IF;
        IF added > 0 THEN
            IF e_revision[1] <> head.revision + 1 OR e_revision[added] <> head.revision + added OR head.tree_frontier <> p_before THEN
                RAISE EXCEPTION 'the batch does not continue the log at %', head.revision USING ERRCODE = '40001';
            END IF;
            IF e_recorded_at[1] <= head.recorded_at THEN
                RAISE EXCEPTION 'time went back' USING ERRCODE = '22008';
            END IF;
            UPDATE log_head SET revision = e_revision[added], recorded_at = e_recorded_at[added], tree_frontier = p_frontier;
        END IF;
    END IF;
    IF added > 0 THEN
        INSERT INTO events (revision, event_id, recorded_at, action, outcome, actor_id, actor_kind, gateway_group, resource_kind,
            resource_id, request_id, causation_revision, entry, leaf_hash)
        SELECT unnest(e_revision), unnest(e_event_id), unnest(e_recorded_at), unnest(e_action), unnest(e_outcome), unnest(e_actor_id),
            unnest(e_actor_kind), unnest(e_gateway_group), unnest(e_resource_kind), unnest(e_resource_id), unnest(e_request_id),
            unnest(e_causation_revision), unnest(e_entry), unnest(e_leaf_hash);
        INSERT INTO contexts (revision, salt, body) SELECT unnest(e_revision), unnest(x_salt), unnest(x_body);
    END IF;
    IF cardinality(r_key) > 0 THEN
        INSERT INTO requests (actor_id, idempotency_key, body_hash, revision, recorded_at)
        SELECT * FROM unnest(r_actor_id, r_key, r_body_hash, r_revision, r_recorded_at);
    END IF;
    IF cardinality(c_revision) > 0 THEN
        INSERT INTO changes (revision, ordinal, key, value, create_revision, version, prev_revision, lease_id, salt)
        SELECT unnest(c_revision), unnest(c_ordinal), unnest(c_key), unnest(c_value), unnest(c_create_revision), unnest(c_version),
            unnest(c_prev_revision), unnest(c_lease_id), unnest(c_salt);
    END IF;
    IF cardinality(s_name) > 0 THEN
        DELETE FROM secrets USING unnest(s_name, s_value) AS gone (name, value)
        WHERE secrets.name = gone.name AND gone.value IS NULL;
        INSERT INTO secrets (name, value, revision)
        SELECT * FROM unnest(s_name, s_value, s_revision) AS put (name, value, revision) WHERE put.value IS NOT NULL
        ON CONFLICT (name) DO UPDATE SET value = excluded.value, revision = excluded.revision;
    END IF;
    IF cardinality(p_ended_leases) > 0 THEN
        DELETE FROM leases WHERE id = ANY (p_ended_leases);
    END IF;
    IF p_notify THEN
        PERFORM pg_notify('portolan_log', '');
    END IF;
END $$;

-- The one of before, for control planes of the version before; and the one before that is called by nobody.
CREATE OR REPLACE FUNCTION log_append(
    p_epoch text, p_before bytea, p_frontier bytea, p_notify boolean,
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
BEGIN
    PERFORM log_append(
        p_epoch, p_before, p_frontier, p_notify,
        e_revision, e_event_id, e_recorded_at, e_action, e_outcome, e_actor_id,
        e_actor_kind, e_gateway_group, e_resource_kind, e_resource_id, e_request_id,
        e_causation_revision, e_entry, e_leaf_hash,
        x_salt, x_body,
        c_revision, c_ordinal, c_key, c_value, c_create_revision, c_version,
        c_prev_revision, c_lease_id,
        ARRAY(SELECT CASE c_ordinal[i] WHEN 0 THEN salt[array_position(salt_revision, c_revision[i])] END
            FROM generate_subscripts(c_revision, 1) AS i ORDER BY i),
        s_name, s_value, s_revision,
        r_actor_id, r_key, r_body_hash, r_revision, r_recorded_at,
        p_ended_leases
    );
END $$;
DROP FUNCTION log_append(
    text, bytea, bigint[], text[], bigint[], text[], text[], text[], text[], text[], text[], text[], text[], bigint[], bytea[],
    bytea[], bytea[], bytea[], bigint[], bytea[], bigint[], bigint[], bytea[], bytea[], bigint[], bigint[], bigint[], bigint[],
    text[], bytea[], bigint[], text[], text[], bytea[], bigint[], bigint[], bigint[]
);
