//! Tells the control plane how this data plane is: a key under `data_plane/instances/`, which lives by a lease.
//!
//! The key is written when what it says changes, and otherwise only its lease is renewed, which costs the control plane no event.
//! Nothing waits for it, and nothing but the report suffers when it fails.

use std::convert::Infallible;
use std::time::Duration;

use futures_util::stream;
use portolan_etcd_proto::etcdserverpb::kv_client::KvClient;
use portolan_etcd_proto::etcdserverpb::lease_client::LeaseClient;
use portolan_etcd_proto::etcdserverpb::maintenance_client::MaintenanceClient;
use portolan_etcd_proto::etcdserverpb::request_op::Request;
use portolan_etcd_proto::etcdserverpb::{
    LeaseGrantRequest, LeaseKeepAliveRequest, LeaseRevokeRequest, PutRequest, RequestOp, StatusRequest, TxnRequest,
};
use portolan_rt::shutdown::Shutdown;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tonic::Status;
use tonic::transport::Channel;

use super::{Instance, Report, ServerInfo};

/// The key of a data plane that says nothing more disappears after this time.
const TTL: Duration = Duration::from_secs(30);
/// How often the lease is renewed: two renewals may fail.
const RENEW: Duration = Duration::from_secs(10);
/// Bound on one request.
const PATIENCE: Duration = Duration::from_secs(5);
/// Pause after a failure.
const PAUSE: Duration = Duration::from_secs(5);

/// What the key says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Told {
    id: String,
    name: String,
    version: &'static str,
    /// When the process started, in seconds since 1970.
    started_at: i64,
    /// The last change of the configuration that requests meet.
    applied_revision: i64,
    /// Resources that are not in use as they are written.
    resource_errors: usize,
    /// What went wrong last, as far as it still is.
    last_error: Option<String>,
}

/// Keeps the key.
pub struct Heartbeat {
    pub(crate) instance: Instance,
    pub(crate) server_info: ServerInfo,
    pub(crate) prefix: Box<str>,
    pub(crate) interval: Duration,
    pub(crate) report: Report,
    /// The connection to the control plane, while there is one.
    pub(crate) channel: watch::Receiver<Option<Channel>>,
}

/// Why the control plane can't be told.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("{}: {}", .0.code(), .0.message())]
    Status(#[from] Box<Status>),
    #[error("no answer in time")]
    Late,
    #[error("the lease has ended")]
    Ended,
}

// === impl Heartbeat ===

impl Heartbeat {
    /// Runs until the soft stage; then takes the key away.
    pub async fn run(mut self, shutdown: Shutdown) {
        let mut lease = None;
        shutdown.until_soft(self.beat(&mut lease)).await;
        let channel = self.channel.borrow().clone();
        if let (Some(id), Some(channel)) = (lease, channel) {
            let revoked = ask(LeaseClient::new(channel).lease_revoke(LeaseRevokeRequest { id })).await;
            if let Err(error) = revoked {
                tracing::debug!(%error, "the control plane learns from the lease that this data plane has ended");
            }
        }
    }

    async fn beat(&mut self, lease: &mut Option<i64>) {
        let mut failures = 0_u32;
        loop {
            let Ok(channel) = self.channel.wait_for(Option::is_some).await.map(|found| found.clone()) else {
                // Nothing connects any more.
                return std::future::pending().await;
            };
            let Some(channel) = channel else { continue };
            let mut another = self.channel.clone();
            tokio::select! {
                // A connection that was lost is not worth a word here: who follows the control plane says so.
                _ = another.changed() => {}
                Err(error) = self.keep(channel, lease, &mut failures) => {
                    if failures == 0 {
                        tracing::warn!(%error, "the control plane can't be told how this data plane is, trying again");
                    }
                    failures += 1;
                    sleep(PAUSE).await;
                }
            }
        }
    }

    async fn keep(&self, channel: Channel, lease: &mut Option<i64>, failures: &mut u32) -> Result<Infallible, Error> {
        // Whoever does not say is spoken to all the same.
        if let Ok(status) = ask(MaintenanceClient::new(channel.clone()).status(StatusRequest::default())).await {
            self.server_info.speaks(status.version);
        }
        let mut leases = LeaseClient::new(channel.clone());
        let mut keys = KvClient::new(channel);
        let known = match *lease {
            Some(id) => renew(&mut leases, id).await.is_ok(),
            None => false,
        };
        if !known {
            let ttl = i64::try_from(TTL.as_secs()).unwrap_or(i64::MAX);
            *lease = Some(ask(leases.lease_grant(LeaseGrantRequest { ttl, id: 0 })).await?.id);
        }
        let id = lease.unwrap_or_default();
        let mut news = self.report.news();
        let mut told = None;
        loop {
            news.mark_unchanged();
            let now = self.told();
            if told.as_ref() != Some(&now) {
                // Together they are one event of the log. What the other one says does not change meanwhile.
                let mut success = vec![self.put("instances", &json!(now), id)];
                if told.is_none() {
                    success.push(self.put("server_info", &self.server_info.describe(), id));
                }
                ask(keys.txn(TxnRequest { success, ..TxnRequest::default() })).await?;
                told = Some(now);
                *failures = 0;
            }
            let earliest = Instant::now() + self.interval;
            let changed = async {
                // Only who reports ends: then there are no news.
                if news.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
                sleep_until(earliest).await;
            };
            tokio::pin!(changed);
            while timeout(RENEW, &mut changed).await.is_err() {
                renew(&mut leases, id).await?;
            }
            renew(&mut leases, id).await?;
        }
    }

    fn put(&self, directory: &str, value: &Value, lease: i64) -> RequestOp {
        let key = format!("{}data_plane/{directory}/{}", self.prefix, self.instance.id);
        let put = PutRequest { key: key.into(), value: value.to_string().into(), lease, ..PutRequest::default() };
        RequestOp { request: Some(Request::RequestPut(put)) }
    }

    fn told(&self) -> Told {
        let state = self.report.state();
        let problem = state.problems.first().map(|problem| format!("{}: {}", problem.key, problem.error));
        Told {
            id: self.instance.id.to_string(),
            name: self.instance.name.clone(),
            version: env!("CARGO_PKG_VERSION"),
            started_at: self.server_info.boot_time,
            applied_revision: state.applied,
            resource_errors: state.problems.len(),
            last_error: problem.or(state.disk_error),
        }
    }
}

async fn renew(leases: &mut LeaseClient<Channel>, id: i64) -> Result<(), Error> {
    let renewed = async {
        let requests = stream::iter([LeaseKeepAliveRequest { id }]);
        leases.lease_keep_alive(requests).await?.into_inner().message().await
    };
    let answer = timeout(PATIENCE, renewed).await.map_err(|_| Error::Late)?.map_err(Box::new)?;
    answer.filter(|answer| answer.ttl > 0).map(|_| ()).ok_or(Error::Ended)
}

async fn ask<T>(request: impl Future<Output = Result<tonic::Response<T>, Status>>) -> Result<T, Error> {
    let answer = timeout(PATIENCE, request).await.map_err(|_| Error::Late)?;
    Ok(answer.map_err(Box::new)?.into_inner())
}
