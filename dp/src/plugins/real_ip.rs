//! real-ip: takes the client's address from a header or another variable, when the peer is a proxy that is trusted.
//!
//! ```json
//! {"real-ip": {"source": "http_x_forwarded_for", "trusted_addresses": ["10.0.0.0/8"], "recursive": true}}
//! ```

use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

use http::header::HeaderName;
use ipnet::IpNet;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::context::Context;
use crate::expr::network;
use crate::plugin::{Error, Flow, Phase, Phases, Plugin, Scope};
use crate::vars::Var;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Configuration on routes and services.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Config {
    /// variable that holds the address, with or without a port: http_x_forwarded_for, http_x_real_ip, arg_realip
    #[schemars(length(min = 1))]
    pub source: String,
    /// addresses and networks of proxies whose word is taken; without it everybody's is
    #[schemars(length(min = 1))]
    pub trusted_addresses: Option<Vec<String>>,
    /// in X-Forwarded-For pass over trusted addresses, from the last one backwards
    #[serde(default)]
    pub recursive: bool,
}

/// The compiled form.
#[derive(Debug)]
pub struct RealIp {
    source: Source,
    trusted: Option<Vec<IpNet>>,
    recursive: bool,
}

#[derive(Debug)]
enum Source {
    ForwardedFor,
    Var(Var),
}

// === impl RealIp ===

impl Plugin for RealIp {
    const NAME: &'static str = "real-ip";
    const PRIORITY: i64 = 23000;
    const VERSION: f64 = 0.1;
    const PHASES: Phase = Phase::REWRITE;

    type Config = Config;

    fn refine_schema(schema: &mut Value) {
        schema["properties"]["trusted_addresses"]["items"] = json!({
            "type": "string", "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}, {"pattern": "^[0-9a-fA-F.:]+/[0-9]{1,3}$"}],
        });
    }

    fn compile(config: Config, _scope: &Scope<'_>) -> Result<Self, Error> {
        let parse = |text: &String| network(text).ok_or_else(|| Error::Refused(format!("invalid ip address: {text}")));
        let trusted = config.trusted_addresses.map(|all| all.iter().map(parse).collect()).transpose()?;
        let source = match config.source.as_str() {
            "http_x_forwarded_for" => Source::ForwardedFor,
            other => Source::Var(Var::parse(other)),
        };
        Ok(Self { source, trusted, recursive: config.recursive })
    }
}

impl Phases for RealIp {
    fn rewrite<'a>(&'a self, context: &'a mut Context<'_>) -> Flow<'a> {
        let peer = context.request.connection.remote.ip();
        if self.trusted.is_some() && !self.trusts(peer) {
            return Flow::Continue;
        }
        match self.address(context) {
            Some(address) => context.request.connection = Rc::new(context.request.connection.seen_from(address)),
            None => tracing::debug!("real-ip: no address, or none that can be read"),
        }
        Flow::Continue
    }
}

impl RealIp {
    fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.iter().flatten().any(|network| network.contains(&address))
    }

    fn address(&self, context: &Context<'_>) -> Option<SocketAddr> {
        let peer = context.request.connection.remote;
        match &self.source {
            Source::Var(var) => parse(&var.read(context)?, peer.port()),
            Source::ForwardedFor => {
                // Each proxy appends to the last line, so that one counts.
                let last = context.request.parts.headers.get_all(X_FORWARDED_FOR).iter().next_back()?.to_str().ok()?;
                let mut from_behind = last.rsplit(',').map(str::trim).peekable();
                while let Some(text) = from_behind.next() {
                    let address = parse(text, peer.port());
                    let first = from_behind.peek().is_none();
                    let passes = self.recursive && address.is_some_and(|address| self.trusts(address.ip()));
                    if first || !passes {
                        return address;
                    }
                }
                None
            }
        }
    }
}

