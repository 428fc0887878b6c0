//! The request as plugins and the router see it: head, connection, and the parts of both that have names.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::rc::Rc;

use http::header::{COOKIE, HOST, HeaderName, HeaderValue};
use http::request::Parts;
use http::uri::PathAndQuery;
use memchr::memchr;

use crate::path_rules::PathRules;
use crate::proxy_protocol::Addresses;
use crate::tls::Session;
use crate::uri;

/// What is known of a downstream connection before its first request.
#[derive(Debug)]
pub struct Connection {
    /// Address of the client: the peer, or whom a trusted peer names.
    pub remote: SocketAddr,
    /// Address of the peer.
    pub peer: SocketAddr,
    /// Text of the peer's address, made once per connection: most requests need it.
    pub remote_ip: Box<str>,
    /// The same as a header, for nodes.
    pub remote_ip_header: HeaderValue,
    /// Where the connection came in.
    pub local: SocketAddr,
    /// Its port as a header, for nodes.
    pub local_port_header: HeaderValue,
    /// `http` or `https`.
    pub scheme: Scheme,
    /// Its TLS.
    pub tls: Option<Rc<Session>>,
    /// What the PROXY header before it says.
    pub proxied: Option<Addresses>,
}

/// Scheme of the downstream connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Plain text.
    Http,
    /// TLS.
    Https,
}

/// Head of a request, with the values that matching and variables need taken out of it once.
#[derive(Debug)]
pub struct Request {
    /// Method, target, version and headers; plugins may change them and the upstream gets the result.
    pub parts: Parts,
    /// The connection it came on.
    pub connection: Rc<Connection>,
    host: Box<str>,
    /// Decoded and normalised path, when it differs from the one on the wire.
    path: Option<Box<str>>,
    /// What the router sees instead of it.
    asked_path: Option<Box<str>>,
}

/// Why a head is refused before routing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadRequest {
    /// The path leaves the root, or holds a broken escape or a NUL.
    #[error("the path is not valid")]
    Path,
    /// HTTP/1.1 without Host, or with two, or with one that is no host.
    #[error("the Host header is missing or not valid")]
    Host,
}

// === impl Scheme ===

impl Scheme {
    /// The scheme as text.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

// === impl Connection ===

impl Connection {
    /// A connection from `remote` to a local address.
    #[must_use]
    pub fn new(remote: SocketAddr, local: SocketAddr, scheme: Scheme) -> Self {
        // An IPv4 peer of a dual-stack socket is an IPv4 peer.
        let remote = SocketAddr::new(remote.ip().to_canonical(), remote.port());
        let remote_ip = remote.ip().to_string();
        Self {
            remote,
            peer: remote,
            remote_ip_header: HeaderValue::from_str(&remote_ip).expect("an address is visible ASCII"),
            remote_ip: remote_ip.into(),
            local,
            local_port_header: HeaderValue::from(local.port()),
            scheme,
            tls: None,
            proxied: None,
        }
    }

    /// The same connection as if it came from another address: a proxy has named it.
    #[must_use]
    pub fn seen_from(&self, remote: SocketAddr) -> Self {
        Self {
            peer: self.peer,
            tls: self.tls.clone(),
            proxied: self.proxied,
            ..Self::new(remote, self.local, self.scheme)
        }
    }

    /// Takes over what a PROXY header says; whom it is believed, the client is who it names.
    #[must_use]
    pub fn introduced(self, said: Option<Addresses>, believed: bool) -> Self {
        let connection = Self { proxied: said, ..self };
        match said {
            Some(said) if believed => connection.seen_from(said.source),
            _ => connection,
        }
    }
}

// === impl Request ===

impl Request {
    /// Takes over a head; refuses one that has no single meaning.
    pub fn new(parts: Parts, connection: Rc<Connection>) -> Result<Self, BadRequest> {
        let host = host_of(&parts)?;
        let path = match uri::normalize(parts.uri.path()).ok_or(BadRequest::Path)? {
            Cow::Borrowed(_) => None,
            Cow::Owned(path) => Some(path.into()),
        };
        Ok(Self { parts, connection, host, path, asked_path: None })
    }

