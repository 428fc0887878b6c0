//! One request to either side, and its answer without what must differ.

use portolan_etcd_proto::etcdserverpb::response_op::Response as OpResponse;
use portolan_etcd_proto::etcdserverpb::{
    CompactionRequest, DeleteRangeRequest, LeaseGrantRequest, LeaseKeepAliveRequest, LeaseLeasesRequest,
    LeaseRevokeRequest, LeaseTimeToLiveRequest, PutRequest, RangeRequest, ResponseHeader, TxnRequest, TxnResponse,
};
use tonic::Status;

use portolan_testkit::raw::Target;
use serde_json::Value;

use super::{Both, Face};
use crate::client::Client;
use crate::json::{self, messages};

/// A request.
#[derive(Clone, Debug)]
pub enum Step {
    Range(RangeRequest),
    Put(PutRequest),
    Delete(DeleteRangeRequest),
    Txn(TxnRequest),
    Compact(i64),
    Grant(i64, i64),
    Revoke(i64),
    TimeToLive(i64),
    /// One after the other on one stream.
    KeepAlive(Vec<i64>),
    Leases,
}

impl Both {
    /// Sends the request to both and compares the answers.
    pub async fn same(&self, step: Step) {
        let (ours, theirs) = match self.face {
            Face::Grpc => tokio::join!(answer(&self.ours, step.clone()), answer(&self.theirs, step.clone())),
            Face::Json => {
                let (ours, theirs) =
                    tokio::join!(json_answer(&self.our_json, &step), json_answer(&self.their_json, &step));
                let theirs = as_in_3_5(theirs);
                (format!("{ours:?}"), format!("{theirs:?}"))
            }
        };
        assert_eq!(ours, theirs, "ours and etcd's answer to {step:#?}");
    }
}

/// An answer of etcd's gateway as 3.5 gives it: 3.4 has 412 for code 9 and another order of an error's members, 3.6 no `error`.
pub fn as_in_3_5((status, text): (u16, String)) -> (u16, String) {
    let status = if status == 412 { 400 } else { status };
    let text = match serde_json::from_str::<Value>(&text) {
        Ok(answer) if answer["code"].is_number() => {
            let message = &answer["message"];
            serde_json::json!({ "error": message, "code": answer["code"], "message": message }).to_string()
        }
        _ => text,
    };
    (status, text)
}

async fn json_answer(target: &Target, step: &Step) -> (u16, String) {
    let (path, body) = match step {
        Step::Range(request) => ("kv/range", json::spelled(&messages::RANGE_REQUEST, request)),
        Step::Put(request) => ("kv/put", json::spelled(&messages::PUT_REQUEST, request)),
        Step::Delete(request) => ("kv/deleterange", json::spelled(&messages::DELETE_RANGE_REQUEST, request)),
        Step::Txn(request) => ("kv/txn", json::spelled(&messages::TXN_REQUEST, request)),
        Step::Compact(revision) => {
            let request = CompactionRequest { revision: *revision, physical: true };
            ("kv/compaction", json::spelled(&messages::COMPACTION_REQUEST, &request))
        }
        Step::Grant(id, ttl) => {
            let request = LeaseGrantRequest { id: *id, ttl: *ttl };
            ("lease/grant", json::spelled(&messages::LEASE_GRANT_REQUEST, &request))
        }
        // Both spellings of these paths are served.
        Step::Revoke(id) if id % 2 == 0 => {
            ("lease/revoke", json::spelled(&messages::LEASE_REVOKE_REQUEST, &LeaseRevokeRequest { id: *id }))
        }
        Step::Revoke(id) => {
            ("kv/lease/revoke", json::spelled(&messages::LEASE_REVOKE_REQUEST, &LeaseRevokeRequest { id: *id }))
        }
        Step::TimeToLive(id) => {
            let request = LeaseTimeToLiveRequest { id: *id, keys: true };
            ("kv/lease/timetolive", json::spelled(&messages::LEASE_TIME_TO_LIVE_REQUEST, &request))
        }
        Step::KeepAlive(ids) => {
            let message =
                |id: &i64| json::spelled(&messages::LEASE_KEEP_ALIVE_REQUEST, &LeaseKeepAliveRequest { id: *id });
            ("lease/keepalive", Value::from_iter(ids.iter().map(message)))
        }
        Step::Leases => ("kv/lease/leases", Value::Object(serde_json::Map::new())),
    };
    // The requests of a stream stand one behind the other.
    let body = match (step, &body) {
        (Step::KeepAlive(_), Value::Array(requests)) => requests.iter().map(Value::to_string).collect(),
        _ => body.to_string(),
    };
    let (status, text) = json::post(target, &format!("/v3/{path}"), body.as_bytes()).await;
    let mut text = json::stripped(&text);
    if matches!(step, Step::TimeToLive(_)) {
        let mut answer: Value = serde_json::from_str(&text).unwrap();
        // Time passes, and etcd gives the keys in no order.
        if answer["TTL"] != "-1" {
            answer["TTL"] = "some".into();
        }
        if let Some(keys) = answer.get_mut("keys").and_then(Value::as_array_mut) {
            keys.sort_by_key(Value::to_string);
        }
        text = answer.to_string();
    }
    (status, text)
}

