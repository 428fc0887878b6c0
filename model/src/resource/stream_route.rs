//! Stream routes.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Labels, Plugins, Upstream};
use crate::{Id, lenient};

/// Which connections are taken, and where they go.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct StreamRoute {
    /// Its id; the key of the key space names it too.
    pub id: Option<Id>,
    /// A name for people.
    pub name: Option<String>,
    /// Labels.
    #[serde(deserialize_with = "lenient::object")]
    pub labels: Labels,
    /// The client address or network it takes; `None` = all.
    pub remote_addr: Option<String>,
    /// The own address or network it takes; `None` = all.
    pub server_addr: Option<String>,
    /// The own port it takes; `None` = all.
    #[serde(deserialize_with = "lenient::integer_option")]
    pub server_port: Option<u16>,
    /// The name that a client asks for in TLS; `None` = all.
    pub sni: Option<String>,
    /// Its plugins.
    #[serde(deserialize_with = "lenient::object")]
    pub plugins: Plugins,
    /// Where connections go; goes before `upstream_id` and the service's.
    pub upstream: Option<Upstream>,
    /// Where connections go.
    pub upstream_id: Option<Id>,
    /// What it shares with other routes.
    pub service_id: Option<Id>,
    /// The protocol spoken, when the gateway is to understand it.
    pub protocol: Option<Protocol>,
}

/// A protocol that the gateway understands.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Protocol {
    /// Its name.
    pub name: String,
    /// The stream route that takes the connections; this one is about requests on them, then.
    #[serde(default)]
    pub superior_id: Option<Id>,
    /// What else there is to say of it.
    #[serde(default, deserialize_with = "lenient::object")]
    pub conf: Map<String, Value>,
    /// Who is told of requests, as the document holds it.
    #[serde(default, deserialize_with = "lenient::list")]
    pub logger: Vec<Value>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_what_it_uses() {
        let route: StreamRoute = serde_json::from_value(json!({
            "id": 7, "remote_addr": "10.0.0.0/8", "server_port": 9100.0, "sni": "a.com", "upstream": {"nodes": {"a:1": 1}},
            "protocol": {"name": "redis", "superior_id": 1, "conf": [], "logger": {}}, "desc": "of no use here"
        }))
        .unwrap();
        assert_eq!((route.server_port, route.sni.as_deref()), (Some(9100), Some("a.com")));
        assert_eq!(route.upstream.unwrap().nodes.unwrap().0.len(), 1);
        let protocol = route.protocol.unwrap();
        assert_eq!((protocol.name.as_str(), protocol.superior_id.unwrap().as_str()), ("redis", "1"));
        assert_eq!(serde_json::from_value::<StreamRoute>(json!({})).unwrap(), StreamRoute::default());
    }
}
