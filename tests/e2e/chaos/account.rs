//! The account: what the log holds against what the writers were told.

use std::collections::HashMap;
use std::path::Path;

use anyhow::ensure;
use portolan_testkit::eventually;
use reqwest::Client;
use serde_json::Value;

use super::planes::{KEY, Planes};
use super::writers::Written;
use crate::gateway::SOON;
use crate::process;

/// Events of one page.
const PAGE: usize = 500;

/// Reads the whole log and the services at both control planes, and holds them against what was told; gives the events.
pub async fn settle(planes: &Planes, written: &[Written]) -> Vec<Value> {
    let http = Client::builder().no_proxy().build().unwrap();
    let urls = planes.urls();
    let events = all_events(&http, &urls[0]).await;
    for (revision, event) in (1..).zip(&events) {
        assert_eq!(event["revision"].as_u64(), Some(revision), "a gap, or twice");
    }
    let mut found: HashMap<&str, Vec<u64>> = HashMap::new();
    let mut last: HashMap<&str, &str> = HashMap::new();
    for event in &events {
        for change in event["changes"].as_array().unwrap() {
            let (Some(key), Some(name)) = (change["key"].as_str(), change["after"]["name"].as_str()) else { continue };
            if let Some(id) = key.strip_prefix("/apisix/services/") {
                found.entry(name).or_default().push(event["revision"].as_u64().unwrap());
                last.insert(id, name);
            }
        }
    }
    for writer in written {
        account(writer, &found);
        let id = format!("w{}", writer.writer);
        for url in &urls {
            // What one of them wrote the other one hears of.
            eventually(SOON, || async {
                let get = http.get(format!("{url}/apisix/admin/services/{id}")).header("X-API-KEY", KEY);
                let service: Value = get.send().await?.json().await?;
                let expected = last.get(id.as_str()).copied();
                ensure!(service["value"]["name"].as_str() == expected, "{id} at {url}: {service}, not {expected:?}");
                Ok(())
            })
            .await;
        }
    }
    let told = written.iter().map(|writer| writer.acknowledged.len() + writer.open.len()).sum::<usize>();
    assert!(found.len() <= told, "{} writes in the log, {told} were tried", found.len());
    events
}

/// One writer's writes: each acknowledged one once and in its order, of the others none twice and none that was refused.
fn account(writer: &Written, found: &HashMap<&str, Vec<u64>>) {
    let revisions = |number: &u64| {
        let name = format!("{}-{number}", writer.writer);
        (found.get(name.as_str()).cloned().unwrap_or_default(), name)
    };
    let mut before = 0;
    for number in &writer.acknowledged {
        let (at, name) = revisions(number);
        assert_eq!(at.len(), 1, "{name} was acknowledged and stands at revisions {at:?}");
        assert!(at[0] > before, "{name} stands at revision {}, its predecessor at {before}", at[0]);
        before = at[0];
    }
    for number in &writer.open {
        let (at, name) = revisions(number);
        assert!(at.len() <= 1, "{name} stands at revisions {at:?}");
    }
    for number in &writer.refused {
        let (at, name) = revisions(number);
        assert!(at.is_empty(), "{name} was answered with \"nothing was changed\" and stands at {at:?}");
    }
}

/// The whole log, oldest first.
async fn all_events(http: &Client, url: &str) -> Vec<Value> {
    let mut events = Vec::new();
    let mut before = String::new();
    loop {
        let get = http.get(format!("{url}/api/audit/events?limit={PAGE}{before}")).header("X-API-KEY", KEY);
        let page: Value = get.send().await.unwrap().error_for_status().unwrap().json().await.unwrap();
        events.extend(page["events"].as_array().unwrap().iter().cloned());
        let Some(next) = page["next_before"].as_u64() else { break };
        before = format!("&before={next}");
    }
    events.reverse();
    events
}

/// `portolan audit verify` over the live database, once a checkpoint covers all of it.
pub async fn verify_tree(store: &str, folder: &Path, events: usize) {
    let key = folder.join("log.key").display().to_string();
    let told = process::run(&["--json", "audit", "key", "--store", store], &[]).await;
    let told: Value = serde_json::from_str(&told.stdout).unwrap();
    std::fs::write(&key, told["key"].as_str().unwrap()).unwrap();
    eventually(SOON, || async {
        let output = process::run(&["--json", "audit", "verify", "--store", store, "--key", &key], &[]).await;
        let verdict: Value = serde_json::from_str(&output.stdout)?;
        ensure!(output.code == 0 && verdict["result"] == "OK", "{verdict} {}", output.stderr);
        ensure!(verdict["tree_size"].as_u64() >= u64::try_from(events).ok(), "{verdict}, {events} events");
        Ok(())
    })
    .await;
}
