//! The order in which the parts come up, and what is looked after while they run.

use std::path::PathBuf;
use std::time::Duration;

use portolan_rt::clock::SystemClock;
use portolan_rt::task::{Kind, Supervisor};
use serde_json::Value;
use tokio::sync::watch;

use super::certificates::{self, Certificates};
use super::child::{Part, State};
use super::secrets::Secrets;
use super::settings::{Half, Settings};
use super::{announce, ready, step};
use crate::failure::Failure;

/// How long a half may take to be ready: migrations of a large store are the slowest case.
const READY_LIMIT: Duration = Duration::from_secs(120);
/// How long the data plane waits for the control plane when it can do without.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often the certificates are looked at while everything runs.
const CERTIFICATES_PERIOD: Duration = Duration::from_secs(3600);

/// All that a start needs.
#[derive(Debug)]
pub struct Gateway {
    /// The data directory, an absolute path.
    pub data: PathBuf,
    /// The settings of both halves.
    pub settings: Settings,
    /// The administrator's.
    pub secrets: Secrets,
    /// Whether dead children are started again.
    pub restart: bool,
    /// Whether the addresses are printed as JSON.
    pub json: bool,
}

// === impl Gateway ===

impl Gateway {
    /// Brings everything up, prints the addresses, then looks after the certificates until the shutdown.
    pub async fn run(mut self, supervisor: &Supervisor) -> Result<(), Failure> {
        let shutdown = supervisor.shutdown();
        match shutdown.until_soft(Box::pin(self.bring_up(supervisor))).await {
            None => Ok(()),
            Some(Err(failure)) => Err(failure),
            Some(Ok(control_plane)) => {
                let _stopped = shutdown.until_soft(self.look_after(control_plane)).await;
                Ok(())
            }
        }
    }

    async fn bring_up(&mut self, supervisor: &Supervisor) -> Result<watch::Receiver<State>, Failure> {
        let certificates = Certificates::new(&self.data);
        let can_do_without =
            certificates.complete() && self.settings.knows_manager() && self.data.join("dp/snapshot").exists();

        step("starting the control plane");
        let mut control_plane = self.keep(Half::Cp, supervisor);
        let limit = if can_do_without { PATIENCE } else { READY_LIMIT };
        let first = match ready::within(Half::Cp, &mut control_plane, limit).await {
            Ok(announcement) => {
                self.control_plane_ready(&announcement, &certificates).await?;
                Some(announcement)
            }
            Err(Failure::Failed(error)) if can_do_without => {
                step(&format!("{error}; the data plane starts from its snapshot"));
                None
            }
            Err(failure) => return Err(failure),
        };

        self.settings.write_half(Half::Dp, &self.data)?;
        step("starting the data plane");
        let mut data_plane = self.keep(Half::Dp, supervisor);
        let dp = ready::within(Half::Dp, &mut data_plane, READY_LIMIT).await?;
        self.data_plane_ready(&dp).await?;

        let cp = match first {
            Some(announcement) => announcement,
            None => {
                step("waiting for the control plane");
                let Some(announcement) = ready::eventually(&mut control_plane).await else { return Ok(control_plane) };
                self.control_plane_ready(&announcement, &certificates).await?;
                announcement
            }
        };
        announce::print(&self.data, &self.secrets, &certificates, &cp, &dp, self.json);
        Ok(control_plane)
    }

    fn keep(&self, half: Half, supervisor: &Supervisor) -> watch::Receiver<State> {
        let (sender, receiver) = watch::channel(State::Starting);
        let shutdown = supervisor.shutdown();
        let (config, restart) = (half.file(&self.data), self.restart);
        supervisor.spawn(half.name(), Kind::Critical, move || {
            let part = Part { half, config: config.clone(), restart };
            part.keep(sender.clone(), shutdown.clone())
        });
        receiver
    }

    async fn control_plane_ready(&mut self, announcement: &Value, certificates: &Certificates) -> Result<(), Failure> {
        let listeners =
            ["dashboard", "admin_api", "dp_manager", "status"].map(|name| (name, announcement[name].as_str()));
        self.settings.take_ports(Half::Cp, &listeners);
        self.settings.write_half(Half::Cp, &self.data)?;
        step("the control plane is ready; checking the certificates");
        let client = certificates::client(announcement, &self.secrets.key, certificates.ca())?;
        certificates.ensure(&client, &self.settings.server_names(), &SystemClock).await
    }

    async fn data_plane_ready(&mut self, announcement: &Value) -> Result<(), Failure> {
        let fields = [
            ("http", "proxy_http"),
            ("https", "proxy_https"),
            ("status", "status"),
            ("metrics", "metrics"),
            ("control", "control_api"),
        ];
        let listeners = fields.map(|(listener, field)| (listener, announcement[field].as_str()));
        self.settings.take_ports(Half::Dp, &listeners);
        self.settings.write_half(Half::Dp, &self.data)?;
        // Its ports are open; it has yet to load its configuration.
        ready::serves(announcement["status"].as_str().unwrap_or_default(), READY_LIMIT).await?;
        step("the data plane is ready");
        Ok(())
    }

    /// The data plane reads new certificates from the files by itself.
    async fn look_after(&self, control_plane: watch::Receiver<State>) {
        let certificates = Certificates::new(&self.data);
        let names = self.settings.server_names();
        loop {
            tokio::time::sleep(CERTIFICATES_PERIOD).await;
            let State::Ready(announcement) = control_plane.borrow().clone() else { continue };
            let renewed = async {
                let client = certificates::client(&announcement, &self.secrets.key, certificates.ca())?;
                certificates.ensure(&client, &names, &SystemClock).await
            };
            if let Err(error) = renewed.await {
                tracing::warn!(%error, "could not renew the certificates, will try again");
            }
        }
    }
}
