//! The rules that are easy to get wrong, one table a subject.

use bytes::Bytes;
use portolan_etcd_proto::etcdserverpb::compare::{CompareResult, CompareTarget, TargetUnion};
use portolan_etcd_proto::etcdserverpb::range_request::{SortOrder, SortTarget};
use portolan_etcd_proto::etcdserverpb::request_op::Request;
use portolan_etcd_proto::etcdserverpb::{Compare, DeleteRangeRequest, PutRequest, RangeRequest, RequestOp, TxnRequest};

use super::Both;
use super::over_both_faces;
use super::step::Step;

pub fn put(key: &str, value: &str) -> PutRequest {
    PutRequest { key: bytes(key), value: bytes(value), ..PutRequest::default() }
}

pub fn range(key: &str, range_end: &str) -> RangeRequest {
    RangeRequest { key: bytes(key), range_end: bytes(range_end), ..RangeRequest::default() }
}

pub fn delete(key: &str, range_end: &str) -> DeleteRangeRequest {
    DeleteRangeRequest { key: bytes(key), range_end: bytes(range_end), prev_kv: false }
}

pub fn op(request: Request) -> RequestOp {
    RequestOp { request: Some(request) }
}

fn put_op(key: &str, value: &str) -> RequestOp {
    op(Request::RequestPut(put(key, value)))
}

fn range_op(key: &str, range_end: &str) -> RequestOp {
    op(Request::RequestRange(range(key, range_end)))
}

fn delete_op(key: &str, range_end: &str) -> RequestOp {
    op(Request::RequestDeleteRange(delete(key, range_end)))
}

fn txn_op(txn: TxnRequest) -> RequestOp {
    op(Request::RequestTxn(txn))
}

pub fn compare(
    key: &str,
    range_end: &str,
    target: CompareTarget,
    result: CompareResult,
    operand: Option<TargetUnion>,
) -> Compare {
    Compare {
        result: result.into(),
        target: target.into(),
        key: bytes(key),
        range_end: bytes(range_end),
        target_union: operand,
    }
}

fn txn(compare: Vec<Compare>, success: Vec<RequestOp>, failure: Vec<RequestOp>) -> TxnRequest {
    TxnRequest { compare, success, failure }
}

fn then(success: Vec<RequestOp>) -> Step {
    Step::Txn(txn(Vec::new(), success, Vec::new()))
}

fn bytes(text: &str) -> Bytes {
    Bytes::from(text.to_owned())
}

async fn all_same(both: Both, steps: Vec<Step>) {
    for step in steps {
        both.same(step).await;
    }
}

