-- Signed tree heads (C2SP checkpoints), and how far each place outside the database has taken them.

-- One row per checkpoint, never changed. `note` is the signed note with origin, size and root; `root` repeats it as bytes.
CREATE TABLE checkpoints (
    size bigint PRIMARY KEY CHECK (size > 0),  -- number of leaves = last revision covered
    root bytea NOT NULL CHECK (octet_length(root) = 32),
    note text NOT NULL,
    at   bigint NOT NULL                       -- when it was signed; microseconds since 1970 UTC
);
CREATE TRIGGER checkpoints_no_change BEFORE UPDATE OR DELETE ON checkpoints FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER checkpoints_no_truncate BEFORE TRUNCATE ON checkpoints FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE checkpoints ENABLE ALWAYS TRIGGER checkpoints_no_change;
ALTER TABLE checkpoints ENABLE ALWAYS TRIGGER checkpoints_no_truncate;

-- Where each sink of checkpoints stands, so that what it missed is sent when it is back.
CREATE TABLE checkpoint_sinks (
    name text PRIMARY KEY,
    size bigint NOT NULL  -- of the last checkpoint it has taken
);

-- Keeps a checkpoint; false when there is one of that size. Like log_append, for a role without rights on the tables.
CREATE FUNCTION log_checkpoint(p_size bigint, p_root bytea, p_note text, p_at bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO checkpoints (size, root, note, at) VALUES (p_size, p_root, p_note, p_at) ON CONFLICT DO NOTHING;
    RETURN FOUND;
END $$;

-- Says how far a sink has come; never backwards.
CREATE FUNCTION log_sink_advance(p_name text, p_size bigint) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path FROM CURRENT AS $$
    INSERT INTO checkpoint_sinks (name, size) VALUES (p_name, p_size)
    ON CONFLICT (name) DO UPDATE SET size = greatest(checkpoint_sinks.size, excluded.size)
$$;
