//! A gRPC server without TLS that answers each call with the bytes it was sent.

use std::convert::Infallible;

use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use crate::local::{Executor, announce, run_local, spawn};

type Answer = http_body_util::combinators::BoxBody<Bytes, Infallible>;

/// Serves for ever.
pub fn run() -> anyhow::Result<()> {
    run_local(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        announce(&[&listener])?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            spawn(async move {
                let serving = http2::Builder::new(Executor).serve_connection(TokioIo::new(stream), service_fn(answer));
                // A client that goes away is none of our errors.
                serving.await.ok();
            });
        }
    })
}

async fn answer(request: Request<Incoming>) -> Result<Response<Answer>, hyper::Error> {
    let body = request.into_body().collect().await?.to_bytes();
    let trailers =
        HeaderMap::from_iter([(http::HeaderName::from_static("grpc-status"), HeaderValue::from_static("0"))]);
    let body = Full::new(body).with_trailers(std::future::ready(Some(Ok(trailers))));
    let mut response = Response::new(body.boxed());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    Ok(response)
}
