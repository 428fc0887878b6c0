-- Takes the log out of the reach of those who run it. Run as superuser after the migrations, in one transaction, any number of times;
-- the application's login stands in the setting portolan.app_role.
--
--   portolan_owner   owns the tables, cannot log in
--   portolan_guard   owns the functions that refuse, cannot log in: who owns a table does not own its triggers' code
--   portolan_keeper  owns the function that deletes payloads, cannot log in; alone has the right to, and only for an event that says so
--   portolan_writer  owns the functions that append, cannot log in; alone has rights to insert
--   the application  may read, and call the functions
DO $$
DECLARE
    app text := current_setting('portolan.app_role');
    item text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('portolan protect'));
    -- The lock is this database's, roles belong to the whole server: another database of it may be protected at this moment.
    FOREACH item IN ARRAY ARRAY['portolan_owner', 'portolan_guard', 'portolan_keeper', 'portolan_writer'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = item) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', item);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL;  -- made meanwhile
            END;
        END IF;
    END LOOP;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = app) THEN
        RAISE EXCEPTION 'there is no role %: make it first, CREATE ROLE … LOGIN PASSWORD …', app;
    END IF;
    IF (SELECT rolsuper FROM pg_roles WHERE rolname = app) THEN
        RAISE EXCEPTION 'role % is a superuser: nothing can be kept from it; name an ordinary login', app;
    END IF;

    EXECUTE format('GRANT USAGE ON SCHEMA %I TO portolan_owner, portolan_keeper, portolan_writer, %I', current_schema, app);
    FOREACH item IN ARRAY ARRAY['events', 'contexts', 'changes', 'change_salts', 'keys', 'keys_mark', 'log_head', 'leases', 'secrets', 'requests', 'checkpoints',
        'checkpoint_sinks', 'log_floor', 'tree_blocks'] LOOP
        EXECUTE format('ALTER TABLE %I OWNER TO portolan_owner', item);
        EXECUTE format('REVOKE ALL ON %I FROM PUBLIC, portolan_keeper, portolan_writer, %I', item, app);
        EXECUTE format('GRANT SELECT ON %I TO portolan_writer, %I', item, app);
    END LOOP;
    GRANT INSERT ON events, contexts, changes, change_salts, keys, secrets, requests, checkpoints, checkpoint_sinks, tree_blocks TO portolan_writer;
    GRANT UPDATE ON log_head, keys, keys_mark, secrets, checkpoint_sinks, tree_blocks TO portolan_writer;
    GRANT DELETE ON keys, secrets, leases TO portolan_writer;
    GRANT SELECT ON events, contexts, changes, change_salts, log_head, log_floor TO portolan_keeper;
    GRANT DELETE ON contexts, changes, change_salts TO portolan_keeper;
    GRANT UPDATE ON log_head, log_floor TO portolan_keeper;
    EXECUTE format('GRANT INSERT, UPDATE ON leases TO %I', app);
    EXECUTE format('GRANT DELETE ON requests TO %I', app);
    EXECUTE format('GRANT SELECT ON _sqlx_migrations TO %I', app);

    ALTER FUNCTION refuse_change() OWNER TO portolan_guard;
    ALTER FUNCTION refuse_payload_change() OWNER TO portolan_guard;
    ALTER FUNCTION log_remove(bigint, bigint, bigint[], bigint[], bigint) OWNER TO portolan_keeper;
    REVOKE ALL ON FUNCTION log_remove(bigint, bigint, bigint[], bigint[], bigint) FROM PUBLIC;
    EXECUTE format('GRANT EXECUTE ON FUNCTION log_remove(bigint, bigint, bigint[], bigint[], bigint) TO %I', app);
    FOR item IN SELECT oid::regprocedure::text FROM pg_proc
        WHERE pronamespace = current_schema::regnamespace AND proname IN ('log_lock', 'log_append', 'log_fold', 'fold_first', 'log_compact', 'log_checkpoint', 'log_sink_advance', 'log_tree') LOOP
        EXECUTE format('ALTER FUNCTION %s OWNER TO portolan_writer', item);
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', item);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', item, app);
    END LOOP;
END $$;

-- Who can act as one of these roles and is no superuser changes no definition in this database: not a trigger, not a grant, not a
-- function. (A superuser can; the signed checkpoints are what finds that out.)
CREATE OR REPLACE FUNCTION refuse_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AND (
        pg_has_role(current_user, 'portolan_owner', 'MEMBER') OR pg_has_role(current_user, 'portolan_guard', 'MEMBER')
        OR pg_has_role(current_user, 'portolan_writer', 'MEMBER') OR pg_has_role(current_user, 'portolan_keeper', 'MEMBER')
    ) THEN
        RAISE EXCEPTION 'append-only: % refused', tg_tag USING ERRCODE = '42501';
    END IF;
END $$;
ALTER FUNCTION refuse_ddl() OWNER TO portolan_guard;
DROP EVENT TRIGGER IF EXISTS portolan_refuse_ddl;
CREATE EVENT TRIGGER portolan_refuse_ddl ON ddl_command_start EXECUTE FUNCTION refuse_ddl();
ALTER EVENT TRIGGER portolan_refuse_ddl ENABLE ALWAYS;
