use std::time::Duration;

use bytes::Bytes;
use h2::server;
use http::{HeaderName, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Handle, LocalOptions};
use tokio::sync::oneshot;

use super::*;
use crate::upstream::http1::Form;

type Node = server::Connection<TcpStream, Bytes>;

fn on_a_worker(test: impl Future<Output = ()>) {
    let mut builder = Builder::new_current_thread();
    builder.enable_all().build_local(LocalOptions::default()).unwrap().block_on(test);
}

/// A connection, and its node's side.
async fn connected() -> (Connection, Node) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let transport = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (accepted, _) = listener.accept().await.unwrap();
    let connection = Connection::new(Transport::Plain(transport), 64 * 1024).await.unwrap();
    (connection, server::handshake(accepted).await.unwrap())
}

fn ask<'a>(headers: &'a HeaderMap, host: &'a HeaderValue) -> Ask<'a> {
    Ask {
        method: &Method::POST,
        target: "/pkg.Service/Method",
        headers,
        told: &[],
        host,
        upgrade: None,
        node: host,
        tls: false,
        form: Form::Map,
    }
}

async fn call(stream: &mut Stream, body: RequestBody) -> Result<response::Parts, SendError> {
    let (headers, host) = (HeaderMap::new(), HeaderValue::from_static("h"));
    stream.send(&ask(&headers, &host), body, &Timeouts::default(), Instant::now()).await
}

#[test]
fn a_call_needs_no_task_of_its_own() {
    on_a_worker(async {
        let (mut connection, mut node) = connected().await;
        let (asked, was_asked) = oneshot::channel();
        spawn(async move {
            let (request, mut respond) = node.accept().await.unwrap().unwrap();
            assert_eq!(request.headers()[CONTENT_LENGTH], "4");
            asked.send(Handle::current().metrics().num_alive_tasks()).unwrap();
            respond.send_response(Response::new(()), true).unwrap();
            while node.accept().await.is_some() {}
        });
        let before = Handle::current().metrics().num_alive_tasks();
        let (mut stream, _) = connection.stream();
        let answer = call(&mut stream, RequestBody::held(Bytes::from_static(b"call"))).await;
        assert_eq!(answer.ok().unwrap().status, 200);
        assert_eq!(was_asked.await.unwrap(), before, "while it waits for its answer");
    });
}

#[test]
fn a_node_that_says_goodbye_gets_no_more_requests() {
    on_a_worker(async {
        let (mut connection, mut node) = connected().await;
        spawn(async move {
            let (_request, mut respond) = node.accept().await.unwrap().unwrap();
            node.graceful_shutdown();
            // The goodbye goes first, the answer behind it.
            poll_fn(|cx| Poll::Ready(node.poll_accept(cx).is_pending())).await;
            let _goes_on = respond.send_response(Response::new(()), false).unwrap();
            while node.accept().await.is_some() {}
        });
        let (mut stream, _) = connection.stream();
        assert_eq!(call(&mut stream, RequestBody::empty()).await.ok().unwrap().status, 200);
        let (mut next, _) = connection.stream();
        let body = RequestBody::held(Bytes::from_static(b"call"));
        let Err(SendError::Unsent(whole)) = call(&mut next, body).await else { panic!("it was sent") };
        assert_eq!(whole.size_hint().exact(), Some(4), "it may go elsewhere");
        assert!(!connection.has_room());
    });
}

#[test]
fn streams_count_as_long_as_they_live() {
    on_a_worker(async {
        let (mut connection, mut node) = connected().await;
        let (first, second) = (connection.stream().0, connection.stream().0);
        assert_eq!(connection.idle_since(Instant::now()), None);
        drop((first, second));
        assert!(connection.idle_since(Instant::now()).is_some() && connection.has_room());
        drop(connection);
        assert!(!matches!(node.accept().await, Some(Ok(_))), "nobody needs the connection any more: it ends");
    });
}

#[test]
fn headers_pass_but_for_those_that_the_gateway_says_itself() {
    let (client, forwarded) = (HeaderName::from_static("x-client"), HeaderName::from_static("x-forwarded-for"));
    let (claimed, known) = (HeaderValue::from_static("1.2.3.4"), HeaderValue::from_static("192.0.2.7"));
    let mut given = HeaderMap::new();
    for (name, value) in [(&HOST, "client.test"), (&client, "a"), (&TE, "gzip"), (&client, "b")] {
        given.append(name, HeaderValue::from_static(value));
    }
    given.append(&forwarded, claimed.clone());
    given.append(&forwarded, claimed);
    let host = HeaderValue::from_static("node.test");
    let ask = Ask { headers: &given, told: &[(&forwarded, &known)], ..ask(&given, &host) };
    let request = request(&ask, &RequestBody::empty());
    assert_eq!(request.uri(), "http://node.test/pkg.Service/Method");
    let mut seen: Vec<_> =
        request.headers().iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    seen.sort_unstable();
    let expected = [
        ("content-length", "0"),
        ("te", "trailers"),
        ("x-client", "a"),
        ("x-client", "b"),
        ("x-forwarded-for", "192.0.2.7"),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn a_timer_serves_one_stream_after_the_other() {
    on_a_worker(async {
        let (mut connection, mut node) = connected().await;
        spawn(async move {
            while let Some(Ok((_request, mut respond))) = node.accept().await {
                respond.send_response(Response::new(()), true).unwrap();
            }
        });
        for call_before in [0, 1, 1] {
            assert_eq!(connection.state.alarms.borrow().len(), call_before);
            let (mut stream, _) = connection.stream();
            assert_eq!(connection.state.alarms.borrow().len(), 0, "it is in use");
            assert!(call(&mut stream, RequestBody::empty()).await.is_ok());
        }
        let bounds = Timeouts { read: Duration::from_millis(20), ..Timeouts::default() };
        let (mut stream, _) = connection.stream();
        let (headers, host) = (HeaderMap::new(), HeaderValue::from_static("h"));
        let (deaf, _node) = connected().await;
        stream.sender = deaf.sender.clone();
        let late = stream.send(&ask(&headers, &host), RequestBody::empty(), &bounds, Instant::now()).await;
        assert!(matches!(late, Err(SendError::Failed(Failure::ReadTimeout))), "though it was set for much later");
    });
}
