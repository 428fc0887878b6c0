//! The data plane: listeners, router, plugins, upstreams, configuration sync and snapshots.
