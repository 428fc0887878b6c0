-- An append that need not wait until the one before it is durable.

-- Nobody looks an event up by its id, and ids don't repeat: they were entered into an index for nothing.
ALTER TABLE events DROP CONSTRAINT events_event_id_key;

-- Beside the one of before, which control planes of the version before still call. A writer sends a batch while the one before it is
-- being written: then the head is not known from an answer, and its revision alone does not say that it is the one that the batch was
-- decided on, so p_before is the edge of the tree there. p_notify: whether somebody else listens. Columns are unnested side by side,
-- without a table of each.
CREATE FUNCTION log_append(
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
        INSERT INTO change_salts (revision, salt) SELECT unnest(salt_revision), unnest(salt);
        INSERT INTO changes (revision, ordinal, key, value, create_revision, version, prev_revision, lease_id)
        SELECT unnest(c_revision), unnest(c_ordinal), unnest(c_key), unnest(c_value), unnest(c_create_revision), unnest(c_version),
            unnest(c_prev_revision), unnest(c_lease_id);
        -- The projection: the last change of each key. Where no key comes twice, which the revisions that were replaced say, there is
        -- nothing to sort.
        IF array_position(c_value, NULL) IS NULL AND (SELECT max(prev) FROM unnest(c_prev_revision) AS prev) < e_revision[1] THEN
            INSERT INTO keys (key, value, create_revision, mod_revision, version, lease_id)
            SELECT unnest(c_key), unnest(c_value), unnest(c_create_revision), unnest(c_revision), unnest(c_version), unnest(c_lease_id)
            ON CONFLICT (key) DO UPDATE SET value = excluded.value, create_revision = excluded.create_revision,
                mod_revision = excluded.mod_revision, version = excluded.version, lease_id = excluded.lease_id;
        ELSE
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
