//! Process life: configuration, supervision, shutdown, clock, logs, TLS identities, servers.
