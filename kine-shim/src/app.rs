//! What all services share, and the way of a request through it: who asks, what they see, how a write gets into the log.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use portolan_etcd_proto::etcdserverpb::ResponseHeader;
use portolan_eventstore::proposal::{Appended, Context, Intent, Outcome, Refusal};
use portolan_eventstore::txn::{Op, Txn, TxnAnswer};
use portolan_eventstore::{EventStore, Proposal};
use portolan_rt::clock::Clock;
use portolan_rt::shutdown::Shutdown;
use portolan_rt::task::Supervisor;
use tonic::{Request, Status};

use crate::auth::{Stranger, Tokens, Users};
use crate::check::{ConfigCheck, KeyAndValue};
use crate::denial::{Denial, Denials};
use crate::errors;
use crate::identity::Identity;
use crate::metrics::Metrics;
use crate::revocation::Revocations;
use crate::subject::{self, Subject};
use crate::txn::Progress;
use crate::view::View;
use crate::watch::{self, Events, Heart};

/// Largest message that is read at all (etcd: 1.5 MiB + 512 KiB for what stands around it).
pub(crate) const MAX_MESSAGE_BYTES: usize = 2 * 1024 * 1024;
/// Largest write (etcd's default).
pub(crate) const MAX_REQUEST_BYTES: usize = 1_572_864;
/// How long a peer without identity waits for its refusal, so that one that tries again at once does no harm.
pub(crate) const DENIAL_DELAY: Duration = Duration::from_secs(1);
/// etcd's term counts elections. Here the database decides, so there was one.
const TERM: u64 = 1;

/// What the host gives.
pub struct Shim {
    /// The log and the key space.
    pub store: EventStore,
    /// Judges configuration written by administrators.
    pub check: Arc<dyn ConfigCheck>,
    /// Who may log in with a password; without it authentication is not enabled.
    pub users: Option<Arc<dyn Users>>,
    /// The certificates that are refused.
    pub revocations: Revocations,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Keeps our tasks, and ends streams when the process ends.
    pub supervisor: Supervisor,
    /// The rest.
    pub settings: Settings,
}

/// Settings of the service.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How this replica shows among the members of the cluster.
    pub member: Member,
    /// How often a quiet watcher that asked for progress is told of it.
    pub progress_interval: Duration,
    /// Whether a data plane at the JSON gateway that is ahead of the log, since the log was restored from a backup, is told to load
    /// everything anew. etcd says nothing then, and an APISIX data plane never notices.
    pub reload_when_ahead: bool,
}

/// This replica as a member of an etcd cluster.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its name, the same after each start; the member id is made of it.
    pub name: String,
    /// URLs by which members of an etcd cluster reach each other. Replicas don't; some clients want to see something.
    pub peer_urls: Vec<String>,
    /// URLs for clients. Empty: the one by which a client reached us.
    pub client_urls: Vec<String>,
}

/// Shared by all services.
pub(crate) struct App {
    pub(crate) store: EventStore,
    pub(crate) shutdown: Shutdown,
    pub(crate) settings: Settings,
    pub(crate) events: Events,
    pub(crate) heart: Heart,
    pub(crate) member_id: u64,
    pub(crate) metrics: Metrics,
    pub(crate) users: Option<Arc<dyn Users>>,
    pub(crate) revocations: Revocations,
    pub(crate) tokens: Tokens,
    pub(crate) denials: Denials,
    check: Arc<dyn ConfigCheck>,
    clock: Arc<dyn Clock>,
    cluster_id: u64,
    /// Whether a client has compacted at 0, which the first one of an etcd may, and nobody after it.
    pub(crate) compacted_at_zero: AtomicBool,
}

/// One request's asker.
pub(crate) struct Session {
    pub(crate) identity: Identity,
    pub(crate) view: View,
    pub(crate) context: Context,
}

// === impl Settings ===

impl Default for Settings {
    fn default() -> Self {
        Self { member: Member::default(), progress_interval: watch::PROGRESS_INTERVAL, reload_when_ahead: true }
    }
}

// === impl Member ===

impl Default for Member {
    fn default() -> Self {
        Self { name: "portolan".to_owned(), peer_urls: Vec::new(), client_urls: Vec::new() }
    }
}

// === impl App ===

impl App {
    pub(crate) fn new(shim: Shim) -> Self {
        let Shim { store, check, users, revocations, clock, supervisor, settings } = shim;
        Self {
            cluster_id: store.cluster_id(),
            member_id: id_of(&settings.member.name),
            events: Events::default(),
            heart: Heart::default(),
            metrics: Metrics::default(),
            denials: Denials::default(),
            tokens: Tokens::default(),
            users,
            revocations,
            store,
            shutdown: supervisor.shutdown(),
            settings,
            check,
            clock,
            compacted_at_zero: AtomicBool::new(false),
        }
    }