async fn ranges(both: Both) {
    both.same(Step::Range(range("a", ""))).await;
    for (key, value) in
        [("a", "3"), ("b", "2"), ("c", "1"), ("b", "0"), ("d", "9"), ("a", "5"), ("aa", "7"), ("\u{ff}", "x")]
    {
        both.same(Step::Put(put(key, value))).await;
    }
    both.same(Step::Delete(delete("d", ""))).await;
    for (key, end) in [
        ("", ""),
        ("", "\0"),
        ("a", ""),
        ("a", "b"),
        ("a", "c"),
        ("a", "\0"),
        ("\0", "\0"),
        ("b", "a"),
        ("b", "b"),
        ("a", "a\0"),
        ("nothing", ""),
        ("x", "z"),
    ] {
        both.same(Step::Range(range(key, end))).await;
        for limit in [-1, 1, 2, 100] {
            both.same(Step::Range(RangeRequest { limit, ..range(key, end) })).await;
        }
        for revision in [-1, 1, 2, 4, 10, 11, 99] {
            both.same(Step::Range(RangeRequest { revision, ..range(key, end) })).await;
            both.same(Step::Range(RangeRequest { revision, limit: 1, serializable: true, ..range(key, end) })).await;
        }
        both.same(Step::Range(RangeRequest { keys_only: true, ..range(key, end) })).await;
        both.same(Step::Range(RangeRequest { count_only: true, ..range(key, end) })).await;
        both.same(Step::Range(RangeRequest { count_only: true, keys_only: true, limit: 1, ..range(key, end) })).await;
    }
    for target in [SortTarget::Key, SortTarget::Version, SortTarget::Create, SortTarget::Mod, SortTarget::Value] {
        for order in [SortOrder::None, SortOrder::Ascend, SortOrder::Descend] {
            for limit in [0, 2] {
                let sorted =
                    RangeRequest { limit, sort_order: order.into(), sort_target: target.into(), ..range("\0", "\0") };
                both.same(Step::Range(sorted)).await;
            }
        }
    }
    for bound in [-1, 1, 3, 5, 7, 20] {
        for limit in [0, 1] {
            let all = RangeRequest { limit, ..range("\0", "\0") };
            both.same(Step::Range(RangeRequest { min_mod_revision: bound, ..all.clone() })).await;
            both.same(Step::Range(RangeRequest { max_mod_revision: bound, ..all.clone() })).await;
            both.same(Step::Range(RangeRequest { min_create_revision: bound, ..all.clone() })).await;
            both.same(Step::Range(RangeRequest { max_create_revision: bound, ..all.clone() })).await;
            let between = RangeRequest { min_mod_revision: 3, max_mod_revision: bound, keys_only: true, ..all };
            both.same(Step::Range(between)).await;
        }
    }
}

async fn puts_and_deletes(both: Both) {
    let prev = |request: PutRequest| Step::Put(PutRequest { prev_kv: true, ..request });
    let prev_del = |request: DeleteRangeRequest| Step::Delete(DeleteRangeRequest { prev_kv: true, ..request });
    let ignoring = |key: &str, value: &str, ignore_value, ignore_lease, lease| {
        Step::Put(PutRequest { ignore_value, ignore_lease, lease, ..put(key, value) })
    };
    all_same(
        both,
        vec![
            Step::Put(put("", "v")),
            prev(put("k", "v1")),
            prev(put("k", "v1")),
            prev(put("k", "")),
            Step::Range(range("k", "")),
            Step::Put(put("other", "x")),
            // kine loses this one.
            prev(put("k", "v4")),
            Step::Range(range("k", "")),
            ignoring("k", "", true, false, 0),
            ignoring("k", "x", true, false, 0),
            ignoring("missing", "", true, false, 0),
            ignoring("missing", "v", false, true, 0),
            ignoring("k", "v", false, true, 0),
            ignoring("k", "v", false, true, 7),
            ignoring("k", "", true, true, 0),
            ignoring("", "x", true, true, 7),
            ignoring("k", "v", false, false, 4711),
            Step::Range(range("k", "")),
            Step::Delete(delete("", "")),
            Step::Delete(delete("missing", "")),
            prev_del(delete("k", "")),
            prev_del(delete("k", "")),
            prev(put("k", "again")),
            Step::Put(put("l", "1")),
            Step::Put(put("m", "1")),
            prev_del(delete("l", "k")),
            prev_del(delete("k", "m")),
            prev_del(delete("\0", "\0")),
            Step::Delete(delete("\0", "\0")),
            Step::Range(range("\0", "\0")),
        ],
    )
    .await;
}

