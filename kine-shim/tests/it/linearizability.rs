//! Two replicas over one PostgreSQL, each behind a switch that is cut and joined while clients write and read, and one of them killed
//! and replaced. What the clients saw is recorded and checked.
//!
//! The revision of each answer says where in the log its request stands. That order must be one in which every answer is right, and
//! it must not contradict the clock: what ended before something else began stands before it. Then the history is linearizable.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use portolan_etcd_proto::etcdserverpb::compare::{CompareResult, CompareTarget, TargetUnion};
use portolan_etcd_proto::etcdserverpb::request_op::Request;
use portolan_etcd_proto::etcdserverpb::{Compare, PutRequest, RangeRequest, RequestOp, TxnRequest};
use portolan_eventstore::{EventStore, Options};
use portolan_kine_shim::{Revocations, Settings, Shim, router};
use portolan_rt::clock::SystemClock;
use portolan_rt::serve::{Limits, Server as Listener, listen};
use portolan_rt::task::Supervisor;
use portolan_rt::tls::{self, ClientAuth, Identity, Roots};
use portolan_testkit::certificates::Certificates;
use portolan_testkit::switch::Switch;

use crate::client::{Client, text};
use crate::server::AcceptAll;

const KEYS: [&str; 3] = ["a", "b", "c"];
const CLIENTS: usize = 8;
/// With fewer answers the test shows nothing.
const ANSWERS: usize = 200;
/// Longest that a client waits before it gives up and counts the outcome as unknown.
const PATIENCE: Duration = Duration::from_millis(1_500);

struct Replica {
    port: u16,
    supervisor: Supervisor,
}

/// What a client asked, and when; what it got, and when.
#[derive(Debug)]
struct Record {
    begin: Instant,
    end: Instant,
    key: &'static str,
    what: What,
    /// Of the answer; 0 when there was none.
    revision: i64,
}

/// How far the clients are.
#[derive(Debug, Default)]
struct Counts {
    answered: AtomicUsize,
    unknown: AtomicUsize,
    stop: AtomicBool,
}

#[derive(Debug)]
enum What {
    /// Put, or put if the key was last changed at a revision; and whether it was carried out.
    Write { value: String, only_if: Option<i64>, done: bool },
    /// Value and revision of the key's last change.
    Read(Option<(String, i64)>),
}

impl Replica {
    async fn start(url: String, authority: &Certificates) -> Self {
        let supervisor = Supervisor::new();
        let clock = Arc::new(SystemClock);
        let store = EventStore::open(Options { url, clock: clock.clone() }, &supervisor).await.unwrap();
        let own = authority.server(&["localhost", "127.0.0.1"]).unwrap();
        let identity = Identity::from_pem(own.certificate.as_bytes(), own.key.as_bytes()).unwrap();
        let roots = Roots::from_pem(authority.ca().as_bytes()).unwrap();
        let tls = tls::server_config(&identity, ClientAuth::Required(roots), &["h2"]).unwrap();
        let listener = listen("listen.dp_manager", "127.0.0.1:0".parse().unwrap()).unwrap();
        let port = listener.local_addr().unwrap().port();
        let shim = Shim {
            revocations: Revocations::follow(&store, &supervisor),
            store,
            check: Arc::new(AcceptAll),
            users: None,
            clock,
            supervisor: supervisor.clone(),
            settings: Settings::default(),
        };
        Listener { name: "dp manager", listener, tls: Some(tls), limits: Limits::default() }
            .start(router(shim), &supervisor)
            .unwrap();
        Self { port, supervisor }
    }

    /// Drops all its tasks where they are.
    fn kill(&self) {
        self.supervisor.shutdown().request_now();
    }
}

fn client(authority: &Certificates, port: u16) -> Client {
    let issued = authority.client("ops", "portolan://admin/ops").unwrap();
    let identity = Identity::from_pem(issued.certificate.as_bytes(), issued.key.as_bytes()).unwrap();
    let roots = Roots::from_pem(authority.ca().as_bytes()).unwrap();
    let config = tls::client_config(&roots, Some(&identity), &[]).unwrap();
    Client::new(&format!("https://127.0.0.1:{port}"), Arc::unwrap_or_clone(config))
}

async fn write(client: &Client, key: &str, value: &str, only_if: Option<i64>) -> Result<(i64, bool), tonic::Status> {
    let put = PutRequest { key: key.to_owned().into(), value: value.to_owned().into(), ..PutRequest::default() };
    let Some(revision) = only_if else {
        return Ok((client.kv().put(put).await?.into_inner().header.unwrap().revision, true));
    };
    let compare = Compare {
        key: key.to_owned().into(),
        target: CompareTarget::Mod.into(),
        result: CompareResult::Equal.into(),
        target_union: Some(TargetUnion::ModRevision(revision)),
        ..Compare::default()
    };
    let success = vec![RequestOp { request: Some(Request::RequestPut(put)) }];
    let txn = TxnRequest { compare: vec![compare], success, ..TxnRequest::default() };
    let answer = client.kv().txn(txn).await?.into_inner();
    Ok((answer.header.unwrap().revision, answer.succeeded))
}

