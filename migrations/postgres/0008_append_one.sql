-- A batch of one event costs less.

-- Beside the one for any batch: one event that changes one key, which is what a lone writer appends. Its columns need not be read, copied and
-- unnested as arrays, and its rows are inserted by one statement. Refuses what that one refuses.
CREATE FUNCTION log_append(
    p_epoch text, p_before bytea, p_frontier bytea, p_notify boolean,
    e_revision bigint, e_event_id text, e_recorded_at bigint, e_action text, e_outcome text, e_actor_id text, e_actor_kind text,
    e_gateway_group text, e_resource_kind text, e_resource_id text, e_request_id text, e_causation_revision bigint, e_entry bytea,
    e_leaf_hash bytea, x_salt bytea, x_body bytea,
    c_key bytea, c_value bytea, c_create_revision bigint, c_version bigint, c_prev_revision bigint, c_lease_id bigint, c_salt bytea
) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE log_head SET revision = e_revision, recorded_at = e_recorded_at, tree_frontier = p_frontier
    WHERE epoch = p_epoch AND revision = e_revision - 1 AND tree_frontier = p_before AND recorded_at < e_recorded_at;
    IF NOT FOUND THEN
        -- It waits for the batch before this one, if that is on its way, or says why it can't be.
        PERFORM log_append(
            p_epoch, p_before, p_frontier, p_notify,
            ARRAY[e_revision], ARRAY[e_event_id], ARRAY[e_recorded_at], ARRAY[e_action], ARRAY[e_outcome], ARRAY[e_actor_id],
            ARRAY[e_actor_kind], ARRAY[e_gateway_group], ARRAY[e_resource_kind], ARRAY[e_resource_id], ARRAY[e_request_id],
            ARRAY[e_causation_revision], ARRAY[e_entry], ARRAY[e_leaf_hash],
            ARRAY[x_salt], ARRAY[x_body],
            ARRAY[e_revision], ARRAY[0::bigint], ARRAY[c_key], ARRAY[c_value], ARRAY[c_create_revision], ARRAY[c_version],
            ARRAY[c_prev_revision], ARRAY[c_lease_id], ARRAY[c_salt],
            '{}'::text[], '{}'::bytea[], '{}'::bigint[],
            '{}'::text[], '{}'::text[], '{}'::bytea[], '{}'::bigint[], '{}'::bigint[],
            '{}'::bigint[]
        );
        RETURN;
    END IF;
    -- One statement instead of three, each of which would be prepared, locked and closed.
    WITH event AS (
        INSERT INTO events (revision, event_id, recorded_at, action, outcome, actor_id, actor_kind, gateway_group, resource_kind,
            resource_id, request_id, causation_revision, entry, leaf_hash)
        VALUES (e_revision, e_event_id, e_recorded_at, e_action, e_outcome, e_actor_id, e_actor_kind, e_gateway_group, e_resource_kind,
            e_resource_id, e_request_id, e_causation_revision, e_entry, e_leaf_hash)
    ), context AS (
        INSERT INTO contexts (revision, salt, body) VALUES (e_revision, x_salt, x_body)
    )
    INSERT INTO changes (revision, ordinal, key, value, create_revision, version, prev_revision, lease_id, salt)
    VALUES (e_revision, 0, c_key, c_value, c_create_revision, c_version, c_prev_revision, c_lease_id, c_salt);
    IF p_notify THEN
        PERFORM pg_notify('portolan_log', '');
    END IF;
END $$;
