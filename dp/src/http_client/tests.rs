use std::sync::Arc;

use http::StatusCode;
use portolan_testkit::Certificates;
use portolan_testkit::upstream::{Reply, Upstream};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::upstream::dns;

fn client() -> Client {
    portolan_testkit::install_crypto();
    Client::new(dns::pair().0, Connector::new(None).unwrap())
}

fn get(url: &str) -> Request<Bytes> {
    Request::get(url).body(Bytes::new()).unwrap()
}

#[tokio::test]
async fn a_request_goes_out_as_written_and_connections_are_used_again() {
    let (client, options) = (client(), Options::default());
    let server = Upstream::start(Reply::text("hello").with_header("x-more", "1")).unwrap();
    let url = format!("http://user@{}/a?b=c", server.node());
    for _ in 0..3 {
        let request = Request::post(&url).header("x-mine", "2").body(Bytes::from_static(b"body")).unwrap();
        let response = client.request(request, &options).await.unwrap();
        assert_eq!((response.status(), &response.headers()["x-more"]), (StatusCode::OK, &"1".parse().unwrap()));
        assert_eq!(response.into_body(), "hello");
    }
    let seen = server.take_seen().remove(0);
    assert_eq!((seen.method.as_str(), seen.uri.to_string().as_str()), ("POST", "/a?b=c"));
    assert_eq!(seen.headers["host"], server.node());
    assert_eq!(
        (&seen.headers["content-length"], &seen.headers["x-mine"]),
        (&"4".parse().unwrap(), &"2".parse().unwrap())
    );
    assert_eq!(seen.body, "body");
    assert_eq!((server.requests(), server.connections()), (3, 1));

    let closing = Options { keepalive: None, ..options };
    client.request(get(&url), &closing).await.unwrap();
    client.request(get(&url), &closing).await.unwrap();
    assert_eq!(server.connections(), 2, "one that was kept, and one of its own");
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_is_not_an_error() {
    let (client, options) = (client(), Options::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    for _ in 0..2 {
        let (answered, ()) = tokio::join!(client.request(get(&url), &options), async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut read = vec![0; 1024];
            assert!(stream.read(&mut read).await.unwrap() > 0);
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
            // Closed when it goes out of scope, while the client keeps it for later.
        });
        assert_eq!(answered.unwrap().status(), 204);
    }
}

#[tokio::test]
async fn a_body_comes_piece_by_piece() {
    let (client, options) = (client(), Options::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/watch", listener.local_addr().unwrap());
    let (opened, accepted) = tokio::join!(client.open(get(&url), &options), async {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await.unwrap();
        stream
    });
    let (mut body, mut server) = (opened.unwrap().into_body(), accepted);
    for (sent, expected) in [("1\r\na\r\n", "a"), ("2\r\nbc\r\n", "bc")] {
        server.write_all(sent.as_bytes()).await.unwrap();
        assert_eq!(body.piece().await.unwrap().unwrap(), expected);
    }
    server.write_all(b"0\r\n\r\n").await.unwrap();
    assert!(body.piece().await.unwrap().is_none());
}

#[tokio::test]
async fn what_goes_wrong_is_told_apart() {
    let client = client();
    let options = Options { read: Duration::from_millis(50), max_body: 4, ..Options::default() };
    let failure = async |url: &str| client.request(get(url), &options).await.unwrap_err();
    for url in ["ftp://127.0.0.1/", "/path"] {
        assert!(matches!(failure(url).await, Error::Address(_)), "{url}");
    }
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    assert!(matches!(failure(&format!("http://{gone}/")).await, Error::Connect(Failure::Connect(_))));
    let large = Upstream::start(Reply::text("12345")).unwrap();
    assert!(matches!(failure(&format!("http://{}/", large.node())).await, Error::TooLarge(4)));
    let slow = Upstream::start(Reply::echo().after(Duration::from_secs(600))).unwrap();
    assert!(matches!(failure(&format!("http://{}/", slow.node())).await, Error::Late));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (broken, ()) = tokio::join!(failure(&url), async {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"not HTTP at all\r\n\r\n").await.unwrap();
        stream.shutdown().await.unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.ok();
    });
    assert!(matches!(broken, Error::Broken(_)), "{broken}");
}

#[tokio::test]
async fn tls_verifies_as_it_is_told() {
    let client = client();
    let authority = Certificates::new().unwrap();
    let issued = authority.server(&["localhost", "127.0.0.1"]).unwrap();
    let server = Upstream::start_tls(Reply::text("safe"), &issued, None).unwrap();
    let url = format!("https://{}/", server.node());
    let with = |trust| Options { trust, ..Options::default() };
    assert!(matches!(client.request(get(&url), &with(Trust::Usual)).await, Err(Error::Connect(_))));
    assert_eq!(client.request(get(&url), &with(Trust::Anyone)).await.unwrap().into_body(), "safe");
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.ca().as_bytes()).unwrap()).unwrap();
    let own = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let own = with(Trust::Own(ClientTls::new(Arc::new(own))));
    assert_eq!(client.request(get(&url), &own).await.unwrap().into_body(), "safe");
    // A connection that was not verified is not given to who asks for verification.
    assert_eq!(server.connections(), 3);
}
