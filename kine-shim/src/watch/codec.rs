//! Watch responses on the wire: a head that protobuf encodes, and events that are encoded already.

use bytes::{BufMut, Bytes};
use portolan_etcd_proto::etcdserverpb::{WatchRequest, WatchResponse};
use prost::Message as _;
use tonic::Status;
use tonic::codec::{BufferSettings, DecodeBuf, Decoder, EncodeBuf, Encoder};

/// One watch response. `events` of the head stays empty: it is the message's last field, so the encoded events that follow the head
/// are the same bytes as if they stood in it.
#[derive(Debug, Default)]
pub(crate) struct Frame {
    /// Everything but the events.
    pub(crate) head: WatchResponse,
    /// Encoded events: for gRPC each with tag and length, for the JSON gateway each an object.
    pub(crate) events: Vec<Bytes>,
}

/// What tonic sets aside for each direction of a stream from the beginning, in bytes; its own 8 KiB would be most of what an idle
/// watcher costs. Messages take what they need, and give it back.
const BUFFER: usize = 128;
/// From how many encoded bytes on they are passed on (tonic's default).
const ENOUGH: usize = 32 * 1024;

/// What tonic wants to know.
#[derive(Clone, Copy, Debug)]
pub(super) struct Codec;

// === impl Frame ===

impl Frame {
    /// Size on the wire, in bytes.
    pub(super) fn size(&self) -> usize {
        self.head.encoded_len() + self.events.iter().map(Bytes::len).sum::<usize>()
    }
}

impl From<WatchResponse> for Frame {
    fn from(head: WatchResponse) -> Self {
        Self { head, events: Vec::new() }
    }
}

// === impl Codec ===

impl tonic::codec::Codec for Codec {
    type Encode = Frame;
    type Decode = WatchRequest;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Codec {
    type Item = Frame;
    type Error = Status;

    fn encode(&mut self, frame: Frame, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.reserve(frame.size());
        frame.head.encode(buffer).map_err(|error| Status::internal(error.to_string()))?;
        for event in frame.events {
            buffer.put(event);
        }
        Ok(())
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(BUFFER, ENOUGH)
    }
}

impl Decoder for Codec {
    type Item = WatchRequest;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<WatchRequest>, Status> {
        WatchRequest::decode(buffer).map(Some).map_err(|error| Status::internal(error.to_string()))
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(BUFFER, ENOUGH)
    }
}
