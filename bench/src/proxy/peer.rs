//! The proxies that are compared.

use std::path::PathBuf;

use super::site::{Site, helper};
use super::{envoy, haproxy, nginx, portolan};
use crate::process::Stopped;

/// Who is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Peer {
    Nginx,
    Haproxy,
    Envoy,
    /// The HTTP library without a gateway.
    Floor,
    Portolan,
}

/// What a proxy is configured for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// One route for everything, one with authentication and a limit.
    Usual,
    /// Many routes, nothing else.
    ManyRoutes,
}

/// Programs that are not found by their names.
#[derive(Debug, Clone)]
pub struct Programs {
    /// portolan.
    pub portolan: PathBuf,
    /// Envoy.
    pub envoy: PathBuf,
}

/// A running proxy.
#[derive(Debug)]
pub struct Instance {
    /// Its process; workers are children of it.
    pub pid: u32,
    /// Port of HTTP.
    pub http: u16,
    /// Port of HTTPS.
    pub https: u16,
    /// Port of gRPC without TLS.
    pub grpc: Option<u16>,
    /// Port of TCP.
    pub tcp: Option<u16>,
    pub(super) _processes: Vec<Stopped>,
}

// === impl Peer ===

impl Peer {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Haproxy => "haproxy",
            Self::Envoy => "envoy",
            Self::Floor => "floor",
            Self::Portolan => "portolan",
        }
    }

    /// Starts it; `None`: it cannot do this.
    pub fn start(self, site: &Site, shape: Shape, programs: &Programs) -> anyhow::Result<Option<Instance>> {
        Ok(Some(match self {
            Self::Nginx => nginx::proxy(site, shape)?,
            Self::Haproxy => haproxy::proxy(site, shape)?,
            Self::Envoy => envoy::proxy(site, shape, &programs.envoy)?,
            Self::Portolan => portolan::proxy(site, shape, &programs.portolan)?,
            Self::Floor if shape == Shape::ManyRoutes => return Ok(None),
            Self::Floor => floor(site)?,
        }))
    }
}

fn floor(site: &Site) -> anyhow::Result<Instance> {
    let arguments = [
        format!("--http-upstream={}", site.http),
        format!("--grpc-upstream={}", site.grpc),
        format!("--cert={}", site.cert.display()),
        format!("--key={}", site.key.display()),
    ];
    let (process, ports) = helper("floor", &arguments)?;
    let [http, https, grpc, tcp] = ports[..] else { anyhow::bail!("the floor names {ports:?}") };
    Ok(Instance { pid: process.pid(), http, https, grpc: Some(grpc), tcp: Some(tcp), _processes: vec![process] })
}
