-- protection_facts
SELECT format('trigger %s on %s enabled=%s function=%s owner=%s', t.tgname, c.relname, t.tgenabled, p.proname, p.proowner::regrole)
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
WHERE NOT t.tgisinternal AND c.relnamespace = current_schema::regnamespace
UNION ALL
SELECT format('event trigger %s on %s enabled=%s function=%s owner=%s', e.evtname, e.evtevent, e.evtenabled, p.proname, p.proowner::regrole)
FROM pg_event_trigger e JOIN pg_proc p ON p.oid = e.evtfoid WHERE e.evtname LIKE 'portolan%'
UNION ALL
SELECT format('function %s owner=%s definer=%s source=%s', p.proname, p.proowner::regrole, p.prosecdef, md5(p.prosrc))
FROM pg_proc p WHERE p.pronamespace = current_schema::regnamespace
  AND p.proname IN ('log_lock', 'log_append', 'log_fold', 'fold_first', 'log_compact', 'log_checkpoint', 'log_sink_advance', 'log_tree', 'refuse_change', 'refuse_ddl', 'log_remove', 'refuse_payload_change')
UNION ALL
SELECT format('constraint %s on %s: %s', t.conname, c.relname, replace(pg_get_constraintdef(t.oid), '\000', '\x00'))
FROM pg_constraint t JOIN pg_class c ON c.oid = t.conrelid
WHERE t.connamespace = current_schema::regnamespace AND t.contype IN ('c', 'f') AND c.relname <> '_sqlx_migrations'
UNION ALL
SELECT format('rule %s on %s', r.rulename, c.relname)
FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class WHERE c.relnamespace = current_schema::regnamespace AND c.relkind = 'r'
UNION ALL
SELECT format('table %s owner=%s', c.relname, c.relowner::regrole)
FROM pg_class c WHERE c.relnamespace = current_schema::regnamespace AND c.relkind = 'r' AND c.relname <> '_sqlx_migrations'
UNION ALL
SELECT format('role %s login=%s superuser=%s members=%s', r.rolname, r.rolcanlogin, r.rolsuper,
  (SELECT count(*) FROM pg_auth_members m WHERE m.roleid = r.oid))
FROM pg_roles r WHERE r.rolname IN ('portolan_owner', 'portolan_guard', 'portolan_keeper', 'portolan_writer')
UNION ALL
SELECT format('application may %s %s', p, c.relname)
FROM pg_class c, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER']) AS p
WHERE c.relnamespace = current_schema::regnamespace AND c.relkind = 'r' AND has_table_privilege(current_user, c.oid, p)
