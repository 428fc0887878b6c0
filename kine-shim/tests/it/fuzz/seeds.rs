//! The requests that the corpora begin with.

use portolan_etcd_proto::described::METHODS;
use portolan_etcd_proto::etcdserverpb::compare::{CompareResult, CompareTarget, TargetUnion};
use portolan_etcd_proto::etcdserverpb::request_op::Request;
use portolan_etcd_proto::etcdserverpb::watch_request::RequestUnion;
use portolan_etcd_proto::etcdserverpb::{
    CompactionRequest, Compare, DeleteRangeRequest, LeaseGrantRequest, LeaseKeepAliveRequest, LeaseTimeToLiveRequest,
    PutRequest, RangeRequest, RequestOp, TxnRequest, WatchCancelRequest, WatchCreateRequest, WatchProgressRequest,
    WatchRequest,
};
use prost::Message;

use super::input::Input;
use super::service::Face;
use crate::json;

/// Well-formed requests of every method, in the spelling of a face.
pub fn of(face: Face) -> Vec<Input> {
    let mut seeds = Vec::new();
    for method in 0..METHODS.len() {
        seeds.push(input(method, if face == Face::Json { b"{}".to_vec() } else { Vec::new() }));
    }
    let mut add = |path: &str, message: &dyn Fn(Face) -> Vec<u8>| {
        let method = METHODS.iter().position(|method| method.path.ends_with(path)).unwrap();
        seeds.push(input(method, message(face)));
    };
    let range =
        || RangeRequest { key: "/apisix/".into(), range_end: "/apisix0".into(), limit: 2, ..Default::default() };
    let put =
        || PutRequest { key: "/apisix/data_plane/x".into(), value: "v".into(), prev_kv: true, ..Default::default() };
    let delete = || DeleteRangeRequest { key: "/apisix/data_plane/".into(), range_end: "\0".into(), prev_kv: true };
    add("/Range", &|face| spelled(face, "/Range", &range()));
    add("/Range", &|face| {
        let sorted = RangeRequest { sort_order: 2, sort_target: 4, min_mod_revision: 2, keys_only: true, ..range() };
        spelled(face, "/Range", &RangeRequest { key: "\0".into(), range_end: "\0".into(), ..sorted })
    });
    add("/Range", &|face| spelled(face, "/Range", &RangeRequest { revision: 3, count_only: true, ..range() }));
    add("/Put", &|face| spelled(face, "/Put", &put()));
    add("/Put", &|face| {
        spelled(face, "/Put", &PutRequest { value: "".into(), ignore_value: true, ignore_lease: true, ..put() })
    });
    add("/DeleteRange", &|face| spelled(face, "/DeleteRange", &delete()));
    add("/Compact", &|face| spelled(face, "/Compact", &CompactionRequest { revision: 3, physical: true }));
    let op = |request| RequestOp { request: Some(request) };
    let compare = Compare {
        key: "/apisix/routes/1".into(),
        range_end: "\0".into(),
        result: CompareResult::Greater.into(),
        target: CompareTarget::Mod.into(),
        target_union: Some(TargetUnion::ModRevision(1)),
    };
    let inner = TxnRequest { success: vec![op(Request::RequestRange(range()))], ..TxnRequest::default() };
    let txn = TxnRequest {
        compare: vec![compare],
        success: vec![op(Request::RequestPut(put())), op(Request::RequestTxn(inner))],
        failure: vec![op(Request::RequestDeleteRange(delete())), op(Request::RequestRange(range()))],
    };
    add("/Txn", &|face| spelled(face, "/Txn", &txn));
    add("/LeaseGrant", &|face| spelled(face, "/LeaseGrant", &LeaseGrantRequest { id: 7, ttl: 60 }));
    add("/LeaseKeepAlive", &|face| spelled(face, "/LeaseKeepAlive", &LeaseKeepAliveRequest { id: 7 }));
    add("/LeaseTimeToLive", &|face| spelled(face, "/LeaseTimeToLive", &LeaseTimeToLiveRequest { id: 7, keys: true }));
    let watch = WatchCreateRequest {
        key: "/apisix/".into(),
        range_end: "/apisix0".into(),
        start_revision: 2,
        prev_kv: true,
        filters: vec![1],
        ..WatchCreateRequest::default()
    };
    for request in [
        RequestUnion::CreateRequest(watch),
        RequestUnion::CancelRequest(WatchCancelRequest { watch_id: 0 }),
        RequestUnion::ProgressRequest(WatchProgressRequest {}),
    ] {
        let request = WatchRequest { request_union: Some(request) };
        add("/Watch", &|face| spelled(face, "/Watch", &request));
    }
    // Everybody, from the beginning.
    let data_plane = seeds.iter().cloned().map(|seed| Input { who: 1, ..seed });
    let data_plane: Vec<_> = data_plane.collect();
    seeds.extend(data_plane);
    seeds
}

fn input(method: usize, body: Vec<u8>) -> Input {
    Input { method: method.try_into().unwrap(), who: 0, piece: 0, raw: false, body }
}

fn spelled(face: Face, path: &str, message: &impl Message) -> Vec<u8> {
    match face {
        Face::Grpc => message.encode_to_vec(),
        Face::Json => {
            let method = METHODS.iter().find(|method| method.path.ends_with(path)).unwrap();
            json::spelled(method.request, message).to_string().into_bytes()
        }
    }
}
