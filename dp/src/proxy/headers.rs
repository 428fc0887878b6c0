//! Headers that end at this hop, and those that tell the node about the client.

use http::HeaderMap;
use http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderName, HeaderValue, SERVER, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};

use crate::request::Request;
use crate::upstream::{Host, Node, Upstream};

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");

/// Takes out what is meant for this hop (RFC 9110 7.6.1), before any plugin adds a header that a client could name
/// in `Connection` to make it vanish.
pub(super) fn remove_hop_by_hop(headers: &mut HeaderMap) {
    remove_named(headers);
    for name in [&KEEP_ALIVE, &PROXY_CONNECTION, &TE, &TRANSFER_ENCODING, &UPGRADE, &EXPECT] {
        headers.remove(name);
    }
}

/// The same for a response.
pub(super) fn remove_hop_by_hop_of_response(headers: &mut HeaderMap) {
    remove_named(headers);
    for name in [&KEEP_ALIVE, &PROXY_CONNECTION, &TRANSFER_ENCODING, &UPGRADE] {
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
        .flat_map(|value| value.split(','))
        .filter_map(|name| HeaderName::try_from(name.trim()).ok())
        // These are not a hop's, whatever a client claims.
        .filter(|name| ![HOST, CONTENT_LENGTH, TRAILER].contains(name))
        .collect();
    headers.remove(CONNECTION);
    for name in named {
        headers.remove(name);
    }
}

/// Tells the node about the client, as APISIX without trusted proxies does.
pub(super) fn set_forwarded(request: &mut Request, original_host: &HeaderValue) {
    let before = request.header_joined(&X_FORWARDED_FOR).map(std::borrow::Cow::into_owned);
    let (connection, headers) = (&request.connection, &mut request.parts.headers);
    let ip = &connection.remote_ip_header;
    let chain = before.and_then(|before| HeaderValue::try_from(format!("{before}, {}", connection.remote_ip)).ok());
    headers.reserve(6);
    headers.insert(X_FORWARDED_FOR, chain.unwrap_or_else(|| ip.clone()));
    headers.insert(X_REAL_IP, ip.clone());
    headers.insert(X_FORWARDED_PROTO, HeaderValue::from_static(connection.scheme.as_str()));
    headers.insert(X_FORWARDED_PORT, connection.local_port_header.clone());
    headers.insert(X_FORWARDED_HOST, original_host.clone());
}

/// Sets the host that the node sees.
pub(super) fn set_host(request: &mut Request, original: &HeaderValue, upstream: &Upstream, node: &Node) {
    let host = match &upstream.host {
        Host::Pass => original,
        Host::Node => &node.host_header,
        Host::Rewrite(host) => host,
    };
    request.parts.headers.insert(HOST, host.clone());
}

/// Says who answers.
pub(super) fn set_server(headers: &mut HeaderMap) {
    headers.insert(SERVER, HeaderValue::from_static("Portolan"));
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
