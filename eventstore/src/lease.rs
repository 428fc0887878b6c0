//! etcd leases: granted and renewed without a revision (as in etcd), ended by an event.
//!
//! The end of a lease is a time in the database, so that it survives restarts and any replica can carry it out. The
//! replica that finds it due reads the row again first: another one may have renewed it.

use std::collections::HashMap;
use std::time::Duration;

use aws_lc_rs::rand;
use bytes::Bytes;

use crate::error::Error;
use crate::keyspace::View;
use crate::proposal::{Appended, Context, Decision, Intent, Proposal, Refusal};
use crate::store::EventStore;
use crate::txn::{Delete, Op, Txn};

/// Shortest TTL; shorter ones are raised to it (etcd: minimum of 2 s with the default election timeout).
pub const MIN_TTL_SECONDS: i64 = 2;
/// Longest TTL (etcd: leases above are refused).
pub const MAX_TTL_SECONDS: i64 = 9_000_000_000;
/// How often due leases are looked for; etcd ends a lease up to about a second late.
pub(crate) const EXPIRY_PERIOD: Duration = Duration::from_millis(500);

const MICROS: i64 = 1_000_000;

/// A lease as granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Its id; never 0.
    pub id: i64,
    /// Granted time to live, in seconds.
    pub ttl_seconds: i64,
    /// When it ends unless renewed, in microseconds since 1970 UTC.
    pub expires_at: i64,
    /// The identity that it was granted to; a lease without one is everybody's who may write.
    pub owner: Option<String>,
}

/// What is left of a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remaining {
    /// Granted time to live, in seconds.
    pub granted_ttl: i64,
    /// Seconds left, rounded down; 0 when it is due.
    pub ttl: i64,
    /// Attached keys, in key order.
    pub keys: Vec<Bytes>,
    /// The identity that it was granted to.
    pub owner: Option<String>,
}

/// Why a lease call failed. The texts are etcd's.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// The id is in use.
    #[error("etcdserver: lease already exists")]
    Exists,
    /// No such lease.
    #[error("etcdserver: requested lease not found")]
    NotFound,
    /// A key of the lease may not be deleted by the caller.
    #[error("etcdserver: permission denied")]
    Denied,
    /// The TTL is above [`MAX_TTL_SECONDS`].
    #[error("etcdserver: too large lease TTL")]
    TtlTooLarge,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] Error),
}

/// The leases in memory.
pub(crate) type Leases = HashMap<i64, Lease>;

// === impl Lease ===

impl Lease {
    pub(crate) fn new(id: i64, ttl_seconds: i64, now: i64, owner: Option<String>) -> Self {
        Self { id, ttl_seconds, expires_at: now + ttl_seconds * MICROS, owner }
    }

    /// Whether the lease exists for this owner; `None` is one who may use every lease.
    pub(crate) fn is_for(&self, owner: Option<&str>) -> bool {
        owner.is_none_or(|owner| self.owner.as_deref() == Some(owner))
    }
}

// === impl EventStore ===

impl EventStore {
    /// Grants a lease to nobody in particular; id 0 lets the store pick one. The TTL is raised to [`MIN_TTL_SECONDS`].
    pub async fn lease_grant(&self, id: i64, ttl_seconds: i64) -> Result<Lease, LeaseError> {
        self.lease_insert(id, ttl_seconds, None).await
    }

    /// Grants a lease to an identity.
    pub async fn lease_grant_to(&self, owner: &str, id: i64, ttl_seconds: i64) -> Result<Lease, LeaseError> {
        self.lease_insert(id, ttl_seconds, Some(owner)).await
    }

    async fn lease_insert(&self, id: i64, ttl_seconds: i64, owner: Option<&str>) -> Result<Lease, LeaseError> {
        if ttl_seconds > MAX_TTL_SECONDS {
            return Err(LeaseError::TtlTooLarge);
        }
        let ttl = ttl_seconds.max(MIN_TTL_SECONDS);
        let picked = id == 0;
        loop {
            let id = if picked { random_id() } else { id };
            let lease = Lease::new(id, ttl, self.now(), owner.map(str::to_owned));
            if self.backend().lease_insert(&lease).await? {
                self.lease_remember(lease.clone());
                return Ok(lease);
            }
            if !picked {
                return Err(LeaseError::Exists);
            }
        }
    }

