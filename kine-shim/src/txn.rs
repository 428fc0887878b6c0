//! Txn: its arguments and its answer. What it means, `eventstore` says.

use portolan_etcd_proto::etcdserverpb::compare::{CompareResult, CompareTarget, TargetUnion};
use portolan_etcd_proto::etcdserverpb::request_op::Request;
use portolan_etcd_proto::etcdserverpb::response_op::Response;
use portolan_etcd_proto::etcdserverpb::{self as pb, RequestOp, ResponseHeader, ResponseOp, TxnRequest, TxnResponse};
use portolan_eventstore::KeyRange;
use portolan_eventstore::txn::{Compare, Op, OpAnswer, Operand, Relation, Txn, TxnAnswer};

use crate::errors::{self, Etcd};
use crate::view::View;
use crate::{delete, put, range};

mod overlap;

/// Operations that one level may hold, and a level with all levels above it.
const MAX_OPS: usize = 128;

/// The revisions around a transaction, and whether it has written yet: what the headers of its answers need.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress {
    /// Revision that the transaction followed.
    pub(crate) before: i64,
    /// Revision after it.
    pub(crate) after: i64,
    written: bool,
}

/// What can be said against a request without looking at the keys.
pub(crate) fn check(request: &TxnRequest) -> Result<(), Etcd> {
    check_level(request, MAX_OPS)?;
    // Only now: the check of the level bounds the work of this one.
    overlap::check(&request.success)?;
    overlap::check(&request.failure)
}

fn check_level(request: &TxnRequest, budget: usize) -> Result<(), Etcd> {
    let ops = request.compare.len().max(request.success.len()).max(request.failure.len());
    let Some(rest) = budget.checked_sub(ops) else { return Err(errors::TOO_MANY_OPS) };
    if request.compare.iter().any(|compare| compare.key.is_empty()) {
        return Err(errors::EMPTY_KEY);
    }
    request.success.iter().chain(&request.failure).try_for_each(|op| check_op(op, rest))
}

fn check_op(op: &RequestOp, budget: usize) -> Result<(), Etcd> {
    match &op.request {
        Some(Request::RequestRange(request)) => range::check(request),
        Some(Request::RequestPut(request)) => put::check(request),
        Some(Request::RequestDeleteRange(request)) => delete::check(request),
        Some(Request::RequestTxn(request)) => check_level(request, budget),
        None => Err(errors::KEY_NOT_FOUND),
    }
}

/// The request in the event store's terms; [`check`] has passed. An error when it may write where the view's owner may not,
/// whichever branch would run.
pub(crate) fn txn(view: &View, request: TxnRequest) -> Result<Txn, Etcd> {
    let ops = |ops: Vec<RequestOp>| -> Result<Vec<Op>, Etcd> {
        ops.into_iter().filter_map(|op| op.request).map(|op| self::op(view, op)).collect()
    };
    Ok(Txn {
        compares: request.compare.into_iter().map(|compare| self::compare(view, compare)).collect(),
        success: ops(request.success)?,
        failure: ops(request.failure)?,
    })
}

fn op(view: &View, op: Request) -> Result<Op, Etcd> {
    Ok(match op {
        Request::RequestRange(request) => Op::Range(range::query(view, request)),
        Request::RequestPut(request) => Op::Put(put::op(view, request)?),
        Request::RequestDeleteRange(request) => Op::Delete(delete::op(view, request)?),
        Request::RequestTxn(request) => Op::Txn(txn(view, request)?),
    })
}

fn compare(view: &View, compare: pb::Compare) -> Compare {
    let (result, target) = (compare.result(), compare.target());
    let relation = match result {
        CompareResult::Equal => Relation::Equal,
        CompareResult::Greater => Relation::Greater,
        CompareResult::Less => Relation::Less,
        CompareResult::NotEqual => Relation::NotEqual,
    };
    // As in etcd, an operand that is absent, or is not the target's own, is 0 or the empty value.
    let operand = match (target, compare.target_union) {
        (CompareTarget::Version, Some(TargetUnion::Version(v))) => Operand::Version(v),
        (CompareTarget::Version, _) => Operand::Version(0),
        (CompareTarget::Create, Some(TargetUnion::CreateRevision(v))) => Operand::Create(v),
        (CompareTarget::Create, _) => Operand::Create(0),
        (CompareTarget::Mod, Some(TargetUnion::ModRevision(v))) => Operand::Mod(v),
        (CompareTarget::Mod, _) => Operand::Mod(0),
        (CompareTarget::Lease, Some(TargetUnion::Lease(v))) => Operand::Lease(v),
        (CompareTarget::Lease, _) => Operand::Lease(0),
        (CompareTarget::Value, Some(TargetUnion::Value(v))) => Operand::Value(v),
        (CompareTarget::Value, _) => Operand::Value(bytes::Bytes::new()),
    };
    Compare { keys: view.inward(KeyRange::from_etcd(compare.key, compare.range_end)), relation, operand }
}

/// The answer on the wire. The outermost header is the caller's; operations carry the revision only, and a nested
/// transaction an empty header.
pub(crate) fn response(view: &View, answer: &TxnAnswer, progress: &mut Progress) -> TxnResponse {
    let responses = answer.answers.iter().map(|answer| op_response(view, answer, progress)).collect();
    TxnResponse { header: Some(ResponseHeader::default()), succeeded: answer.succeeded, responses }
}

fn op_response(view: &View, answer: &OpAnswer, progress: &mut Progress) -> ResponseOp {
    let response = match answer {
        OpAnswer::Range { revision, answer } => {
            let header = Some(ResponseHeader { revision: *revision, ..ResponseHeader::default() });
            Response::ResponseRange(pb::RangeResponse { header, ..range::response(view, answer) })
        }
        OpAnswer::Put { prev_kv } => {
            progress.written = true;
            let response = put::response(view, prev_kv.as_deref());
            Response::ResponsePut(pb::PutResponse { header: progress.header(), ..response })
        }
        OpAnswer::Delete { deleted, prev_kvs } => {
            progress.written |= *deleted > 0;
            let response = delete::response(view, *deleted, prev_kvs);
            Response::ResponseDeleteRange(pb::DeleteRangeResponse { header: progress.header(), ..response })
        }
        OpAnswer::Txn(inner) => Response::ResponseTxn(response(view, inner, progress)),
    };
    ResponseOp { response: Some(response) }
}

// === impl Progress ===

impl Progress {
    /// Of a transaction that took a revision.
    pub(crate) fn committed(revision: i64) -> Self {
        Self { before: revision - 1, after: revision, written: false }
    }

    /// Of one that changed nothing.
    pub(crate) fn unchanged(revision: i64) -> Self {
        Self { before: revision, after: revision, written: false }
    }

    fn header(&self) -> Option<ResponseHeader> {
        let revision = if self.written { self.after } else { self.before };
        Some(ResponseHeader { revision, ..ResponseHeader::default() })
    }
}

#[cfg(test)]
mod tests;
