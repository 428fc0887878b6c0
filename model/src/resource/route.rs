//! Routes.

use serde::Deserialize;
use serde_json::Value;

use super::{Labels, Plugins, Upstream};
use crate::{Id, lenient};

/// Which requests are taken, and what happens to them.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Route {
    /// Its id; the key of the key space names it too.
    pub id: Option<Id>,
    /// A name for people.
    pub name: Option<String>,
    /// Labels.
    #[serde(deserialize_with = "lenient::object")]
    pub labels: Labels,
    /// The path it takes; see [`Route::paths`].
    pub uri: Option<String>,
    /// The paths it takes; see [`Route::paths`].
    #[serde(deserialize_with = "lenient::list")]
    pub uris: Vec<String>,
    /// The host it takes; see [`Route::all_hosts`].
    pub host: Option<String>,
    /// The hosts it takes; see [`Route::all_hosts`].
    #[serde(deserialize_with = "lenient::list")]
    pub hosts: Vec<String>,
    /// The client address it takes; see [`Route::all_remote_addrs`].
    pub remote_addr: Option<String>,
    /// The client addresses it takes; see [`Route::all_remote_addrs`].
    #[serde(deserialize_with = "lenient::list")]
    pub remote_addrs: Vec<String>,
    /// The methods it takes; empty = all.
    #[serde(deserialize_with = "lenient::list")]
    pub methods: Vec<String>,
    /// Among routes that take the same request, the highest wins.
    #[serde(deserialize_with = "lenient::integer")]
    pub priority: i64,
    /// An expression over the request, for [`crate::vars::Expr::parse`]; empty = always true.
    #[serde(deserialize_with = "lenient::list")]
    pub vars: Vec<Value>,
    /// Its plugins.
    #[serde(deserialize_with = "lenient::object")]
    pub plugins: Plugins,
    /// Plugins shared with other routes.
    pub plugin_config_id: Option<Id>,
    /// Where requests go; goes before `upstream_id` and the service's.
    pub upstream: Option<Upstream>,
    /// Where requests go.
    pub upstream_id: Option<Id>,
    /// What it shares with other routes.
    pub service_id: Option<Id>,
    /// Its own timeouts; they go before the upstream's.
    pub timeout: Option<Timeout>,
    /// Whether requests may become WebSockets; goes before the service's.
    pub enable_websocket: Option<bool>,
    /// 1 = takes requests, 0 = doesn't; see [`Route::is_enabled`].
    #[serde(deserialize_with = "lenient::integer_option")]
    pub status: Option<u8>,
}

/// Timeouts in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub struct Timeout {
    /// For the connection.
    pub connect: f64,
    /// Between two writes.
    pub send: f64,
    /// Between two reads.
    pub read: f64,
}

// === impl Route ===

impl Route {
    /// The paths it takes.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.uri.iter().chain(&self.uris).map(String::as_str)
    }

    /// The hosts it takes; none = those of its service, or all.
    pub fn all_hosts(&self) -> impl Iterator<Item = &str> {
        self.host.iter().chain(&self.hosts).map(String::as_str)
    }

    /// The client addresses and networks it takes; none = all.
    pub fn all_remote_addrs(&self) -> impl Iterator<Item = &str> {
        self.remote_addr.iter().chain(&self.remote_addrs).map(String::as_str)
    }

    /// Whether it takes requests at all.
    pub fn is_enabled(&self) -> bool {
        self.status != Some(0)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_what_it_uses_and_ignores_the_rest() {
        let route: Route = serde_json::from_value(json!({
            "id": 1, "uris": ["/a", "/b"], "host": "x.com", "methods": {}, "plugins": [], "priority": 3.0, "status": 0,
            "upstream": {"nodes": {"127.0.0.1:80": 1}}, "service_id": "s", "timeout": {"connect": 1, "send": 2, "read": 0.5},
            "create_time": 1, "desc": "of no use here"
        }))
        .unwrap();
        assert_eq!(route.id.as_ref().map(Id::as_str), Some("1"));
        assert_eq!(route.paths().collect::<Vec<_>>(), ["/a", "/b"]);
        assert_eq!(route.all_hosts().collect::<Vec<_>>(), ["x.com"]);
        assert_eq!((route.priority, route.is_enabled(), route.methods.len()), (3, false, 0));
        assert_eq!(route.timeout, Some(Timeout { connect: 1.0, send: 2.0, read: 0.5 }));
        assert_eq!(route.upstream.unwrap().nodes.unwrap().0.len(), 1);
        assert!(Route::default().is_enabled());
    }

    #[test]
    fn a_priority_beyond_all_integers_is_the_highest() {
        // The schema takes it, as that of APISIX does, whose numbers are doubles.
        for (priority, read) in
            [(json!(1e26), i64::MAX), (json!(-1e26), i64::MIN), (json!(1e18), 1_000_000_000_000_000_000)]
        {
            let document = json!({"uri": "/a", "priority": priority, "plugins": {}});
            crate::check::check(crate::Kind::Route, Some("1"), &document).unwrap();
            assert_eq!(serde_json::from_value::<Route>(document).unwrap().priority, read);
        }
    }

    #[test]
    fn types_are_strict() {
        for wrong in [json!({"uri": 1}), json!({"hosts": "a"}), json!({"priority": "1"}), json!({"plugins": [1]})] {
            assert!(serde_json::from_value::<Route>(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
