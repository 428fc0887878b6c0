//! Plain HTTP on a port that speaks HTTPS: who does that is told so, where the connection would just end.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const ANSWER: &str = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 54\r\n\
     Connection: close\r\n\r\nThis port speaks HTTPS: ask again with \"https://…\".\n";
/// Bytes of the request that are read on, so that its sender gets to read the answer.
const DRAINED: u64 = 64 * 1024;

/// Turns such a client away; leaves the bytes of everybody else where they are.
pub(super) async fn turn_away(stream: &mut TcpStream) -> io::Result<()> {
    let mut first = [0];
    // A handshake begins with 22, a method with a capital letter.
    if stream.peek(&mut first).await? == 0 || !first[0].is_ascii_uppercase() {
        return Ok(());
    }
    stream.write_all(ANSWER.as_bytes()).await?;
    stream.shutdown().await?;
    tokio::io::copy(&mut stream.take(DRAINED), &mut tokio::io::sink()).await?;
    Err(io::Error::new(io::ErrorKind::InvalidData, "plain HTTP where TLS is spoken"))
}