async fn read(client: &Client, key: &str) -> Result<(i64, Option<(String, i64)>), tonic::Status> {
    let request = RangeRequest { key: key.to_owned().into(), ..RangeRequest::default() };
    let answer = client.kv().range(request).await?.into_inner();
    let kv = answer.kvs.first().map(|kv| (text(&kv.value), kv.mod_revision));
    Ok((answer.header.unwrap().revision, kv))
}

/// One client: writes, conditional writes and reads, at whichever replica answers.
async fn work(number: usize, ports: &[AtomicUsize; 2], authority: &Certificates, seen: &Counts) -> Vec<Record> {
    let mut records = Vec::new();
    let mut at = number % 2;
    let mut port = 0;
    let mut client = client(authority, 1);
    let mut known = 0;
    for step in 0_usize.. {
        if seen.stop.load(Ordering::Relaxed) {
            break;
        }
        let now_at = ports[at].load(Ordering::Relaxed);
        if now_at != port {
            port = now_at;
            client = self::client(authority, u16::try_from(port).unwrap());
        }
        let key = KEYS[(number + step / 3) % KEYS.len()];
        let begin = Instant::now();
        let value = format!("{number}/{step}");
        let (what, revision) = match step % 3 {
            0 => match tokio::time::timeout(PATIENCE, read(&client, key)).await {
                Ok(Ok((revision, kv))) => {
                    known = kv.as_ref().map_or(0, |kv| kv.1);
                    (What::Read(kv), revision)
                }
                _ => {
                    at = 1 - at; // nothing was seen and nothing changed; try the other replica
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    continue;
                }
            },
            kind => {
                let only_if = (kind == 1).then_some(known);
                let answer = tokio::time::timeout(PATIENCE, write(&client, key, &value, only_if)).await;
                let (revision, done) = match answer {
                    Ok(Ok(answer)) => answer,
                    _ => {
                        at = 1 - at;
                        tokio::time::sleep(Duration::from_millis(10)).await;
                        (0, false)
                    }
                };
                (What::Write { value, only_if, done }, revision)
            }
        };
        if revision > 0 { &seen.answered } else { &seen.unknown }.fetch_add(1, Ordering::Relaxed);
        records.push(Record { begin, end: Instant::now(), key, what, revision });
    }
    records
}