    /// Applies the settings for paths; tells path and query that the upstream is to see, if they are not those that came.
    pub fn obey(&mut self, rules: PathRules) -> Result<Option<PathAndQuery>, BadRequest> {
        if rules == PathRules::default() {
            return Ok(None);
        }
        let raw = self.parts.uri.path();
        let applied = rules.apply(raw, Cow::Borrowed(self.path())).ok_or(BadRequest::Path)?;
        let forwarded = applied.forwarded.map(|path| match self.query() {
            Some(query) => format!("{path}?{query}"),
            None => path,
        });
        let forwarded = forwarded.map(PathAndQuery::try_from).transpose().map_err(|_| BadRequest::Path)?;
        let path = (*applied.path != *raw).then(|| Box::from(&*applied.path));
        let asked = applied.asked.map(Into::into);
        (self.path, self.asked_path) = (path, asked);
        Ok(forwarded)
    }

    /// Path that routes are matched against.
    #[must_use]
    pub fn asked_path(&self) -> &str {
        self.asked_path.as_deref().unwrap_or_else(|| self.path())
    }

    /// Host asked for, lower-case, without port. Empty for HTTP/1.0 without one.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Path, decoded and normalised.
    #[must_use]
    pub fn path(&self) -> &str {
        self.path.as_deref().unwrap_or_else(|| self.parts.uri.path())
    }

    /// Path and query as they came.
    #[must_use]
    pub fn target(&self) -> &str {
        self.parts.uri.path_and_query().map_or("/", PathAndQuery::as_str)
    }

    /// Path and query with the path that the route was found by, so that nobody can write a path in another way to come
    /// past those who look at it.
    #[must_use]
    pub fn normal_target(&self) -> Cow<'_, str> {
        match (&self.path, self.query()) {
            (None, _) => Cow::Borrowed(self.target()),
            (Some(path), None) => Cow::Borrowed(path),
            (Some(path), Some(query)) => Cow::Owned(format!("{path}?{query}")),
        }
    }

    /// Query as it came, without the question mark.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.parts.uri.query()
    }

    /// First query argument of this name, decoded. An argument without `=` has an empty value.
    #[must_use]
    pub fn arg(&self, name: &str) -> Option<Cow<'_, str>> {
        uri::arguments(self.query()?).find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// First header of this name that is text.
    #[must_use]
    pub fn header(&self, name: &HeaderName) -> Option<&str> {
        self.parts.headers.get(name)?.to_str().ok()
    }

    /// The same for the name of a variable, in which a dash of the header and an underscore are one.
    #[must_use]
    pub fn header_variable(&self, name: &HeaderName) -> Option<Cow<'_, str>> {
        let headers = &self.parts.headers;
        self.header_joined(name).or_else(|| {
            let same = |other: &&HeaderName| {
                other.as_str().contains('_') && other.as_str().bytes().map(dash).eq(name.as_str().bytes().map(dash))
            };
            self.header_joined(headers.keys().find(same)?)
        })
    }

    /// All headers of this name, joined as RFC 9110 allows.
    #[must_use]
    pub fn header_joined(&self, name: &HeaderName) -> Option<Cow<'_, str>> {
        let mut values = self.parts.headers.get_all(name).iter().filter_map(|v| v.to_str().ok());
        let first = values.next()?;
        match values.next() {
            None => Some(Cow::Borrowed(first)),
            Some(second) => {
                let separator = if name == COOKIE { "; " } else { ", " };
                let mut all = format!("{first}{separator}{second}");
                for value in values {
                    all.push_str(separator);
                    all.push_str(value);
                }
                Some(Cow::Owned(all))
            }
        }
    }

    /// Value of a cookie. Of several the last counts, as for everything that reads cookies in APISIX.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies(name).next_back()
    }

    /// Values of the cookies of this name, in their order.
    pub fn cookies<'r>(&'r self, name: &str) -> impl DoubleEndedIterator<Item = &'r str> {
        let lines = self.parts.headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        lines.flat_map(|line| line.split(';')).filter_map(move |pair| {
            let (key, value) = pair.trim_start().split_once('=')?;
            (key == name).then_some(value.trim_end())
        })
    }

    /// Replaces the query; an empty one is left out.
    pub fn set_query(&mut self, query: &str) {
        let path = self.parts.uri.path();
        let target = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
        let mut parts = std::mem::take(&mut self.parts.uri).into_parts();
        // The path came out of a Uri and the query is a subset of a valid one.
        parts.path_and_query = Some(target.parse().expect("a valid path with a valid query"));
        if parts.authority.is_none() {
            parts.scheme = None;
        }
        self.parts.uri = http::Uri::from_parts(parts).expect("the parts of a valid URI");
    }
}

