//! Who is on the other side.

use std::net::SocketAddr;
use std::time::Duration;

use axum::routing::get;
use axum::{Extension, Router};
use portolan_rt::serve::{Connection, Limits, Server, listen};
use portolan_rt::task::Supervisor;
use portolan_rt::tls::{ClientAuth, client_config, server_config};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::authority::Authority;
use crate::client::{Client, in_time, tcp, tls};

const BOTH: &[&str] = &["h2", "http/1.1"];

async fn who(Extension(connection): Extension<Connection>) -> String {
    let tls = connection.tls.unwrap();
    let peer = connection.peer.map_or("nobody".to_owned(), |peer| {
        assert_eq!(peer.fingerprint_sha256.len(), 64);
        assert!(!peer.serial.is_empty());
        format!("{} {}", peer.common_name, peer.uris.join(" "))
    });
    format!("{} {} {peer}", tls.alpn.as_deref().unwrap_or("-"), tls.server_name.as_deref().unwrap_or("-"))
}

fn start(authority: &Authority, clients: ClientAuth, limits: Limits) -> SocketAddr {
    let listener = listen("listen.test", ([127, 0, 0, 1], 0).into()).unwrap();
    let address = listener.local_addr().unwrap();
    let config = server_config(&authority.identity("server"), clients, BOTH).unwrap();
    let server = Server { name: "test", listener, tls: Some(config), limits };
    server.start(Router::new().route("/", get(who)), &Supervisor::new()).unwrap();
    address
}

#[tokio::test]
async fn the_service_sees_the_certificate_of_the_peer() {
    let authority = Authority::new();
    let address = start(&authority, ClientAuth::Required(authority.roots()), Limits::default());
    let identity = authority.identity("dp-1");
    for alpn in BOTH {
        let config = client_config(&authority.roots(), Some(&identity), &[alpn]).unwrap();
        let io = tls(address, config).await.unwrap();
        let mut client = match *alpn {
            "h2" => Client::h2(io).await,
            _ => Client::h1(io).await,
        };
        let want = format!("{alpn} localhost dp-1 portolan://data-plane/default/dp-1");
        assert_eq!(client.get("/").await, (200, want));
    }
}

#[tokio::test]
async fn a_certificate_may_be_optional() {
    let authority = Authority::new();
    let address = start(&authority, ClientAuth::Optional(authority.roots()), Limits::default());
    let config = client_config(&authority.roots(), None, &["h2"]).unwrap();
    let mut client = Client::h2(tls(address, config).await.unwrap()).await;
    assert_eq!(client.get("/").await, (200, "h2 localhost nobody".to_owned()));
}

#[tokio::test]
async fn a_missing_or_foreign_certificate_ends_the_connection() {
    let (authority, foreign) = (Authority::new(), Authority::new());
    let identity = foreign.identity("dp-1");
    let required = ClientAuth::Required(authority.roots());
    let optional = ClientAuth::Optional(authority.roots());
    for (clients, shown) in [(required.clone(), None), (required, Some(&identity)), (optional, Some(&identity))] {
        let address = start(&authority, clients, Limits::default());
        let config = client_config(&authority.roots(), shown, &["http/1.1"]).unwrap();
        // TLS 1.3 tells a client about its certificate only after its own side of the handshake.
        if let Ok(mut io) = tls(address, config).await {
            assert!(in_time(io.read_u8()).await.is_err());
        }
    }
}

#[tokio::test]
async fn a_foreign_server_is_refused_by_the_client() {
    let (authority, foreign) = (Authority::new(), Authority::new());
    let address = start(&authority, ClientAuth::None, Limits::default());
    let config = client_config(&foreign.roots(), None, &[]).unwrap();
    assert!(tls(address, config).await.is_err());
}

#[tokio::test]
async fn a_handshake_that_does_not_come_is_given_up() {
    let authority = Authority::new();
    let limits = Limits { handshake: Duration::from_millis(50), ..Limits::default() };
    let mut io = tcp(start(&authority, ClientAuth::None, limits)).await;
    assert!(in_time(io.read_u8()).await.is_err());
}

#[tokio::test]
async fn plain_http_on_a_port_with_tls_is_told_so() {
    let address = start(&Authority::new(), ClientAuth::None, Limits::default());
    for request in
        ["GET / HTTP/1.1\r\nhost: a\r\n\r\n".to_owned(), format!("PUT / HTTP/1.1\r\n\r\n{}", "x".repeat(10_000))]
    {
        let mut io = tcp(address).await;
        io.write_all(request.as_bytes()).await.unwrap();
        io.shutdown().await.unwrap();
        let mut answer = String::new();
        in_time(io.read_to_string(&mut answer)).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 400 ") && body.contains("HTTPS"), "{answer}");
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{answer}");
    }
}
