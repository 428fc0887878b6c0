use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;

use crate::harness::Gateway;
use crate::raw;

/// A node that agrees to everything and says back what it hears.
fn echo() -> raw::Server {
    raw::Server::start(|mut stream, _| {
        raw::read_head(&mut stream);
        let head = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        let mut heard = [0; 64];
        while let Ok(read @ 1..) = stream.read(&mut heard) {
            if stream.write_all(&heard[..read]).is_err() {
                return;
            }
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_websocket_ends_after_the_read_timeout() {
    let (gateway, _files) = Gateway::new().await;
    let node = echo();
    let upstream = json!({"nodes": {node.address.to_string(): 1}, "timeout": {"connect": 5, "send": 5, "read": 1}});
    gateway.put("routes/1", json!({"uri": "/*", "enable_websocket": true, "upstream": upstream})).await;
    let address = gateway.address();
    let spoken = tokio::task::spawn_blocking(move || {
        let mut client = TcpStream::connect(address).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        client.write_all(b"GET / HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n").unwrap();
        assert!(raw::read_head(&mut client).starts_with("HTTP/1.1 101"));
        client.write_all(b"hello").unwrap();
        let mut said = [0; 5];
        client.read_exact(&mut said).unwrap();
        assert_eq!(&said, b"hello");
        client.read(&mut said).unwrap()
    });
    assert_eq!(spoken.await.unwrap(), 0, "the gateway has closed it");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_side_of_a_websocket_may_end_first() {
    let (gateway, _files) = Gateway::new().await;
    // It hears all there is before it says anything.
    let node = raw::Server::start(|mut stream, _| {
        raw::read_head(&mut stream);
        let head = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        let mut heard = String::new();
        stream.read_to_string(&mut heard).unwrap();
        stream.write_all(heard.to_uppercase().as_bytes()).unwrap();
    });
    let upstream = json!({"nodes": {node.address.to_string(): 1}});
    gateway.put("routes/1", json!({"uri": "/*", "enable_websocket": true, "upstream": upstream})).await;
    let address = gateway.address();
    let spoken = tokio::task::spawn_blocking(move || {
        let mut client = TcpStream::connect(address).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        client.write_all(b"GET / HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n").unwrap();
        assert!(raw::read_head(&mut client).starts_with("HTTP/1.1 101"));
        client.write_all(b"all of it").unwrap();
        client.shutdown(std::net::Shutdown::Write).unwrap();
        let mut said = String::new();
        client.read_to_string(&mut said).unwrap();
        said
    });
    assert_eq!(spoken.await.unwrap(), "ALL OF IT");
}
