//! The nodes of an upstream.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::lenient;

/// One place where requests can go.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Node {
    /// A name or address, without brackets around IPv6.
    #[serde(deserialize_with = "host")]
    pub host: String,
    /// `None` = the usual port of the upstream's scheme.
    #[serde(default, deserialize_with = "lenient::integer_option")]
    pub port: Option<u16>,
    /// Its share of the requests; 0 = none.
    #[serde(deserialize_with = "lenient::integer")]
    pub weight: u32,
    /// Nodes of a lower priority serve only when all of a higher one are down.
    #[serde(default, deserialize_with = "lenient::integer")]
    pub priority: i32,
    /// What discovery says about it.
    #[serde(default, deserialize_with = "lenient::object")]
    pub metadata: Map<String, Value>,
}

/// All of them, in the order of the document.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Nodes(pub Vec<Node>);

/// Host and port of `host`, `host:port`, `[v6]`, `[v6]:port` or a bare IPv6 address. Brackets are taken off. A port that is
/// no number is none.
pub fn split_address(address: &str) -> (&str, Option<i64>) {
    if let Some(inner) = address.strip_prefix('[') {
        return match inner.split_once(']') {
            Some((host, "")) => (host, None),
            Some((host, rest)) => (host, rest.strip_prefix(':').and_then(port_number)),
            None => (address, None),
        };
    }
    match address.split_once(':') {
        // Two colons without brackets are an IPv6 address without a port.
        Some((host, port)) if !port.contains(':') => (host, port_number(port)),
        _ => (address, None),
    }
}

fn port_number(text: &str) -> Option<i64> {
    text.parse().ok()
}

fn host<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let mut host = String::deserialize(deserializer)?;
    if host.len() > 2 && host.starts_with('[') && host.ends_with(']') {
        host = host[1..host.len() - 1].to_owned();
    }
    Ok(host)
}

// === impl Nodes ===

impl Nodes {
    fn from_map(map: Map<String, Value>) -> Result<Self, String> {
        let node = |(address, weight): (String, Value)| {
            let Value::Number(weight) = weight else {
                return Err(format!("the weight of node {address:?} is no number"));
            };
            let (host, port) = split_address(&address);
            let port =
                port.map(u16::try_from).transpose().map_err(|_| format!("node {address:?} has no valid port"))?;
            let weight = lenient::integer(weight).map_err(|error: serde_json::Error| error.to_string())?;
            Ok(Node { host: host.to_owned(), port, weight, ..Node::default() })
        };
        map.into_iter().map(node).collect::<Result<_, _>>().map(Self)
    }
}

impl<'de> Deserialize<'de> for Nodes {
    /// Reads both forms: `{"host:port": weight}` and `[{"host", "port", "weight", …}]`.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Object(map) => Self::from_map(map).map_err(D::Error::custom),
            list => serde_json::from_value(list).map(Self).map_err(D::Error::custom),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn addresses() {
        for (address, host, port) in [
            ("a.com", "a.com", None),
            ("a.com:80", "a.com", Some(80)),
            ("127.0.0.1:65536", "127.0.0.1", Some(65536)),
            ("[::1]", "::1", None),
            ("[::1]:8080", "::1", Some(8080)),
            ("::1", "::1", None),
            ("2001:db8::68", "2001:db8::68", None),
            ("a:b", "a", None),
            ("[::1", "[::1", None),
            ("[::1]x", "::1", None),
            ("", "", None),
            (":80", "", Some(80)),
            ("a:", "a", None),
        ] {
            assert_eq!(split_address(address), (host, port), "{address}");
        }
    }

    #[test]
    fn both_forms() {
        let nodes = |document: Value| serde_json::from_value::<Nodes>(document).map(|nodes| nodes.0);
        let node = |host: &str, port, weight, priority| Node {
            host: host.to_owned(),
            port,
            weight,
            priority,
            metadata: Map::new(),
        };
        assert_eq!(
            nodes(json!({"b.com:81": 2, "a.com": 1.0, "[::1]:9": 0})).unwrap(),
            [node("b.com", Some(81), 2, 0), node("a.com", None, 1, 0), node("::1", Some(9), 0, 0)]
        );
        assert_eq!(
            nodes(json!([{"host": "a", "weight": 1}, {"host": "[::1]", "port": 80, "weight": 5, "priority": -1}]))
                .unwrap(),
            [node("a", None, 1, 0), node("::1", Some(80), 5, -1)]
        );
        assert_eq!(nodes(json!({})).unwrap(), []);
        assert_eq!(nodes(json!([])).unwrap(), []);
        for wrong in [json!({"a:99999": 1}), json!({"a": "1"}), json!({"a": 1.5}), json!([{"host": "a"}]), json!("a")] {
            assert!(nodes(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
