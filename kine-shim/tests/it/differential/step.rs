//! One request to either side, and its answer without what must differ.

use portolan_etcd_proto::etcdserverpb::response_op::Response as OpResponse;
use portolan_etcd_proto::etcdserverpb::{
    CompactionRequest, DeleteRangeRequest, LeaseGrantRequest, LeaseLeasesRequest, LeaseRevokeRequest,
    LeaseTimeToLiveRequest, PutRequest, RangeRequest, ResponseHeader, TxnRequest, TxnResponse,
};
use tonic::Status;

use super::Both;
use crate::client::Client;

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
    Leases,
}

impl Both {
    /// Sends the request to both and compares the answers.
    pub async fn same(&self, step: Step) {
        let (ours, theirs) = tokio::join!(answer(&self.ours, step.clone()), answer(&self.theirs, step.clone()));
        assert_eq!(ours, theirs, "ours and etcd's answer to {step:#?}");
    }
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