async fn compares(both: Both) {
    use CompareResult::{Equal, Greater, Less, NotEqual};
    both.same(Step::Grant(77, 600)).await;
    for (key, value) in [("a", "1"), ("b", "2"), ("b", "3"), ("c", "3")] {
        both.same(Step::Put(put(key, value))).await;
    }
    both.same(Step::Put(PutRequest { lease: 77, ..put("leased", "x") })).await;
    for (key, end) in
        [("a", ""), ("b", ""), ("leased", ""), ("none", ""), ("a", "d"), ("a", "\0"), ("x", "z"), ("d", "a")]
    {
        for result in [Equal, Greater, Less, NotEqual] {
            for number in [0, 1, 2, 4, 77] {
                for (target, operand) in [
                    (CompareTarget::Version, TargetUnion::Version(number)),
                    (CompareTarget::Create, TargetUnion::CreateRevision(number)),
                    (CompareTarget::Mod, TargetUnion::ModRevision(number)),
                    (CompareTarget::Lease, TargetUnion::Lease(number)),
                ] {
                    let condition = compare(key, end, target, result, Some(operand));
                    both.same(Step::Txn(txn(vec![condition], Vec::new(), vec![range_op(key, end)]))).await;
                }
            }
            for value in ["", "2", "3"] {
                let condition = compare(key, end, CompareTarget::Value, result, Some(TargetUnion::Value(bytes(value))));
                both.same(Step::Txn(txn(vec![condition], Vec::new(), Vec::new()))).await;
            }
            for target in [CompareTarget::Version, CompareTarget::Mod, CompareTarget::Value, CompareTarget::Lease] {
                both.same(Step::Txn(txn(vec![compare(key, end, target, result, None)], Vec::new(), Vec::new()))).await;
            }
        }
    }
    // The operand of another target counts as none.
    let odd = compare("a", "", CompareTarget::Version, Equal, Some(TargetUnion::ModRevision(1)));
    both.same(Step::Txn(txn(vec![odd], Vec::new(), Vec::new()))).await;
    let empty = compare("", "", CompareTarget::Version, Equal, None);
    both.same(Step::Txn(txn(vec![empty], Vec::new(), Vec::new()))).await;
}

