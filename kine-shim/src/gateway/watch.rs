//! The watch: as over gRPC, but each response is a line, written around events that were encoded once for all watchers.

use std::sync::Arc;

use axum::response::Response;
use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::StreamExt as _;
use portolan_etcd_proto::described;
use portolan_etcd_proto::etcdserverpb::WatchRequest;
use prost::Message as _;
use tonic::Status;

use super::body::Messages;
use super::call::{Call, lines_response};
use super::{error, json};
use crate::app::App;
use crate::watch::{self, Face, Frame, Opening};

/// Opens a watch. The first request is read before the answer begins, so that one that makes no sense is refused with a status.
pub(super) async fn serve(app: Arc<App>, call: Call) -> Response {
    let Call { method, parts, body } = call;
    let mut messages = Messages::new(body, method.request);
    let first = match messages.next().await {
        Ok(first) => first,
        Err(text) => {
            messages.drain().await;
            return error::whole(&Status::unknown(text));
        }
    };
    let requests = messages
        .after(first)
        .map(|message| WatchRequest::decode(message.as_slice()).map_err(|error| Status::internal(error.to_string())));
    let viewer = app.identify(&parts.extensions, &parts.headers);
    let opening = Opening { viewer, requests: Box::pin(requests), face: Face::Json };
    lines_response(watch::open(app, opening).map(|frame| match frame {
        Ok(frame) => line(frame),
        Err(status) => error::line(&status),
    }))
}

fn line(frame: Frame) -> Bytes {
    let Frame { head, events } = frame;
    let size = events.iter().map(|event| event.len() + 1).sum::<usize>();
    let mut line = BytesMut::with_capacity(size + 256);
    line.put_slice(b"{\"result\":");
    json::write(&described::WATCH_RESPONSE, &head.encode_to_vec(), &mut line);
    // The events are the last field of the message, and every response has a header before them.
    for (index, event) in events.iter().enumerate() {
        if index == 0 {
            line.truncate(line.len() - 1);
        }
        line.put_slice(if index == 0 { b",\"events\":[" } else { b"," });
        line.put_slice(event);
    }
    line.put_slice(if events.is_empty() { b"}\n" } else { b"]}}\n" });
    line.freeze()
}
