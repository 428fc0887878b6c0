//! Stream routes by client.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Client, Route};
use crate::tls::Name;
use crate::tree::Tree;

/// All stream routes that take clients. Cloning it is cheap.
#[derive(Debug, Clone, Default)]
pub struct Table {
    exact: Tree<Vec<Arc<Route>>>,
    /// By the suffix read backwards.
    suffixes: Tree<Vec<Arc<Route>>>,
    /// Those without a name, by port.
    others: Arc<BTreeMap<Option<u16>, Vec<Arc<Route>>>>,
}

// === impl Table ===

impl Table {
    /// The route for a client. One for its name goes before one for all, an exact name before a wildcard, a longer
    /// wildcard before a shorter one; of those that are left the one whose id is first.
    #[must_use]
    pub fn find(&self, client: &Client) -> Option<&Arc<Route>> {
        client.name().and_then(|name| self.find_named(name, client)).or_else(|| self.find_other(client))
    }

    fn find_named(&self, name: &str, client: &Client) -> Option<&Arc<Route>> {
        let fits = |route: &&Arc<Route>| route.admits(client);
        let exact = self.exact.get(name.as_bytes());
        if let Some(found) = exact.into_iter().flatten().find(fits) {
            return Some(found);
        }
        let mut suffixes = self.suffixes.prefixes(&backwards(name));
        while let Some(routes) = suffixes.pop() {
            if let Some(found) = routes.iter().find(fits) {
                return Some(found);
            }
        }
        None
    }

    fn find_other(&self, client: &Client) -> Option<&Arc<Route>> {
        let first = |port| self.others.get(&port)?.iter().find(|route| route.admits(client));
        match (first(Some(client.local.port())), first(None)) {
            (Some(one), Some(other)) => Some(if one.id < other.id { one } else { other }),
            (one, other) => one.or(other),
        }
    }

    /// Takes a route in.
    pub fn insert(&mut self, route: &Arc<Route>) {
        self.update(route, |routes| {
            let at = routes.partition_point(|other| other.id < route.id);
            routes.insert(at, route.clone());
        });
    }

    /// Takes it out.
    pub fn remove(&mut self, route: &Arc<Route>) {
        self.update(route, |routes| routes.retain(|other| other.id != route.id));
    }

    fn update(&mut self, route: &Route, change: impl FnOnce(&mut Vec<Arc<Route>>)) {
        match &route.name {
            Some(Name::Exact(name)) => self.exact.update(name.as_bytes(), |slot| in_slot(slot, change)),
            Some(Name::Suffix(suffix)) => {
                self.suffixes.update(&backwards(suffix), |slot| in_slot(slot, change));
            }
            Some(Name::Any) => self.suffixes.update(b"", |slot| in_slot(slot, change)),
            None => {
                let others = Arc::make_mut(&mut self.others);
                let routes = others.entry(route.port).or_default();
                change(routes);
                if routes.is_empty() {
                    others.remove(&route.port);
                }
            }
        }
    }
}

/// A place without routes is no place.
fn in_slot(slot: &mut Option<Vec<Arc<Route>>>, change: impl FnOnce(&mut Vec<Arc<Route>>)) {
    let mut routes = slot.take().unwrap_or_default();
    change(&mut routes);
    *slot = Some(routes).filter(|routes| !routes.is_empty());
}

fn backwards(text: &str) -> Vec<u8> {
    text.bytes().rev().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::compile::tests::{put, snapshot};
    use crate::layer4::Transport;
    use crate::tls::{Session, Verified};

    fn client(remote: &str, local: &str, name: Option<&str>) -> Client {
        let mut client = Client::new(remote.parse().unwrap(), local.parse().unwrap(), Transport::Tcp);
        client.tls = name.map(|name| {
            Box::new(Session {
                name: Some(name.into()),
                ssl: None,
                version: None,
                suite: None,
                resumed: false,
                alpn: None,
                verified: Verified::None,
                client: None,
            })
        });
        client
    }

    #[test]
    fn routes_are_found_by_name_address_and_port() {
        let route = |id: &str, mut conditions: Value| {
            conditions["upstream"] = json!({"nodes": {"127.0.0.1:1": 1}});
            put("stream_routes", id, 1, &conditions)
        };
        let snapshot = snapshot(vec![
            route("exact", json!({"sni": "a.b.com"})),
            route("exact-10", json!({"sni": "a.b.com", "remote_addr": "10.0.0.0/8"})),
            route("wild", json!({"sni": "*.b.com", "server_port": 9100})),
            route("wilder", json!({"sni": "*.com"})),
            route("port", json!({"server_port": 9101})),
            route("remote", json!({"remote_addr": "192.0.2.7", "server_port": 9102})),
            route("server", json!({"server_addr": "127.0.0.2"})),
            route("z-any-10", json!({"remote_addr": "10.0.0.0/8"})),
        ]);
        let cases = [
            ("10.1.1.1:1", "127.0.0.1:9100", Some("a.b.com"), Some("exact")),
            ("10.1.1.1:1", "127.0.0.1:9100", Some("x.b.com"), Some("wild")),
            ("10.1.1.1:1", "127.0.0.1:9100", Some("x.y.b.com"), Some("wild")),
            ("10.1.1.1:1", "127.0.0.1:9999", Some("x.b.com"), Some("wilder")),
            ("1.1.1.1:1", "127.0.0.1:9999", Some("x.org"), None),
            ("10.1.1.1:1", "127.0.0.1:9999", Some("x.org"), Some("z-any-10")),
            ("1.1.1.1:1", "127.0.0.1:9101", None, Some("port")),
            ("10.1.1.1:1", "127.0.0.1:9101", None, Some("port")),
            ("10.1.1.1:1", "127.0.0.2:9101", None, Some("port")),
            ("192.0.2.7:1", "127.0.0.1:9102", None, Some("remote")),
            ("[::ffff:192.0.2.7]:1", "[::ffff:127.0.0.1]:9102", None, Some("remote")),
            ("192.0.2.8:1", "127.0.0.1:9102", None, None),
            ("1.1.1.1:1", "127.0.0.2:1", None, Some("server")),
        ];
        for (remote, local, name, expected) in cases {
            let found = snapshot.streams.find(&client(remote, local, name)).map(|route| &*route.id);
            assert_eq!(found, expected, "{remote} {local} {name:?}");
        }
    }

    #[test]
    fn changes_are_followed() {
        let mut compiler = crate::compile::Compiler::new("/apisix/");
        let route = |port: u16| {
            put("stream_routes", "1", 1, &json!({"server_port": port, "upstream": {"nodes": {"127.0.0.1:1": 1}}}))
        };
        let on = |port: u16| client("1.1.1.1:1", &format!("127.0.0.1:{port}"), None);
        let first = compiler.apply([route(9100)], 1);
        let second = compiler.apply([route(9101)], 2);
        let third = compiler.apply([crate::compile::Change::Delete("stream_routes/1".into())], 3);
        assert!(first.streams.find(&on(9100)).is_some() && first.streams.find(&on(9101)).is_none());
        assert!(second.streams.find(&on(9100)).is_none() && second.streams.find(&on(9101)).is_some());
        assert!(third.streams.find(&on(9101)).is_none());
    }
}
