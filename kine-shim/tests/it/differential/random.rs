//! Random requests over few keys, the same to both. The seed stands in the message of a failure.

use portolan_etcd_proto::etcdserverpb::compare::{CompareResult, CompareTarget, TargetUnion};
use portolan_etcd_proto::etcdserverpb::request_op::Request;
use portolan_etcd_proto::etcdserverpb::{Compare, DeleteRangeRequest, PutRequest, RangeRequest, RequestOp, TxnRequest};

use super::Both;
use super::cases::{compare, delete, op, put, range};
use super::over_both_faces;
use super::step::Step;
use crate::json::Dice;

const REQUESTS: usize = 600;
const KEYS: [&str; 6] = ["a", "aa", "b", "c", "ca", "d"];
const ENDS: [&str; 8] = ["", "", "", "b", "c", "d", "z", "\0"];
const VALUES: [&str; 4] = ["", "1", "2", "x"];

impl Dice {
    fn number(&mut self, sides: usize) -> i64 {
        i64::try_from(self.roll(sides)).unwrap()
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.roll(of.len())]
    }

    fn rarely(&mut self) -> bool {
        self.roll(8) == 0
    }

    fn put(&mut self) -> PutRequest {
        let (ignore_value, ignore_lease) = (self.rarely(), self.rarely());
        let value = if ignore_value { "" } else { self.one(&VALUES) };
        PutRequest { prev_kv: self.rarely(), ignore_value, ignore_lease, ..put(self.one(&KEYS), value) }
    }

    fn delete(&mut self) -> DeleteRangeRequest {
        DeleteRangeRequest { prev_kv: self.rarely(), ..delete(self.one(&KEYS), self.one(&ENDS)) }
    }

    fn range(&mut self, revision: i64) -> RangeRequest {
        RangeRequest {
            limit: self.number(4),
            revision: if self.rarely() { self.number(usize::try_from(revision).unwrap() + 2) } else { 0 },
            sort_order: self.number(3).try_into().unwrap(),
            // Sorting by anything but the key may leave ties, which etcd breaks as it likes.
            keys_only: self.rarely(),
            count_only: self.rarely(),
            ..range(self.one(&KEYS), self.one(&ENDS))
        }
    }

    fn compare(&mut self, revision: i64) -> Compare {
        use CompareResult::{Equal, Greater, Less, NotEqual};
        let revision = usize::try_from(revision).unwrap() + 2;
        let (target, operand) = match self.roll(4) {
            0 => (CompareTarget::Version, TargetUnion::Version(self.number(5))),
            1 => (CompareTarget::Create, TargetUnion::CreateRevision(self.number(revision))),
            2 => (CompareTarget::Mod, TargetUnion::ModRevision(self.number(revision))),
            _ => (CompareTarget::Value, TargetUnion::Value(self.one(&VALUES).into())),
        };
        compare(self.one(&KEYS), self.one(&ENDS), target, self.one(&[Equal, Greater, Less, NotEqual]), Some(operand))
    }

    fn ops(&mut self, depth: usize, revision: i64) -> Vec<RequestOp> {
        let count = self.roll(4);
        (0..count)
            .map(|_| match self.roll(if depth == 0 { 3 } else { 4 }) {
                0 => op(Request::RequestPut(self.put())),
                1 => op(Request::RequestDeleteRange(self.delete())),
                2 => op(Request::RequestRange(RangeRequest { revision: 0, ..self.range(revision) })),
                _ => op(Request::RequestTxn(self.txn(depth - 1, revision))),
            })
            .collect()
    }

    fn txn(&mut self, depth: usize, revision: i64) -> TxnRequest {
        let compares = self.roll(3);
        TxnRequest {
            compare: (0..compares).map(|_| self.compare(revision)).collect(),
            success: self.ops(depth, revision),
            failure: self.ops(depth, revision),
        }
    }
}

async fn same_answers(both: Both, seed: u64) {
    let mut dice = Dice(seed);
    for _ in 0..REQUESTS {
        let revision = both.ours.range("a", "").await.header.unwrap().revision;
        both.same(match dice.roll(10) {
            0..3 => Step::Put(dice.put()),
            3 => Step::Delete(dice.delete()),
            4..6 => Step::Range(dice.range(revision)),
            _ => Step::Txn(dice.txn(2, revision)),
        })
        .await;
    }
}

async fn random_requests_1(both: Both) {
    same_answers(both, 1).await;
}

async fn random_requests_2(both: Both) {
    same_answers(both, 0xdead_beef).await;
}

over_both_faces!(random_requests_1, random_requests_2);