/// Checks the records against the log, which is all changes of the keys by revision.
fn check(records: &[Record], log: &BTreeMap<i64, (String, String)>) {
    let state = |key: &str, upto: i64| {
        let changes = log.range(..=upto).rev();
        changes.into_iter().find(|(_, (of, _))| of == key).map(|(revision, (_, value))| (value.clone(), *revision))
    };
    let mut written: BTreeMap<&str, &Record> = BTreeMap::new();
    for record in records {
        match &record.what {
            What::Read(seen) => assert_eq!(*seen, state(record.key, record.revision), "{record:?}"),
            What::Write { value, only_if, done } => {
                written.insert(value, record);
                let before = state(record.key, record.revision - i64::from(*done)).map_or(0, |(_, revision)| revision);
                if *done {
                    assert_eq!(log.get(&record.revision), Some(&(record.key.to_owned(), value.clone())), "{record:?}");
                    assert!(only_if.is_none_or(|wanted| wanted == before), "{record:?} but it was {before}");
                } else if record.revision > 0 {
                    assert!(only_if.is_some_and(|wanted| wanted != before), "{record:?} but it was {before}");
                }
            }
        }
    }
    // What is in the log was asked for, once, and not before it was asked for.
    let mut seen = std::collections::HashSet::new();
    for (revision, (key, value)) in log {
        let record = written.get(value.as_str()).unwrap_or_else(|| panic!("{value} at {revision} was never written"));
        assert!(seen.insert(value), "{value} stands in the log twice");
        assert_eq!(record.key, key);
        let What::Write { done, .. } = &record.what else { unreachable!() };
        assert!(*done || record.revision == 0, "{record:?} was answered with no, and is at {revision}");
    }
    // The order of revisions does not contradict the clock. A write of unknown outcome counts from its beginning on.
    let mut known: Vec<(&Record, i64, bool)> =
        records.iter().filter(|record| record.revision > 0).map(|record| (record, record.revision, true)).collect();
    for (revision, (_, value)) in log {
        let record = written[value.as_str()];
        if record.revision == 0 {
            known.push((record, *revision, false));
        }
    }
    let mut ended: Vec<(Instant, i64)> =
        known.iter().filter(|(.., answered)| *answered).map(|(record, revision, _)| (record.end, *revision)).collect();
    ended.sort_unstable();
    let mut highest = Vec::with_capacity(ended.len());
    for (end, revision) in ended {
        let before = highest.last().map_or(0, |(_, highest)| *highest);
        highest.push((end, revision.max(before)));
    }
    for (record, revision, _) in known {
        let before = highest.partition_point(|(end, _)| *end < record.begin);
        let least = before.checked_sub(1).map_or(0, |index| highest[index].1);
        let writes = matches!(record.what, What::Write { done: true, .. }) || record.revision == 0;
        assert!(
            if writes { revision > least } else { revision >= least },
            "{record:?} stands at {revision}, after {least} had been seen"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_clients_of_two_replicas_see_is_linearizable() {
    portolan_testkit::install_crypto();
    let database = portolan_testkit::postgres::database().await.unwrap();
    let authority = Certificates::new().unwrap();
    let (one, two) =
        tokio::try_join!(Switch::before_postgres(database.url()), Switch::before_postgres(database.url())).unwrap();
    let through = |switch: &Switch| switch.postgres_url(database.url()).unwrap();
    let first = Replica::start(through(&one), &authority).await;
    let second = Replica::start(through(&two), &authority).await;
    let ports = [AtomicUsize::new(first.port.into()), AtomicUsize::new(second.port.into())];
    let seen = Counts::default();

    let harm = async {
        let pause = |millis| tokio::time::sleep(Duration::from_millis(millis));
        pause(500).await;
        for switch in [&one, &two, &one, &two] {
            switch.cut();
            pause(150).await;
            switch.join();
            pause(500).await;
        }
        second.kill();
        pause(300).await;
        let third = Replica::start(through(&two), &authority).await;
        ports[1].store(third.port.into(), Ordering::Relaxed);
        pause(500).await;
        one.cut();
        two.cut();
        pause(150).await;
        one.join();
        two.join();
        pause(1_000).await;
        // On a busy machine this takes longer than it should.
        let count = |of: &AtomicUsize| of.load(Ordering::Relaxed);
        while count(&seen.answered) <= ANSWERS || count(&seen.unknown) == 0 {
            one.cut();
            pause(150).await;
            one.join();
            pause(500).await;
        }
        seen.stop.store(true, Ordering::Relaxed);
        third
    };
    let clients = join_all((0..CLIENTS).map(|number| work(number, &ports, &authority, &seen)));
    let (records, third) = tokio::join!(clients, harm);
    let records: Vec<Record> = records.into_iter().flatten().collect();

    // The database's own account of what happened, through a store that saw nothing of it.
    let supervisor = Supervisor::new();
    let options = Options { url: database.url().to_owned(), clock: Arc::new(SystemClock) };
    let store = EventStore::open(options, &supervisor).await.unwrap();
    let mut log = BTreeMap::new();
    let mut after = 0;
    loop {
        let page = store.events_after(after, 1_000).await.unwrap();
        let Some(last) = page.last() else { break };
        assert_eq!(last.revision - after, i64::try_from(page.len()).unwrap(), "a hole after {after}");
        after = last.revision;
        for event in &page {
            for change in &event.changes {
                let value = text(&change.after.as_ref().unwrap().value);
                log.insert(event.revision, (text(&change.key), value));
            }
        }
    }
    check(&records, &log);

    for replica in [first, third] {
        replica.kill();
    }
    supervisor.shutdown().request_now();
}

/// The checker finds what it is there for.
#[test]
fn histories_that_no_register_has_are_found() {
    let start = Instant::now();
    let at = |millis| start + Duration::from_millis(millis);
    let write = |begin, end, value: &str, revision| Record {
        begin: at(begin),
        end: at(end),
        key: "a",
        what: What::Write { value: value.to_owned(), only_if: None, done: true },
        revision,
    };
    let read = |begin, end, seen: Option<(&str, i64)>, revision| Record {
        begin: at(begin),
        end: at(end),
        key: "a",
        what: What::Read(seen.map(|(value, revision)| (value.to_owned(), revision))),
        revision,
    };
    let log = |values: &[(i64, &str)]| {
        values.iter().map(|(revision, value)| (*revision, ("a".to_owned(), (*value).to_owned()))).collect()
    };
    let two: BTreeMap<_, _> = log(&[(2, "x"), (3, "y")]);
    let both = || vec![write(0, 10, "x", 2), write(20, 30, "y", 3)];
    let both_and = |record| both().into_iter().chain([record]).collect::<Vec<_>>();
    check(&both_and(read(25, 40, Some(("x", 2)), 2)), &two);
    for (bad, log) in [
        // A stale read: the second write had ended before it began.
        (both_and(read(35, 40, Some(("x", 2)), 2)), two.clone()),
        // A value that was not there at that revision.
        (both_and(read(35, 40, Some(("x", 2)), 3)), two.clone()),
        // An acknowledged write is lost.
        (both(), log(&[(2, "x")])),
        // The log's order contradicts the clock.
        (vec![write(0, 10, "y", 3), write(20, 30, "x", 2)], two.clone()),
        // A write that nobody made.
        (vec![write(0, 10, "x", 2)], two),
    ] {
        assert!(std::panic::catch_unwind(|| check(&bad, &log)).is_err(), "{bad:?} passed");
    }
}