async fn transactions(both: Both) {
    let version_is = |key: &str, version| {
        compare(key, "", CompareTarget::Version, CompareResult::Equal, Some(TargetUnion::Version(version)))
    };
    let prev_put = |key: &str, value: &str| op(Request::RequestPut(PutRequest { prev_kv: true, ..put(key, value) }));
    let prev_delete = |key: &str, end: &str| {
        op(Request::RequestDeleteRange(DeleteRangeRequest { prev_kv: true, ..delete(key, end) }))
    };
    let at = |revision| op(Request::RequestRange(RangeRequest { revision, ..range("a", "z") }));
    let ignoring = |key: &str| op(Request::RequestPut(PutRequest { ignore_value: true, ..put(key, "") }));
    let leased = |key: &str, lease| op(Request::RequestPut(PutRequest { lease, ..put(key, "v") }));
    all_same(
        both,
        vec![
            then(vec![]),
            then(vec![range_op("a", "z")]),
            then(vec![delete_op("a", "z")]),
            // create if absent, twice
            Step::Txn(txn(vec![version_is("a", 0)], vec![put_op("a", "1")], vec![range_op("a", "")])),
            Step::Txn(txn(vec![version_is("a", 0)], vec![put_op("a", "1")], vec![range_op("a", "")])),
            // headers before and after the first write; reads see the writes
            then(vec![
                range_op("a", "z"),
                delete_op("x", ""),
                prev_put("b", "2"),
                range_op("a", "z"),
                delete_op("x", ""),
                put_op("c", "3"),
            ]),
            then(vec![prev_delete("a", "c"), range_op("a", "z"), put_op("d", "4"), range_op("a", "z")]),
            then(vec![range_op("a", "z"), prev_delete("c", "z")]),
            Step::Range(range("\0", "\0")),
            // nested, and nested compares see the state before everything
            then(vec![
                put_op("n", "1"),
                txn_op(txn(vec![version_is("n", 0)], vec![put_op("o", "absent")], vec![put_op("o", "present")])),
            ]),
            then(vec![
                txn_op(txn(vec![version_is("n", 1)], vec![range_op("a", "z"), prev_delete("n", "")], vec![])),
                range_op("a", "z"),
            ]),
            then(vec![txn_op(txn(
                vec![],
                vec![txn_op(txn(vec![version_is("o", 9)], vec![], vec![put_op("p", "deep")]))],
                vec![],
            ))]),
            then(vec![txn_op(txn(vec![], vec![], vec![]))]),
            Step::Range(range("\0", "\0")),
            // duplicates
            then(vec![put_op("a", "1"), put_op("a", "2")]),
            then(vec![put_op("a", "1"), delete_op("a", "")]),
            then(vec![delete_op("a", "c"), put_op("b", "1")]),
            then(vec![delete_op("a", "c"), delete_op("b", "d"), put_op("d", "1")]),
            then(vec![put_op("a", "1"), txn_op(txn(vec![], vec![put_op("a", "2")], vec![]))]),
            then(vec![txn_op(txn(vec![], vec![put_op("a", "2")], vec![put_op("a", "3")]))]),
            then(vec![
                txn_op(txn(vec![], vec![put_op("a", "2")], vec![])),
                txn_op(txn(vec![], vec![], vec![put_op("a", "3")])),
            ]),
            then(vec![txn_op(txn(vec![], vec![delete_op("a", "")], vec![])), put_op("a", "1")]),
            then(vec![
                txn_op(txn(vec![], vec![delete_op("a", "")], vec![])),
                txn_op(txn(vec![], vec![put_op("a", "1")], vec![])),
            ]),
            then(vec![
                txn_op(txn(vec![], vec![put_op("a", "1")], vec![])),
                txn_op(txn(vec![], vec![delete_op("a", "")], vec![])),
            ]),
            then(vec![txn_op(txn(vec![], vec![put_op("a", "1")], vec![delete_op("a", "")]))]),
            Step::Txn(txn(vec![version_is("a", 99)], vec![put_op("a", "1"), put_op("a", "2")], vec![])),
            // "from the key on" is no duplicate of anything
            then(vec![put_op("y", "1"), delete_op("x", "\0")]),
            then(vec![delete_op("w", "\0"), put_op("y", "2"), range_op("a", "\0")]),
            Step::Range(range("\0", "\0")),
            // arguments
            then(vec![put_op("", "1")]),
            then(vec![range_op("", "")]),
            then(vec![delete_op("", "")]),
            then(vec![RequestOp { request: None }]),
            then(vec![txn_op(txn(vec![], vec![put_op("", "")], vec![]))]),
            then(vec![put_op("v", "1"), ignoring("absent")]),
            then(vec![put_op("v", "1"), leased("w", 999)]),
            Step::Txn(txn(vec![], vec![], vec![leased("w", 999)])),
            Step::Range(range("\0", "\0")),
            // revisions
            then(vec![at(1)]),
            then(vec![at(4)]),
            then(vec![at(99)]),
            then(vec![put_op("v", "1"), at(99)]),
            then(vec![put_op("v", "1"), at(5), range_op("v", "")]),
            Step::Range(range("\0", "\0")),
            // counts
            then(vec![range_op("a", ""); 128]),
            then(vec![range_op("a", ""); 129]),
            Step::Txn(txn(vec![version_is("a", 1); 129], vec![], vec![])),
            Step::Txn(txn(vec![], vec![], vec![range_op("a", ""); 129])),
            then(
                [vec![range_op("a", ""); 63], vec![txn_op(txn(vec![], vec![range_op("a", ""); 64], vec![]))]].concat(),
            ),
            then(
                [vec![range_op("a", ""); 63], vec![txn_op(txn(vec![], vec![range_op("a", ""); 65], vec![]))]].concat(),
            ),
            Step::Range(range("\0", "\0")),
        ],
    )
    .await;
}

async fn a_read_inside_a_transaction_may_not_see_the_revision_it_makes(both: Both) {
    let at = |revision| op(Request::RequestRange(RangeRequest { revision, ..range("a", "z") }));
    all_same(
        both,
        vec![
            Step::Put(put("a", "1")),
            then(vec![put_op("b", "1"), at(3)]),
            then(vec![put_op("b", "1"), txn_op(txn(vec![], vec![at(3)], vec![]))]),
            then(vec![put_op("b", "1"), at(2)]),
            Step::Range(range("\0", "\0")),
        ],
    )
    .await;
}

