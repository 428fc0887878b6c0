//! What is measured: a table.

use super::load::Load;
use super::peer::{Instance, Peer, Shape};

/// One row of the report.
#[derive(Debug)]
pub struct Row {
    /// Its name in `--rows`.
    pub name: &'static str,
    /// What the proxies are configured for.
    pub shape: Shape,
    /// What is asked of them.
    pub load: Load,
    /// Where.
    pub door: Door,
    /// Who has nothing to compare.
    pub without: &'static [Peer],
    /// The row with the same request and less to do: the report has the ratio to it.
    pub beside: Option<&'static str>,
}

/// A port of a proxy.
#[derive(Debug, Clone, Copy)]
pub enum Door {
    Http,
    Https,
    Grpc,
    Tcp,
}

const fn row(name: &'static str, door: Door, load: Load) -> Row {
    Row { name, shape: Shape::Usual, load, door, without: &[], beside: None }
}

/// All rows.
pub static ROWS: &[Row] = &[
    row("h1-1k", Door::Http, Load::Http1 { path: "/1k" }),
    row("h1-64k", Door::Http, Load::Http1 { path: "/64k" }),
    row("h1-1m", Door::Http, Load::Http1 { path: "/1m" }),
    row("https-1k", Door::Https, Load::Http1 { path: "/1k" }),
    row("handshakes", Door::Https, Load::Handshakes),
    row("h2-1k", Door::Https, Load::Http2 { path: "/1k" }),
    row("grpc", Door::Grpc, Load::Grpc),
    Row { without: &[Peer::Floor], beside: Some("h1-1k"), ..row("auth", Door::Http, Load::Consumers) },
    row("routes-1", Door::Http, Load::Routes),
    Row { shape: Shape::ManyRoutes, beside: Some("routes-1"), ..row("routes-10000", Door::Http, Load::Routes) },
    row("tcp-1m", Door::Tcp, Load::Http1 { path: "/1m" }),
];

// === impl Door ===

impl Door {
    /// The address of a proxy's; `None`: it has no such port.
    pub fn url(self, instance: &Instance) -> Option<String> {
        let (scheme, port) = match self {
            Self::Http => ("http", instance.http),
            Self::Https => ("https", instance.https),
            Self::Grpc => ("http", instance.grpc?),
            Self::Tcp => ("http", instance.tcp?),
        };
        Some(format!("{scheme}://127.0.0.1:{port}"))
    }
}
