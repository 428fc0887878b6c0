//! The Watch service: many watchers on one stream, each with its own place in the log.
//!
//! A watcher is a cursor, the next revision it has to look at. Nothing is queued for it: the stream reads the log from the cursor
//! when the client is ready for more. So a slow client costs no memory and is never dropped, it is only behind; and where the
//! events of one revision begin and end is never lost.
//!
//! Two faces show it: gRPC, here, and the JSON gateway (`gateway/watch.rs`).
//!
//! `stream.rs` is the life of one stream, `watcher.rs` what one watcher gets to see, `events.rs` encodes events once for all
//! watchers of a view, `pulse.rs` wakes the streams (with `bell.rs`), `codec.rs` puts encoded events on the wire.

use std::pin::Pin;
use std::sync::Arc;

use futures_util::Stream;
use portolan_etcd_proto::etcdserverpb::WatchRequest;
use tonic::server::{Grpc, StreamingService};
use tonic::{Request, Response, Status, Streaming};

use crate::app::{App, MAX_MESSAGE_BYTES};

mod bell;
mod codec;
mod events;
mod pulse;
mod stream;
mod watcher;

pub(crate) use codec::Frame;
pub(crate) use events::Events;
pub(crate) use pulse::Heart;
pub(crate) use stream::{Opening, PROGRESS_INTERVAL, open};

use codec::Codec;

/// How a client of the service speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Face {
    /// In protobuf messages over gRPC.
    Grpc,
    /// In lines of JSON.
    Json,
}

/// Path of the one method.
pub(crate) const PATH: &str = "/etcdserverpb.Watch/Watch";

/// Answers a call of the method. Written by hand, since a generated server would encode each event for each watcher.
pub(crate) async fn serve(
    app: Arc<App>,
    request: http::Request<axum::body::Body>,
) -> http::Response<tonic::body::Body> {
    Grpc::new(Codec).max_decoding_message_size(MAX_MESSAGE_BYTES).streaming(Method(app), request).await
}

struct Method(Arc<App>);

type Answers = Pin<Box<dyn Stream<Item = Result<Frame, Status>> + Send>>;

impl StreamingService<WatchRequest> for Method {
    type Response = Frame;
    type ResponseStream = Answers;
    type Future = std::future::Ready<Result<Response<Answers>, Status>>;

    fn call(&mut self, request: Request<Streaming<WatchRequest>>) -> Self::Future {
        let viewer = self.0.identify(request.extensions(), request.metadata().as_ref());
        let opening = Opening { viewer, requests: request.into_inner(), face: Face::Grpc };
        let answers = stream::open(self.0.clone(), opening);
        std::future::ready(Ok(Response::new(Box::pin(answers))))
    }
}
