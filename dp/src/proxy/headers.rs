//! Headers that end at this hop, and those that tell the node about the client.

use http::HeaderMap;
use http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderName, HeaderValue, SERVER, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};

use crate::request::{Connection, Request, Scheme};
use crate::upstream::{Host, Node, Upstream};

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
/// Who answers.
pub(super) const WHO: &str = "Portolan";

const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

static X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");
static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
static X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
static X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
static X_FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
static HTTP: HeaderValue = HeaderValue::from_static("http");
static HTTPS: HeaderValue = HeaderValue::from_static("https");

/// Takes out what is meant for this hop (RFC 9110 7.6.1), before any plugin adds a header that a client could name
/// in `Connection` to make it vanish.
pub(super) fn remove_hop_by_hop(headers: &mut HeaderMap) {
    // Most heads have none of them: a look at each of their few names costs less than a search for each of ours.
    if headers.keys().any(|name| matches!(*name, TE | EXPECT) || is_of_hop(name)) {
        remove(headers);
        headers.remove(TE);
        headers.remove(EXPECT);
    }
}

/// The same for a response.
pub(super) fn remove_hop_by_hop_of_response(headers: &mut HeaderMap) {
    if headers.keys().any(is_of_hop) {
        remove(headers);
    }
}

fn is_of_hop(name: &HeaderName) -> bool {
    matches!(*name, CONNECTION | TRANSFER_ENCODING | UPGRADE) || *name == KEEP_ALIVE || *name == PROXY_CONNECTION
}

fn remove(headers: &mut HeaderMap) {
    remove_named(headers);
    for name in [&CONNECTION, &KEEP_ALIVE, &PROXY_CONNECTION, &TRANSFER_ENCODING, &UPGRADE] {
        headers.remove(name);
    }
}

fn remove_named(headers: &mut HeaderMap) {
    if !headers.contains_key(CONNECTION) {
        return;
    }
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(',').map(str::trim))
        // Of the connection itself.
        .filter(|name| !name.eq_ignore_ascii_case("keep-alive") && !name.eq_ignore_ascii_case("close"))
        .filter_map(|name| HeaderName::try_from(name).ok())
        // These are not a hop's, whatever a client claims.
        .filter(|name| ![HOST, CONTENT_LENGTH, TRAILER].contains(name))
        .collect();
    for name in named {
        headers.remove(name);
    }
}

/// What a node is told of the client, as APISIX without trusted proxies does.
pub(super) struct Told {
    /// The host that the client asked for.
    pub(super) host: HeaderValue,
    /// Through whom the request has come, if the client was not the first.
    chain: Option<HeaderValue>,
}

// === impl Told ===

impl Told {
    pub(super) fn new(request: &Request) -> Self {
        let before = request.header_joined(&X_FORWARDED_FOR);
        let chain =
            before.and_then(|all| HeaderValue::try_from(format!("{all}, {}", request.connection.remote_ip)).ok());
        Self { host: original_host(request), chain }
    }

    /// As headers, in place of what the client says under these names.
    pub(super) fn headers<'a>(&'a self, connection: &'a Connection) -> [(&'a HeaderName, &'a HeaderValue); 5] {
        let ip = &connection.remote_ip_header;
        let scheme = match connection.scheme {
            Scheme::Http => &HTTP,
            Scheme::Https => &HTTPS,
        };
        [
            (&X_FORWARDED_FOR, self.chain.as_ref().unwrap_or(ip)),
            (&X_REAL_IP, ip),
            (&X_FORWARDED_PROTO, scheme),
            (&X_FORWARDED_PORT, &connection.local_port_header),
            (&X_FORWARDED_HOST, &self.host),
        ]
    }
}

/// The host that the client asked for; the same one that the route was found by.
fn original_host(request: &Request) -> HeaderValue {
    let of_target = || request.parts.uri.authority().and_then(|authority| authority.as_str().parse().ok());
    let given = of_target().or_else(|| request.parts.headers.get(HOST).cloned());
    given.unwrap_or_else(|| HeaderValue::from_static(""))
}

/// The host that the node sees.
pub(super) fn host<'a>(passed: &'a HeaderValue, upstream: &'a Upstream, node: &'a Node) -> &'a HeaderValue {
    match &upstream.host {
        Host::Pass => passed,
        Host::Node => &node.host_header,
        Host::Rewrite(host) => host,
    }
}

/// Says who answers.
pub(super) fn set_server(headers: &mut HeaderMap) {
    headers.insert(SERVER, HeaderValue::from_static(WHO));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hop_by_hop_headers_end_here() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "close, X-Mine"),
            ("connection", "host, content-length"),
            ("x-mine", "1"),
            ("host", "h"),
            ("content-length", "3"),
            ("keep-alive", "timeout=5"),
            ("te", "trailers"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "x"),
            ("expect", "100-continue"),
            ("proxy-connection", "keep-alive"),
            ("x-kept", "1"),
        ] {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        remove_hop_by_hop(&mut headers);
        let mut left: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["content-length", "host", "x-kept"]);
    }
}