async fn leases(both: Both) {
    let leased = |key: &str, lease| Step::Put(PutRequest { lease, ..put(key, "v") });
    let prev = |key: &str| Step::Put(PutRequest { prev_kv: true, ..put(key, "v") });
    all_same(
        both,
        vec![
            Step::Leases,
            Step::Grant(1001, 600),
            Step::Grant(1001, 600),
            Step::Grant(1002, 1),
            Step::Grant(1003, 0),
            Step::Grant(1004, -5),
            Step::Grant(1005, 9_000_000_000),
            Step::Grant(1006, 9_000_000_001),
            Step::Revoke(1002),
            Step::Revoke(1003),
            Step::Revoke(1004),
            Step::Revoke(1005),
            Step::Leases,
            leased("a", 1001),
            leased("b", 1001),
            leased("c", 999),
            Step::TimeToLive(1001),
            Step::TimeToLive(999),
            // another lease moves the key, none detaches it
            Step::Grant(1007, 600),
            leased("a", 1007),
            Step::TimeToLive(1001),
            Step::TimeToLive(1007),
            Step::Put(PutRequest { ignore_lease: true, ..put("a", "w") }),
            Step::TimeToLive(1007),
            prev("a"),
            Step::TimeToLive(1007),
            leased("d", 1001),
            leased("c", 1001),
            Step::Delete(delete("d", "")),
            Step::TimeToLive(1001),
            Step::KeepAlive(vec![1001, 999, 1007, 1001]),
            Step::KeepAlive(vec![]),
            Step::Revoke(1001),
            Step::Revoke(1001),
            Step::Revoke(1007),
            Step::Range(range("\0", "\0")),
            Step::TimeToLive(1001),
            Step::Leases,
        ],
    )
    .await;
}

/// What is large beyond doubt: etcd counts what it wraps a request in, some bytes more than the request.
async fn limits(both: Both) {
    for size in [1_572_000, 1_572_864, 2_090_000, 2_200_000] {
        let value = "x".repeat(size);
        both.same(Step::Put(put("k", &value))).await;
        both.same(then(vec![put_op("k", &value)])).await;
        both.same(Step::Range(RangeRequest { count_only: true, ..range("k", "") })).await;
    }
}

async fn compactions(both: Both) {
    let at = |revision| Step::Range(RangeRequest { revision, ..range("a", "z") });
    all_same(
        both,
        vec![
            Step::Compact(5),
            Step::Put(put("a", "1")),
            Step::Put(put("a", "2")),
            Step::Put(put("b", "1")),
            Step::Delete(delete("a", "")),
            Step::Put(put("c", "1")),
            Step::Compact(4),
            at(3),
            at(4),
            at(5),
            at(0),
            Step::Compact(4),
            Step::Compact(3),
            Step::Compact(0),
            Step::Compact(-1),
            Step::Compact(99),
            Step::Compact(6),
            at(5),
            at(6),
            then(vec![put_op("x", "1"), op(Request::RequestRange(RangeRequest { revision: 5, ..range("a", "z") }))]),
            Step::Range(range("\0", "\0")),
        ],
    )
    .await;
}

/// Before the first compaction one at 0 is fine, once.
async fn compactions_at_zero(both: Both) {
    let steps = [-1, 0, 0, -1, 1, 1, 0].map(Step::Compact);
    all_same(both, steps.into_iter().chain([Step::Put(put("a", "1")), Step::Compact(2), Step::Compact(0)]).collect())
        .await;
}

over_both_faces!(
    ranges,
    puts_and_deletes,
    compares,
    transactions,
    a_read_inside_a_transaction_may_not_see_the_revision_it_makes,
    leases,
    limits,
    compactions,
    compactions_at_zero,
);