/// Host from the absolute target (RFC 9112 3.2.2 prefers it) or from the one Host header.
fn host_of(parts: &Parts) -> Result<Box<str>, BadRequest> {
    let mut hosts = parts.headers.get_all(HOST).iter();
    let header = hosts.next();
    if hosts.next().is_some() {
        return Err(BadRequest::Host);
    }
    if let Some(authority) = parts.uri.authority() {
        if authority.as_str().contains('@') {
            return Err(BadRequest::Host);
        }
        return Ok(lower(authority.host()));
    }
    let Some(header) = header else {
        let optional = parts.version == http::Version::HTTP_10;
        return if optional { Ok("".into()) } else { Err(BadRequest::Host) };
    };
    named(header.as_bytes()).ok_or(BadRequest::Host)
}

/// The host of a `Host` header, if it is one.
fn named(text: &[u8]) -> Option<Box<str>> {
    let valid = |b: &u8| b.is_ascii_alphanumeric() || b"-._~[]:%!$&'()*+,;=".contains(b);
    let end = match text {
        [b'[', ..] => memchr(b']', text)? + 1,
        _ => memchr(b':', text).unwrap_or(text.len()),
    };
    let (host, port) = text.split_at(end);
    let port_valid = match port {
        [] => true,
        [colon, digits @ ..] => *colon == b':' && digits.iter().all(u8::is_ascii_digit),
    };
    std::str::from_utf8(host).ok().filter(|_| port_valid && host.iter().all(valid)).map(lower)
}

fn dash(byte: u8) -> u8 {
    if byte == b'_' { b'-' } else { byte }
}

fn lower(host: &str) -> Box<str> {
    // A trailing dot names the same host.
    let mut host = Box::<str>::from(host.strip_suffix('.').unwrap_or(host));
    host.make_ascii_lowercase();
    host
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn request(builder: http::request::Builder) -> Request {
        let (parts, ()) = builder.body(()).unwrap().into_parts();
        let remote = "192.0.2.7:4711".parse().unwrap();
        Request::new(parts, Rc::new(Connection::new(remote, "192.0.2.1:9080".parse().unwrap(), Scheme::Http))).unwrap()
    }

    fn host(value: &str) -> Option<String> {
        let (parts, ()) = http::Request::get("/").header(HOST, value).body(()).unwrap().into_parts();
        host_of(&parts).ok().map(Into::into)
    }

    #[test]
    fn host_is_lower_case_and_without_port() {
        let cases = [
            ("Example.COM:9080", Some("example.com")),
            ("example.com.", Some("example.com")),
            ("[::1]:80", Some("[::1]")),
            ("a:b", None),
            ("a b", None),
            ("a/b", None),
            ("user@host", None),
        ];
        for (given, expected) in cases {
            assert_eq!(host(given).as_deref(), expected, "{given}");
        }
    }

    #[test]
    fn arguments_are_read() {
        let request = request(http::Request::get("/a?x=1&y=a%20b+c&z&x=2").header(HOST, "h"));
        assert_eq!(request.arg("x").as_deref(), Some("1"));
        assert_eq!(request.arg("y").as_deref(), Some("a b c"));
        assert_eq!(request.arg("z").as_deref(), Some(""));
        assert_eq!(request.arg("w"), None);
    }

    #[test]
    fn of_several_cookies_the_last_counts() {
        let cases: [(&[&str], Option<&str>); 9] = [
            (&[], None),
            (&["a=1; sid=x "], Some("x")),
            (&["sid=x;sid=y; b=2"], Some("y")),
            (&["sid=x; sid="], Some("")),
            (&["sid=x; sid"], Some("x")),
            (&["sid=x", "a=1; sid=y"], Some("y")),
            (&["sid=y; a=1", "b=1"], Some("y")),
            (&["sid=x; SID=y; sid2=z; xsid=z"], Some("x")),
            (&["sid=a=b"], Some("a=b")),
        ];
        for (lines, expected) in cases {
            let head = http::Request::get("/").header(HOST, "h");
            let head = lines.iter().fold(head, |head, line| head.header(COOKIE, *line));
            assert_eq!(request(head).cookie("sid"), expected, "{lines:?}");
        }
    }

    #[test]
    fn the_query_can_be_replaced() {
        let mut request = request(http::Request::get("/a?x=1").header(HOST, "h"));
        request.set_query("");
        assert_eq!(request.parts.uri, "/a");
        request.set_query("y=2");
        assert_eq!(request.parts.uri, "/a?y=2");
    }
}
