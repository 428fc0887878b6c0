//! The two production roles: settings in, then the half's own `run`.

use std::convert::Infallible;

use anyhow::anyhow;
use portolan_rt::config::{self, Sources};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::args::Role;
use crate::failure::Failure;
use crate::{output, parent};

/// What a half brings along, besides the types of its settings, announcement and error.
struct Half<C, W, E> {
    name: &'static str,
    /// What reading the settings does not check.
    check: fn(&C) -> Result<(), W>,
    /// Whether it did not start for a setting, which it found out by following it.
    is_usage: fn(&E) -> bool,
}

/// `portolan cp`.
pub fn control_plane(options: Role, json: bool) -> Result<(), Failure> {
    let is_usage = |error: &portolan_cp::Error| matches!(error, portolan_cp::Error::Config(_));
    let half = Half { name: "control plane", check: |_| Ok::<_, Infallible>(()), is_usage };
    start(options, json, half, portolan_cp::run)
}

/// `portolan dp`.
pub fn data_plane(options: Role, json: bool) -> Result<(), Failure> {
    let is_usage = |error: &portolan_dp::Error| matches!(error, portolan_dp::Error::Config(_));
    let half = Half { name: "data plane", check: portolan_dp::Config::check, is_usage };
    start(options, json, half, portolan_dp::run)
}

fn start<C, W, A, E>(
    options: Role,
    json: bool,
    half: Half<C, W, E>,
    run: impl FnOnce(C, Box<dyn FnOnce(A) + Send>) -> Result<(), E>,
) -> Result<(), Failure>
where
    C: DeserializeOwned,
    W: std::error::Error,
    A: Serialize,
    E: std::error::Error + Send + Sync + 'static,
{
    let name = half.name;
    let file = options.config.display().to_string();
    let sources = Sources::new(Some(options.config), options.sets);
    let config: C = config::load(&sources).map_err(|error| Failure::Usage(error.to_string()))?;
    (half.check)(&config).map_err(|error| Failure::Usage(format!("{file}: {error}")))?;
    if options.check_config {
        output::line(&format!("{file}: the configuration of the {name} is right"));
        return Ok(());
    }
    if options.stop_with_parent {
        parent::stop_with_it()?;
    }
    let announce = move |announcement: A| {
        if json {
            output::json(&announcement);
        } else {
            output::progress(&format!("the {name} is ready"));
        }
    };
    run(config, Box::new(announce)).map_err(|error| {
        let is_usage = (half.is_usage)(&error);
        let error = anyhow!(error);
        if is_usage { Failure::Usage(format!("{file}: {error:#}")) } else { Failure::Failed(error) }
    })
}
