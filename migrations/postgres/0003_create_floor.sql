-- How far back the state can be told: payloads of events before it may have been pruned. And the one way to delete a payload.

-- One row. States at this revision and after it are exact.
CREATE TABLE log_floor (
    one      smallint PRIMARY KEY CHECK (one = 1),
    revision bigint NOT NULL
);
INSERT INTO log_floor (one, revision) VALUES (1, 1);

-- Deletes the contexts and the changes of events, for the event that accounts for it: `audit.prune` on revisions FIRST..LAST, or
-- `audit.erase` on an actor. Refuses what that event does not cover, what a legal hold covers, and changes that the state at
-- p_floor or after it is told from. False when a hold was set or released that the caller does not know. The head's lock keeps new
-- ones away until the end.
CREATE FUNCTION log_remove(p_event bigint, p_holds bigint, p_contexts bigint[], p_changes bigint[], p_floor bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    deed events%ROWTYPE;
    first bigint := 1;
    last bigint;
BEGIN
    PERFORM FROM log_head FOR UPDATE;
    SELECT * INTO deed FROM events WHERE revision = p_event AND outcome = 'success';
    IF deed.action = 'audit.prune' AND deed.resource_kind = 'revisions' THEN
        first := split_part(deed.resource_id, '..', 1)::bigint;
        -- A range of one revision is written as that one.
        last := least(coalesce(nullif(split_part(deed.resource_id, '..', 2), ''), deed.resource_id)::bigint, p_event - 1);
        IF p_floor > last + 1 THEN
            RAISE EXCEPTION 'event % prunes up to %, not to %', p_event, last, p_floor - 1 USING ERRCODE = '42501';
        END IF;
    ELSIF deed.action = 'audit.erase' AND deed.resource_kind = 'actor' THEN
        last := p_event - 1;
        IF cardinality(p_changes) > 0 OR p_floor > 0 THEN
            RAISE EXCEPTION 'event % erases contexts alone', p_event USING ERRCODE = '42501';
        END IF;
    ELSE
        RAISE EXCEPTION 'no event accounts for this' USING ERRCODE = '42501';
    END IF;
    IF EXISTS (
        SELECT FROM events e WHERE (e.revision = ANY (p_contexts) OR e.revision = ANY (p_changes))
        AND (e.revision < first OR e.revision > last OR (deed.action = 'audit.erase' AND e.actor_id <> deed.resource_id))
    ) THEN
        RAISE EXCEPTION 'event % does not cover this', p_event USING ERRCODE = '42501';
    END IF;
    IF p_holds <> (
        SELECT coalesce(max(revision), 0) FROM events WHERE action IN ('audit.hold', 'audit.release') AND outcome = 'success'
    ) THEN
        RETURN false;
    END IF;
    IF EXISTS (
        SELECT FROM events h JOIN events e ON e.revision = h.revision
            OR (h.resource_kind = 'actor' AND e.actor_id = h.resource_id)
            OR (h.resource_kind = 'gateway_group' AND e.gateway_group = h.resource_id)
            OR (h.resource_kind = 'revisions'
                AND e.revision >= split_part(h.resource_id, '..', 1)::bigint
                AND e.revision <= coalesce(nullif(split_part(h.resource_id, '..', 2), ''), h.resource_id)::bigint)
            OR (h.resource_kind NOT IN ('actor', 'gateway_group', 'revisions')
                AND e.resource_kind = h.resource_kind AND e.resource_id = h.resource_id
                AND (h.gateway_group IS NULL OR h.gateway_group = e.gateway_group))
        WHERE h.action = 'audit.hold' AND h.outcome = 'success'
        AND (e.revision = ANY (p_contexts) OR e.revision = ANY (p_changes))
        -- In force when the deed was recorded, or now.
        AND NOT EXISTS (SELECT FROM events r WHERE r.action = 'audit.release' AND r.outcome = 'success'
            AND r.causation_revision = h.revision AND (r.revision < p_event OR h.revision > p_event))
    ) THEN
        RAISE EXCEPTION 'a legal hold covers this' USING ERRCODE = '42501';
    END IF;
    -- The last change of a key up to the floor stays, unless it is a deletion that nothing older would come back from.
    IF EXISTS (
        SELECT FROM changes c WHERE c.revision = ANY (p_changes)
        AND NOT EXISTS (SELECT FROM changes n WHERE n.key = c.key AND n.revision > c.revision AND n.revision <= p_floor)
        AND (c.version > 0 OR EXISTS (
            SELECT FROM changes o WHERE o.key = c.key AND o.revision < c.revision AND NOT o.revision = ANY (p_changes)))
    ) THEN
        RAISE EXCEPTION 'the state after the floor needs this' USING ERRCODE = '42501';
    END IF;
    DELETE FROM contexts WHERE revision = ANY (p_contexts);
    DELETE FROM change_salts WHERE revision = ANY (p_changes);
    DELETE FROM changes WHERE revision = ANY (p_changes);
    UPDATE log_floor SET revision = greatest(revision, p_floor);
    UPDATE log_head SET compact_revision = greatest(compact_revision, p_floor);
    RETURN true;
END $$;

-- Payloads are never rewritten, and deleted by whoever owns the function above and nobody else: an owner of the tables is refused.
CREATE FUNCTION refuse_payload_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_user = (SELECT pg_get_userbyid(proowner) FROM pg_proc
        WHERE proname = 'log_remove' AND pronamespace = (SELECT relnamespace FROM pg_class WHERE oid = TG_RELID)) THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'append-only: % on % refused', TG_OP, TG_TABLE_NAME USING ERRCODE = '42501';
END $$;
CREATE TRIGGER contexts_no_change BEFORE UPDATE OR DELETE ON contexts FOR EACH ROW EXECUTE FUNCTION refuse_payload_change();
CREATE TRIGGER contexts_no_truncate BEFORE TRUNCATE ON contexts FOR EACH STATEMENT EXECUTE FUNCTION refuse_payload_change();
CREATE TRIGGER changes_no_change BEFORE UPDATE OR DELETE ON changes FOR EACH ROW EXECUTE FUNCTION refuse_payload_change();
CREATE TRIGGER changes_no_truncate BEFORE TRUNCATE ON changes FOR EACH STATEMENT EXECUTE FUNCTION refuse_payload_change();
CREATE TRIGGER change_salts_no_change BEFORE UPDATE OR DELETE ON change_salts FOR EACH ROW EXECUTE FUNCTION refuse_payload_change();
CREATE TRIGGER change_salts_no_truncate BEFORE TRUNCATE ON change_salts FOR EACH STATEMENT EXECUTE FUNCTION refuse_payload_change();
ALTER TABLE contexts ENABLE ALWAYS TRIGGER contexts_no_change;
ALTER TABLE contexts ENABLE ALWAYS TRIGGER contexts_no_truncate;
ALTER TABLE changes ENABLE ALWAYS TRIGGER changes_no_change;
ALTER TABLE changes ENABLE ALWAYS TRIGGER changes_no_truncate;
ALTER TABLE change_salts ENABLE ALWAYS TRIGGER change_salts_no_change;
ALTER TABLE change_salts ENABLE ALWAYS TRIGGER change_salts_no_truncate;