/// An address with or without a port; without one the port stays that of the connection.
fn parse(text: &str, port: u16) -> Option<SocketAddr> {
    let bare = || text.trim_start_matches('[').trim_end_matches(']').parse().ok().map(|ip| SocketAddr::new(ip, port));
    text.parse::<SocketAddr>().ok().filter(|address| address.port() != 0).or_else(bare)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::tests::with_context;
    use crate::plugin::State;
    use crate::plugins::tests::{compile, decided, refused};

    /// The peer of these contexts.
    const PEER: &str = "192.0.2.7:4711";

    #[test]
    fn the_address_is_the_one_that_a_trusted_proxy_names() {
        let forwarded = "http_x_forwarded_for";
        let peer = json!(["192.0.2.0/24"]);
        let all = json!(["192.0.2.0/24", "10.0.0.0/8"]);
        let cases = [
            (json!({"source": "arg_ip"}), "/?ip=198.51.100.1", "", "198.51.100.1:4711"),
            (json!({"source": "arg_ip"}), "/?ip=198.51.100.1:80", "", "198.51.100.1:80"),
            (json!({"source": "arg_ip"}), "/?ip=[2001:db8::1]:80", "", "[2001:db8::1]:80"),
            (json!({"source": "arg_ip"}), "/?ip=2001:db8::1", "", "[2001:db8::1]:4711"),
            (json!({"source": "arg_ip"}), "/?ip=nobody", "", PEER),
            (json!({"source": "arg_ip"}), "/?ip=198.51.100.1:99999", "", PEER),
            (json!({"source": "arg_ip"}), "/", "", PEER),
            (json!({"source": "arg_ip", "trusted_addresses": ["10.0.0.0/8"]}), "/?ip=198.51.100.1", "", PEER),
            (json!({"source": "arg_ip", "trusted_addresses": peer}), "/?ip=198.51.100.1", "", "198.51.100.1:4711"),
            (json!({"source": forwarded, "trusted_addresses": peer}), "/", "1.1.1.1, 10.0.0.1", "10.0.0.1:4711"),
            (json!({"source": forwarded, "trusted_addresses": all}), "/", "1.1.1.1, 10.0.0.1", "10.0.0.1:4711"),
            (
                json!({"source": forwarded, "trusted_addresses": all, "recursive": true}),
                "/",
                "9.9.9.9, 1.1.1.1, 10.0.0.1",
                "1.1.1.1:4711",
            ),
            (
                json!({"source": forwarded, "trusted_addresses": all, "recursive": true}),
                "/",
                "10.0.0.2, 10.0.0.1",
                "10.0.0.2:4711",
            ),
            (json!({"source": forwarded}), "/", "", PEER),
        ];
        for (config, uri, header, expected) in cases {
            let plugin = compile::<RealIp>(config.clone(), &State::default()).unwrap();
            let mut head = http::Request::get(uri).header("host", "h");
            if !header.is_empty() {
                head = head.header(X_FORWARDED_FOR, header);
            }
            with_context(head, |context| {
                assert!(decided(plugin.rewrite(context)).is_none());
                let connection = &context.request.connection;
                assert_eq!(connection.remote.to_string(), expected, "{config} {header}");
                assert_eq!(*connection.remote_ip, *connection.remote.ip().to_string(), "{config} {header}");
                let peer = |name| Var::parse(name).read(context).map(std::borrow::Cow::into_owned);
                assert_eq!(peer("realip_remote_addr").as_deref(), Some("192.0.2.7"));
                assert_eq!(peer("realip_remote_port").as_deref(), Some("4711"));
            });
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        refused::<RealIp>(&[
            (json!({}), "property \"source\" is required"),
            (json!({"source": ""}), "property \"source\""),
            (json!({"source": "arg_x", "trusted_addresses": []}), "property \"trusted_addresses\""),
            (json!({"source": "arg_x", "trusted_addresses": ["x"]}), "property \"trusted_addresses\""),
            (json!({"source": "arg_x", "trusted_addresses": ["10.0.0.0/40"]}), "invalid ip address: 10.0.0.0/40"),
        ]);
    }
}
