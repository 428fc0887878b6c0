//! `portolan audit key` and `portolan audit rotate-key`: what the log is signed with.

use anyhow::anyhow;
use portolan_eventstore::proof::Log;
use serde_json::json;

use crate::args::{AuditKey, RotateKey};
use crate::client::{self, Client, text};
use crate::failure::Failure;
use crate::output;

/// Prints the verifier keys, as a file of them: the present one, then those before it.
pub fn show(options: &AuditKey, json: bool) -> Result<(), Failure> {
    let keys = client::block_on(async {
        let keys = async { Log::open(&options.store).await?.published_keys().await };
        Ok(keys.await.map_err(anyhow::Error::from)?)
    })?;
    let Some((key, previous)) = keys.split_first() else {
        return Err(anyhow!("the log names no key yet: a control plane makes it on its first start").into());
    };
    if json {
        output::json(&json!({ "key": key, "previous": previous }));
        return Ok(());
    }
    output::line(key);
    for key in previous {
        output::line(&format!("# before it\n{key}"));
    }
    Ok(())
}

/// Has the control plane sign with another key.
pub fn rotate(options: &RotateKey, json: bool) -> Result<(), Failure> {
    let client = Client::new(&options.server)?;
    let body = json!({ "reason": options.reason });
    let answer = client::block_on(client.post(&["api", "audit", "key", "rotate"], &body))?;
    if json {
        output::json(&answer);
        return Ok(());
    }
    output::line(&text(&answer, "/key"));
    output::progress(&format!(
        "signs from revision {} on; auditors add it to the keys that they have",
        answer["revision"]
    ));
    if answer["covered"] == false {
        output::progress("the log is not signed up to there yet: see the status of the control plane");
    }
    Ok(())
}
