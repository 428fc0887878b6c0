//! Runs the active checks of the configuration in use, on the configuration thread.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use futures_util::{StreamExt, stream};
use portolan_model::resource::split_address;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, timeout};

use super::settings::Kind;
use super::state::{Counter, Report};
use super::{Checker, Target};
use crate::snapshot::Snapshot;
use crate::stream::Stream;
use crate::upstream::Tls;
use crate::upstream::connect::Connector;
use crate::upstream::dns::Dns;

/// How often it is looked whether a round is due; intervals are whole seconds.
const TICK: Duration = Duration::from_millis(100);
/// Most bytes of a status line.
const LINE: usize = 4096;

/// Runs the checks.
pub struct Prober {
    /// The configuration in use.
    pub snapshot: Arc<ArcSwap<Snapshot>>,
    /// TLS to nodes.
    pub connector: Connector,
    /// Names of nodes.
    pub dns: Dns,
}

/// What a check saw.
enum Seen {
    Connected,
    Status(Option<u16>),
    Refused,
    Late,
}

// === impl Prober ===

impl Prober {
    /// Runs for ever.
    pub async fn run(self) {
        let prober = Arc::new(self);
        let mut rounds = JoinSet::new();
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            ticks.tick().await;
            while let Some(ended) = rounds.try_join_next() {
                if let Err(error) = ended {
                    tracing::error!(%error, "a round of health checks failed");
                }
            }
            let now = Instant::now();
            let snapshot = prober.snapshot.load();
            for checker in snapshot.checkers.values().into_iter().filter_map(|checked| checked.upstream.checks()) {
                for healthy in [true, false] {
                    if checker.due(healthy, now) {
                        rounds.spawn(prober.clone().round(checker.clone(), healthy));
                    }
                }
            }
        }
    }

    /// Checks all targets that are healthy, or all that are not.
    async fn round(self: Arc<Self>, checker: Arc<Checker>, healthy: bool) {
        let targets = (0..checker.targets.len()).filter(|at| checker.targets[*at].state.is_usable() == healthy);
        let targets: Vec<usize> = targets.collect();
        let at_once = usize::try_from(checker.settings.active.concurrency).unwrap_or(1).max(1);
        stream::iter(targets)
            .for_each_concurrent(at_once, |at| {
                let (prober, checker) = (&self, &checker);
                async move {
                    let seen = prober.check(checker, &checker.targets[at]).await;
                    checker.saw(at, &seen);
                }
            })
            .await;
    }

    async fn check(&self, checker: &Checker, target: &Target) -> Seen {
        let active = &checker.settings.active;
        let asked_for = target.host_header.as_ref().unwrap_or(&target.hostname);
        let stream = match timeout(checker.timeout(), self.reach(target)).await {
            Ok(Some(stream)) => stream,
            Ok(None) => return Seen::Refused,
            Err(_) => return Seen::Late,
        };
        if active.kind == Kind::Tcp {
            return Seen::Connected;
        }
        let stream = match active.kind {
            // A node that does not finish the handshake has failed, as in APISIX: only silence after it is a timeout.
            Kind::Https => timeout(checker.timeout(), self.shake(checker, stream, asked_for)).await.unwrap_or(None),
            _ => Some(Stream::Plain(stream)),
        };
        let Some(mut stream) = stream else { return Seen::Refused };
        let request = checker.request(asked_for);
        timeout(checker.timeout(), ask(&mut stream, request.as_bytes())).await.unwrap_or(Seen::Late)
    }

    /// Connects to the first address of the node that lets us: the way requests reach it.
    async fn reach(&self, target: &Target) -> Option<TcpStream> {
        let addresses = match target.host.parse::<IpAddr>() {
            Ok(ip) => vec![ip],
            Err(_) => self.dns.lookup(&target.host).await.ok()?.rotated().collect(),
        };
        for ip in addresses {
            if let Ok(stream) = TcpStream::connect(SocketAddr::new(ip, target.port)).await {
                return Some(stream);
            }
        }
        None
    }

    async fn shake(&self, checker: &Checker, stream: TcpStream, host: &str) -> Option<Stream> {
        let tls = Tls { verify: checker.settings.active.https_verify_certificate, ..Tls::default() };
        let (name, _) = split_address(host);
        self.connector.settings(&tls).ok()?.shake(stream, name).await.ok()
    }
}

// === impl Checker ===

impl Checker {
    fn request(&self, host: &str) -> String {
        let active = &self.settings.active;
        let mut head = format!("{} {} HTTP/1.1\r\nConnection: close\r\n", active.http_method, active.http_path);
        for header in &active.req_headers {
            head.push_str(header);
            head.push_str("\r\n");
        }
        let names_host =
            |header: &String| header.split(':').next().is_some_and(|name| name.eq_ignore_ascii_case("host"));
        if !active.req_headers.iter().any(names_host) {
            head.push_str(&format!("Host: {host}\r\n"));
        }
        if !active.http_req_body.is_empty() {
            head.push_str(&format!("Content-Length: {}\r\n", active.http_req_body.len()));
        }
        format!("{head}\r\n{}", active.http_req_body)
    }

    fn saw(&self, at: usize, seen: &Seen) {
        let active = &self.settings.active;
        let (healthy, unhealthy) = (&active.healthy, &active.unhealthy);
        let (report, counter, limit) = match seen {
            Seen::Connected => (Report::Healthy, Counter::Success, healthy.successes),
            Seen::Status(Some(status)) if healthy.http_statuses.contains(status) => {
                (Report::Healthy, Counter::Success, healthy.successes)
            }
            Seen::Status(Some(status)) if !unhealthy.http_statuses.contains(status) => return,
            Seen::Status(_) => (Report::Unhealthy, Counter::Http, unhealthy.http_failures),
            Seen::Refused => (Report::Unhealthy, Counter::Tcp, unhealthy.tcp_failures),
            Seen::Late => (Report::Unhealthy, Counter::Timeout, unhealthy.timeouts),
        };
        self.report(at, report, counter, limit);
    }
}

/// Sends the request and reads the status line.
async fn ask(stream: &mut Stream, request: &[u8]) -> Seen {
    if stream.write_all(request).await.is_err() || stream.flush().await.is_err() {
        return Seen::Refused;
    }
    let mut line = Vec::with_capacity(256);
    while !line.contains(&b'\n') {
        match stream.read_buf(&mut line).await {
            Ok(read) if read > 0 && line.len() < LINE => {}
            _ => return Seen::Refused,
        }
    }
    Seen::Status(status(&line))
}

/// The status of a line such as `HTTP/1.1 200 OK`.
fn status(line: &[u8]) -> Option<u16> {
    let mut words = std::str::from_utf8(line.get(..16).unwrap_or(line)).ok()?.split_ascii_whitespace();
    let version = words.next()?;
    version.starts_with("HTTP/").then(|| words.next()?.parse().ok()).flatten()
}
