use portolan_etcd_proto::etcdserverpb::{DeleteRangeRequest, PutRequest, RangeRequest};

use super::*;

fn put(key: &'static str) -> RequestOp {
    op(Request::RequestPut(PutRequest { key: key.into(), ..PutRequest::default() }))
}

fn delete(key: &'static str, end: &'static str) -> RequestOp {
    op(Request::RequestDeleteRange(DeleteRangeRequest { key: key.into(), range_end: end.into(), prev_kv: false }))
}

fn nested(success: Vec<RequestOp>, failure: Vec<RequestOp>) -> RequestOp {
    op(Request::RequestTxn(TxnRequest { compare: Vec::new(), success, failure }))
}

fn op(request: Request) -> RequestOp {
    RequestOp { request: Some(request) }
}

fn checked(success: Vec<RequestOp>) -> Result<(), Etcd> {
    check(&TxnRequest { compare: Vec::new(), success, failure: Vec::new() })
}

#[test]
fn no_key_twice_over_all_levels() {
    for (ops, answer) in [
        (vec![put("a"), put("b")], Ok(())),
        (vec![put("a"), put("a")], Err(errors::DUPLICATE_KEY)),
        (vec![put("a"), delete("a", "")], Err(errors::DUPLICATE_KEY)),
        (vec![delete("a", "c"), put("b")], Err(errors::DUPLICATE_KEY)),
        (vec![delete("a", "c"), put("c")], Ok(())),
        (vec![delete("c", "a"), put("b")], Ok(())),
        (vec![delete("a", "c"), delete("b", "d")], Ok(())),
        (vec![delete("a", "c"), delete("b", "d"), put("cc")], Err(errors::DUPLICATE_KEY)),
        (vec![delete("a", "e"), delete("b", "c"), put("d")], Err(errors::DUPLICATE_KEY)),
        (vec![nested(vec![put("a")], vec![put("a")])], Ok(())),
        (vec![nested(vec![put("a")], vec![]), put("a")], Err(errors::DUPLICATE_KEY)),
        (vec![nested(vec![put("a")], vec![]), nested(vec![], vec![put("a")])], Err(errors::DUPLICATE_KEY)),
        (vec![nested(vec![delete("a", "")], vec![]), put("a")], Err(errors::DUPLICATE_KEY)),
        (vec![nested(vec![delete("a", "")], vec![put("a")])], Ok(())),
        (vec![nested(vec![nested(vec![put("x")], vec![])], vec![]), put("x")], Err(errors::DUPLICATE_KEY)),
    ] {
        let shown = format!("{ops:?}");
        assert_eq!(checked(ops), answer, "{shown}");
    }
}

#[test]
fn the_branches_of_the_outermost_may_share_keys() {
    let request = TxnRequest { compare: Vec::new(), success: vec![put("a")], failure: vec![put("a")] };
    assert_eq!(check(&request), Ok(()));
}

#[test]
fn a_level_counts_with_those_above_it() {
    let reads =
        |n: usize| vec![op(Request::RequestRange(RangeRequest { key: "k".into(), ..RangeRequest::default() })); n];
    let with_child = |own: usize, child: usize| {
        let mut ops = reads(own - 1);
        ops.push(nested(reads(child), Vec::new()));
        checked(ops)
    };
    assert_eq!(checked(reads(128)), Ok(()));
    assert_eq!(checked(reads(129)), Err(errors::TOO_MANY_OPS));
    assert_eq!(with_child(64, 64), Ok(()));
    assert_eq!(with_child(64, 65), Err(errors::TOO_MANY_OPS));
}

#[test]
fn empty_keys_and_empty_operations_are_refused() {
    assert_eq!(checked(vec![put("")]), Err(errors::EMPTY_KEY));
    assert_eq!(checked(vec![RequestOp { request: None }]), Err(errors::KEY_NOT_FOUND));
    let compare = vec![pb::Compare::default()];
    let request = TxnRequest { compare, ..TxnRequest::default() };
    assert_eq!(check(&request), Err(errors::EMPTY_KEY));
}
