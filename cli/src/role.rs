//! The two production roles: settings in, then the half's own `run`.

use anyhow::anyhow;
use portolan_rt::config::{self, Sources};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::args::Role;
use crate::failure::Failure;
use crate::{output, parent};

/// `portolan cp`.
pub fn control_plane(options: Role, json: bool) -> Result<(), Failure> {
    start(options, json, "control plane", portolan_cp::run)
}

/// `portolan dp`.
pub fn data_plane(options: Role, json: bool) -> Result<(), Failure> {
    start(options, json, "data plane", portolan_dp::run)
}

fn start<C, A, E>(
    options: Role,
    json: bool,
    name: &'static str,
    run: impl FnOnce(C, Box<dyn FnOnce(A) + Send>) -> Result<(), E>,
) -> Result<(), Failure>
where
    C: DeserializeOwned,
    A: Serialize,
    E: std::error::Error + Send + Sync + 'static,
{
    let file = options.config.display().to_string();
    let config = config::load(&Sources::new(Some(options.config), options.sets))
        .map_err(|error| Failure::Usage(error.to_string()))?;
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
    run(config, Box::new(announce)).map_err(|error| Failure::Failed(anyhow!(error)))
}