async fn answer(client: &Client, step: Step) -> String {
    macro_rules! shown {
        ($call:expr) => {
            match $call.await {
                Ok(response) => {
                    let mut response = response.into_inner();
                    strip(&mut response.header);
                    format!("{response:#?}")
                }
                Err(status) => refusal(&status),
            }
        };
    }
    match step {
        Step::Range(request) => shown!(client.kv().range(request)),
        Step::Put(request) => shown!(client.kv().put(request)),
        Step::Delete(request) => shown!(client.kv().delete_range(request)),
        Step::Compact(revision) => shown!(client.kv().compact(CompactionRequest { revision, physical: true })),
        Step::Grant(id, ttl) => shown!(client.lease().lease_grant(LeaseGrantRequest { id, ttl })),
        Step::Revoke(id) => shown!(client.lease().lease_revoke(LeaseRevokeRequest { id })),
        Step::Leases => shown!(client.lease().lease_leases(LeaseLeasesRequest {})),
        Step::KeepAlive(ids) => {
            let requests = ids.into_iter().map(|id| LeaseKeepAliveRequest { id });
            let mut answers = match client.lease().lease_keep_alive(futures_util::stream::iter(requests)).await {
                Ok(answers) => answers.into_inner(),
                Err(status) => return refusal(&status),
            };
            let mut all = String::new();
            loop {
                match answers.message().await {
                    Ok(None) => return all,
                    Ok(Some(mut answer)) => {
                        strip(&mut answer.header);
                        all.push_str(&format!("{answer:?}\n"));
                    }
                    Err(status) => return all + &refusal(&status),
                }
            }
        }
        Step::TimeToLive(id) => {
            match client.lease().lease_time_to_live(LeaseTimeToLiveRequest { id, keys: true }).await {
                Ok(response) => {
                    let mut response = response.into_inner();
                    strip(&mut response.header);
                    // Time passes, and etcd gives the keys in no order.
                    response.ttl = response.ttl.min(1);
                    response.keys.sort();
                    format!("{response:#?}")
                }
                Err(status) => refusal(&status),
            }
        }
        Step::Txn(request) => match client.kv().txn(request).await {
            Ok(response) => {
                let mut response = response.into_inner();
                strip_txn(&mut response);
                format!("{response:#?}")
            }
            Err(status) => refusal(&status),
        },
    }
}

fn refusal(status: &Status) -> String {
    format!("{:?}: {}", status.code(), status.message())
}

/// Checks that the ids are there and takes them out.
pub fn strip(header: &mut Option<ResponseHeader>) {
    let header = header.as_mut().expect("an answer has a header");
    assert!(header.cluster_id != 0 && header.member_id != 0 && header.raft_term != 0, "{header:?}");
    *header = ResponseHeader { revision: header.revision, ..ResponseHeader::default() };
}

/// Headers inside of a transaction hold no ids on either side, so only the outer one is touched.
fn strip_txn(response: &mut TxnResponse) {
    strip(&mut response.header);
    for op in &response.responses {
        if let Some(OpResponse::ResponsePut(put)) = &op.response {
            assert_eq!(put.header.as_ref().unwrap().cluster_id, 0);
        }
    }
}