    /// Renews a lease; answers its TTL in seconds, `None` when it does not exist (any more), or is not this owner's.
    pub async fn lease_keep_alive(&self, id: i64, owner: Option<&str>) -> Result<Option<i64>, Error> {
        let Some(known) = self.lease_known(id).await?.filter(|lease| lease.is_for(owner)) else { return Ok(None) };
        let now = self.now();
        let renewed = Lease::new(id, known.ttl_seconds, now, known.owner);
        // As in etcd one that is due can't be renewed any more: another replica may be about to end it.
        if !self.backend().lease_extend(id, renewed.expires_at, now).await? {
            self.lease_forget(id);
            return Ok(None);
        }
        self.lease_remember(renewed);
        Ok(Some(known.ttl_seconds))
    }

    /// Ends a lease and deletes its keys as one event, if `may_delete` agrees to each of them; answers the revision
    /// after it. Whose lease it is the caller has looked at.
    pub async fn lease_revoke(
        &self,
        context: Context,
        id: i64,
        may_delete: impl Fn(&[u8]) -> bool + Send + Sync + 'static,
    ) -> Result<i64, LeaseError> {
        if self.lease_current(id).await?.is_none() {
            return Err(LeaseError::NotFound);
        }
        match self.lease_end(context, "lease.revoke", id, may_delete).await? {
            Appended::Refused { .. } => Err(LeaseError::Denied),
            Appended::Committed { revision, .. } | Appended::Unchanged { revision, .. } => Ok(revision),
        }
    }

    /// What is left of a lease; `None` when it does not exist.
    pub async fn lease_time_to_live(&self, id: i64) -> Result<Option<Remaining>, Error> {
        let Some(lease) = self.lease_current(id).await? else { return Ok(None) };
        let ttl = (lease.expires_at - self.now()).max(0) / MICROS;
        Ok(Some(Remaining { granted_ttl: lease.ttl_seconds, ttl, keys: self.lease_keys(id), owner: lease.owner }))
    }

    /// All leases that exist for this owner (`None`: for one who may use every lease), by ascending id.
    pub async fn leases(&self, owner: Option<&str>) -> Result<Vec<i64>, Error> {
        let leases = self.backend().leases().await?;
        Ok(leases.into_iter().filter(|lease| lease.is_for(owner)).map(|lease| lease.id).collect())
    }

    /// The lease as it is now. Another replica may have renewed or ended it, which memory does not hear of.
    async fn lease_current(&self, id: i64) -> Result<Option<Lease>, Error> {
        if !self.backend().is_shared() {
            return self.lease_known(id).await;
        }
        let lease = self.backend().lease(id).await?;
        match &lease {
            Some(lease) => self.lease_remember(lease.clone()),
            None => self.lease_forget(id),
        }
        Ok(lease)
    }

    /// Ends the leases that are due. One call of the background task.
    pub(crate) async fn leases_expire(&self) -> Result<(), Error> {
        let now = self.now();
        for id in self.leases_due(now) {
            match self.backend().lease(id).await? {
                Some(lease) if lease.expires_at > now => self.lease_remember(lease), // renewed by another replica
                Some(_) => {
                    self.lease_end(Context::system(), "lease.expire", id, |_| true).await?;
                    tracing::debug!(lease.id = id, "lease expired");
                }
                None => self.lease_forget(id),
            }
        }
        Ok(())
    }

    async fn lease_end(
        &self,
        context: Context,
        action: &str,
        id: i64,
        may_delete: impl Fn(&[u8]) -> bool + Send + Sync + 'static,
    ) -> Result<Appended, Error> {
        let decide = move |view: &dyn View| {
            let keys = view.keys_of_lease(id);
            if keys.is_empty() {
                return Decision::Unchanged;
            }
            if !keys.iter().all(|key| may_delete(key)) {
                return Decision::Refuse(Refusal::denied(403, LeaseError::Denied.to_string()));
            }
            Decision::Apply(Txn::of(keys.into_iter().map(|key| Op::Delete(Delete::key(key))).collect()))
        };
        let mut proposal = Proposal::new(context, action, Intent::Decide(Box::new(decide)));
        proposal.ends_lease = Some(id);
        self.append(proposal).await
    }
}

/// A positive random id, as etcd's are.
fn random_id() -> i64 {
    let mut bytes = [0; 8];
    rand::fill(&mut bytes).expect("the operating system gives random bytes");
    (i64::from_be_bytes(bytes) & i64::MAX).max(1)
}