    /// The header of an answer.
    pub(crate) fn header(&self, revision: i64) -> ResponseHeader {
        ResponseHeader { cluster_id: self.cluster_id, member_id: self.member_id, revision, raft_term: TERM }
    }

    /// Who asks. A peer without identity gets its refusal late.
    pub(crate) async fn session<T>(&self, request: &Request<T>) -> Result<Session, Status> {
        match self.identify(request.extensions(), request.metadata().as_ref()) {
            Ok(identity) => {
                Ok(Session { view: View::of(&identity), context: identity.context(request.metadata()), identity })
            }
            Err(stranger) => Err(self.turned_away(stranger).await),
        }
    }

    /// The status for a peer that is nobody: noted, and given late, since clients of the APISIX kind come back at once.
    pub(crate) async fn turned_away(&self, stranger: Stranger) -> Status {
        if let Stranger::Nobody(peer) = stranger {
            self.denials.record(&self.store, self.now(), Denial::of_unknown(peer)).await;
            tokio::time::sleep(DENIAL_DELAY).await;
        }
        stranger.into()
    }

    /// The time, in microseconds since 1970 UTC.
    pub(crate) fn now(&self) -> i64 {
        self.clock.now_micros()
    }

    /// Notes that a known peer may not do what it wanted, and gives the status that says so; late to one that goes on.
    pub(crate) async fn denied(&self, session: &Session, what: &str) -> Status {
        let denial = Denial::of(session.context.clone(), session.identity.group(), what);
        if self.denials.record(&self.store, self.now(), denial).await {
            tokio::time::sleep(DENIAL_DELAY).await;
        }
        errors::PERMISSION_DENIED.into()
    }

    /// Lets the control plane judge what a transaction would put; inside, its refusal. Schemas of plugins and certificates take
    /// longer than others should wait.
    async fn check(&self, txn: &Txn) -> Result<Result<(), String>, Status> {
        let puts = judged(&*self.check, txn);
        if puts.is_empty() {
            return Ok(Ok(()));
        }
        let check = self.check.clone();
        let judged = tokio::task::spawn_blocking(move || check.check(&puts)).await;
        judged.map_err(|error| Status::internal(error.to_string()))
    }

    /// Hands a transaction to the log and waits for its answer.
    pub(crate) async fn append(
        &self,
        session: Session,
        action: &'static str,
        txn: Txn,
    ) -> Result<(Progress, TxnAnswer), Status> {
        let subject = subject::of(&txn);
        if session.view == View::Everything
            && let Err(text) = self.check(&txn).await?
        {
            let refusal = Intent::Refused(Refusal::invalid(400, text.clone()));
            let recorded = self.store.append(proposal(session, action, subject, refusal)).await;
            recorded.map_err(|error| errors::status(&error))?;
            return Err(Status::invalid_argument(text));
        }
        let writing = self.metrics.counts.writing();
        let appended = self.store.append(proposal(session, action, subject, Intent::Txn(txn))).await;
        writing.ended(appended.is_ok());
        if let Ok(Appended::Committed { answer, .. } | Appended::Unchanged { answer, .. }) = &appended {
            self.metrics.counts.answered(answer);
        }
        match appended {
            Ok(Appended::Committed { revision, answer, .. }) => Ok((Progress::committed(revision), answer)),
            Ok(Appended::Unchanged { revision, answer }) => Ok((Progress::unchanged(revision), answer)),
            Ok(Appended::Refused { refusal, .. }) => Err(match refusal.outcome {
                Outcome::Denied => Status::permission_denied(refusal.message),
                _ => Status::invalid_argument(refusal.message),
            }),
            Err(error) => Err(errors::status(&error)),
        }
    }
}

/// What a transaction would put where the check wants to look, in both branches.
fn judged(check: &dyn ConfigCheck, txn: &Txn) -> Vec<KeyAndValue> {
    let mut puts = Vec::new();
    txn.for_each_op(&mut |op| {
        if let Op::Put(put) = op
            && let Some(value) = &put.value
            && check.concerns(&put.key)
        {
            puts.push(KeyAndValue { key: put.key.clone(), value: value.clone() });
        }
    });
    puts
}

fn proposal(session: Session, action: &str, subject: Subject, intent: Intent) -> Proposal {
    let mut proposal = Proposal::new(session.context, action, intent);
    // Whether a lease exists for them is decided under the log's lock.
    proposal.lease_owner = session.identity.leases_of().map(str::to_owned);
    proposal.gateway_group = subject.group.map(|group| group.to_string());
    if let Some(resource) = subject.resource {
        proposal = proposal.on(resource.kind.name(), resource.id);
    }
    proposal
}

/// A number for a name, the same on each replica and in each version (FNV-1a); never 0, which etcd clients take for "none".
fn id_of(name: &str) -> u64 {
    let hash = name
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    hash.max(1)
}
