use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use h2::{client, server};
use http::{Request, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::join;

use super::*;

const KILOBYTE: Bytes = Bytes::from_static(&[b'x'; 1024]);

/// Counts what would be system calls.
struct Counted {
    stream: DuplexStream,
    writes: Arc<AtomicUsize>,
}

impl AsyncRead for Counted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// The two ends; as much passes at a time as `room` says.
fn ends(room: usize) -> (Counted, DuplexStream, Arc<AtomicUsize>) {
    let (stream, other) = duplex(room);
    let writes = Arc::<AtomicUsize>::default();
    (Counted { stream, writes: writes.clone() }, other, writes)
}

#[tokio::test]
async fn ten_answers_leave_in_one_write() {
    let (stream, other, writes) = ends(1 << 20);
    let (stream, gate) = Gathered::over(stream);
    let serving = gate.behind(Box::pin(async move {
        let mut node = server::handshake(stream).await?;
        while let Some(asked) = node.accept().await {
            let mut body = asked?.1.send_response(Response::new(()), false)?;
            body.send_data(KILOBYTE, true)?;
        }
        Ok::<_, h2::Error>(())
    }));
    let asking = async {
        let (mut sender, connection) = client::handshake(other).await.unwrap();
        let all = (0..10).map(|_| sender.send_request(Request::new(()), true).unwrap().0).collect::<Vec<_>>();
        drop(sender);
        let answers = async {
            for answer in all {
                let mut body = answer.await.unwrap().into_body();
                assert_eq!(body.data().await.unwrap().unwrap(), KILOBYTE);
            }
        };
        let (ended, ()) = join!(connection, answers);
        ended.unwrap();
    };
    let (served, ()) = join!(serving, asking);
    served.unwrap();
    // Before them the settings, behind them the goodbye.
    let writes = writes.load(Ordering::Relaxed);
    assert!(writes <= 5, "{writes} writes");
}

#[tokio::test]
async fn every_byte_arrives_in_its_place() {
    for room in [100, 5_000, 1 << 20] {
        let (stream, mut other, _) = ends(room);
        let pieces = [1, 9, 3_000, 16 * 1024, 0, 16 * 1024 - 1, 40_000, 2, 13_000, 13_000, 7, 100_000];
        let whole: Vec<u8> = (0..pieces.iter().sum::<usize>()).map(|at| (at % 251) as u8).collect();
        let (mut read, sent) = (Vec::new(), whole.clone());
        let (mut stream, gate) = Gathered::over(stream);
        let writing = gate.behind(Box::pin(async move {
            let mut rest = &sent[..];
            for piece in pieces {
                let (piece, behind) = rest.split_at(piece);
                let (first, second) = piece.split_at(piece.len().min(9));
                let taken = stream.write_vectored(&[IoSlice::new(first), IoSlice::new(second)]).await?;
                stream.write_all(&piece[taken..]).await?;
                stream.flush().await?;
                rest = behind;
            }
            stream.shutdown().await
        }));
        let (written, read_all) = join!(writing, other.read_to_end(&mut read));
        written.unwrap();
        read_all.unwrap();
        assert!(read == whole, "room for {room}");
    }
}

#[tokio::test]
async fn what_waits_leaves_though_the_connection_has_nothing_to_do() {
    let (stream, mut other, _) = ends(100);
    let (mut stream, gate) = Gathered::over(stream);
    let writing = gate.behind(Box::pin(async move {
        stream.write_all(&KILOBYTE).await?;
        std::future::pending::<io::Result<()>>().await
    }));
    let mut read = [0; 1024];
    tokio::select! {
        _ = writing => panic!("it has no end"),
        read = other.read_exact(&mut read) => { read.unwrap(); }
    }
    assert_eq!(read, *KILOBYTE);
}
