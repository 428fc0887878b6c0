-- An append with less work.

-- The foreign keys looked for the event of each row, and wrote a lock into it: three look-ups and three WAL records an event, to refuse
-- what can't come about. Rows come from log_append alone, which writes their events with them, and events are never deleted.
ALTER TABLE changes DROP CONSTRAINT changes_revision_fkey;
ALTER TABLE change_salts DROP CONSTRAINT change_salts_revision_fkey;
ALTER TABLE contexts DROP CONSTRAINT contexts_revision_fkey;
-- Room for the next value of a key on its page, which spares the index a new entry.
ALTER TABLE keys SET (fillfactor = 75);

-- As before, but the head moves in the statement that looks where it is, and what is not there costs no statement.
CREATE OR REPLACE FUNCTION log_append(
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
    UPDATE log_head SET revision = e_revision[added], recorded_at = e_recorded_at[added], tree_frontier = p_frontier
    WHERE added > 0 AND epoch = p_epoch AND revision = e_revision[1] - 1 AND revision = e_revision[added] - added
        AND recorded_at < e_recorded_at[1];
    IF NOT FOUND THEN
        SELECT * INTO head FROM log_head FOR UPDATE;
        IF head.epoch <> p_epoch THEN
            RAISE EXCEPTION 'this is another log: epoch %', head.epoch USING ERRCODE = '55000';
        END IF;
        IF added > 0 AND (e_revision[1] <> head.revision + 1 OR e_revision[added] <> head.revision + added) THEN
            RAISE EXCEPTION 'the batch does not continue the log at %', head.revision USING ERRCODE = '40001';
        END IF;
        IF added > 0 THEN
            RAISE EXCEPTION 'time went back' USING ERRCODE = '22008';
        END IF;
    END IF;
    IF added > 0 THEN
        INSERT INTO events (revision, event_id, recorded_at, action, outcome, actor_id, actor_kind, gateway_group, resource_kind,
            resource_id, request_id, causation_revision, entry, leaf_hash)
        SELECT * FROM unnest(e_revision, e_event_id, e_recorded_at, e_action, e_outcome, e_actor_id, e_actor_kind,
            e_gateway_group, e_resource_kind, e_resource_id, e_request_id, e_causation_revision, e_entry, e_leaf_hash);
        INSERT INTO contexts (revision, salt, body) SELECT * FROM unnest(e_revision, x_salt, x_body);
    END IF;
    IF cardinality(r_key) > 0 THEN
        INSERT INTO requests (actor_id, idempotency_key, body_hash, revision, recorded_at)
        SELECT * FROM unnest(r_actor_id, r_key, r_body_hash, r_revision, r_recorded_at);
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
    PERFORM pg_notify('portolan_log', '');
END $$;
