//! What all proxies share: the upstreams behind them, the certificate before them, the clients that may come in.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rcgen::{CertificateParams, KeyPair};

use super::nginx;
use crate::process::Stopped;

/// Consumers of the row with authentication.
pub const CONSUMERS: usize = 1000;
/// Routes of the row with many.
pub const ROUTES: usize = 10_000;

/// The surroundings of the proxies.
#[derive(Debug)]
pub struct Site {
    /// For files of this run.
    pub dir: PathBuf,
    /// Answers HTTP/1.1: `/64k…` with 64 KiB, `/1m…` with 1 MiB, everything else with 1 KiB.
    pub http: u16,
    /// Answers gRPC with what it is sent, without TLS.
    pub grpc: u16,
    /// Worker threads or processes of each proxy.
    pub workers: usize,
    /// Certificate of the proxies, PEM.
    pub cert: PathBuf,
    /// Its key, PEM.
    pub key: PathBuf,
    _servers: [Stopped; 2],
}

// === impl Site ===

impl Site {
    /// Starts the upstreams.
    pub fn start(dir: &Path, workers: usize) -> anyhow::Result<Self> {
        let pair = KeyPair::generate()?;
        let cert = CertificateParams::new(vec!["localhost".to_owned()])?.self_signed(&pair)?;
        let file = |name: &str, text: &str| -> anyhow::Result<PathBuf> {
            let path = dir.join(name);
            fs::write(&path, text)?;
            Ok(path)
        };
        let http = free_port()?;
        let nginx = nginx::upstream(dir, http)?;
        let (grpc, port) = helper("upstream", &[])?;
        Ok(Self {
            dir: dir.to_owned(),
            http,
            grpc: *port.first().context("the upstream names no port")?,
            workers,
            cert: file("proxy.crt", &cert.pem())?,
            key: file("proxy.key", &pair.serialize_pem())?,
            _servers: [nginx, grpc],
        })
    }
}

/// The key of a consumer.
pub fn consumer_key(at: usize) -> String {
    format!("key-of-consumer-{at:04}")
}

/// The path that one route of many serves; the rest follows.
pub fn route_prefix(at: usize) -> String {
    format!("/r/{at:05}/")
}

/// Peers can't say which port they got, so they must be told one.
pub fn free_port() -> anyhow::Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Waits until somebody listens.
pub fn wait_for(port: u16, process: &mut Stopped, log: &Path) -> anyhow::Result<()> {
    let start = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        if start.elapsed() > Duration::from_secs(30) || process.0.try_wait()?.is_some() {
            bail!("a server did not start: {}", fs::read_to_string(log).unwrap_or_default());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// Starts a server of this program, which prints its ports.
pub fn helper(name: &str, arguments: &[String]) -> anyhow::Result<(Stopped, Vec<u16>)> {
    let mut command = Command::new(std::env::current_exe()?);
    let mut child = command.arg(name).args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
    let output = child.stdout.take().context("the pipe was asked for")?;
    let process = Stopped(child);
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line)?;
    let ports = line.split_whitespace().map(str::parse).collect::<Result<_, _>>();
    Ok((process, ports.with_context(|| format!("{name} says {line:?}"))?))
}
