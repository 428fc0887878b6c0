//! `portolan audit erase` and `portolan audit prune`: how much would go, and then letting it go.

use std::time::Duration;

use anyhow::anyhow;
use serde_json::{Value, json};

use crate::args::{Erase, Order, Prune};
use crate::client::{self, Client, text};
use crate::confirm;
use crate::failure::Failure;
use crate::output;

/// How often it is told what is left.
const TELL: Duration = Duration::from_secs(5);

/// Erases what is personal about an actor's events.
pub fn erase(options: &Erase, json: bool) -> Result<(), Failure> {
    let what = json!({ "actor_id": options.actor });
    let question = format!("Erase what is personal about {}? It does not come back. Type yes:", options.actor);
    run(&["api", "audit", "erasures"], &what, &options.order, &question, json)
}

/// Lets go of payloads of old events.
pub fn prune(options: &Prune, json: bool) -> Result<(), Failure> {
    let before = options.before.parse::<i64>().map_or_else(|_| json!(options.before), Value::from);
    let question = format!("Let go of what is older than {}? It does not come back. Type yes:", options.before);
    run(&["api", "audit", "prune"], &json!({ "before": before }), &options.order, &question, json)
}

fn run(path: &[&str], what: &Value, order: &Order, question: &str, json: bool) -> Result<(), Failure> {
    let client = Client::new(&order.server)?;
    let look = with(what, &json!({ "dry_run": true }));
    let looked = client::block_on(client.post(path, &look))?;
    let nothing = looked["contexts"] == 0 && looked["changes"] == 0;
    if order.dry_run || nothing {
        let closing = if nothing { "nothing to do" } else { "dry run, nothing was changed" };
        show(&looked, json, "would go", closing);
        return Ok(());
    }
    if !json {
        output::line(&counted(&looked, "would go"));
    }
    if !order.yes && !confirm::confirmed(question)? {
        return Err(Failure::Failed(anyhow!("not confirmed, nothing was changed")));
    }
    let done = with(what, &json!({ "dry_run": false, "reason": order.reason }));
    let done = client::block_on(async {
        let work = client.post_slow(path, &done);
        tokio::pin!(work);
        loop {
            match tokio::time::timeout(TELL, &mut work).await {
                Ok(done) => return done,
                Err(_) => progress(client.post(path, &look).await),
            }
        }
    })?;
    show(&done, json, "are gone", &format!("recorded as revision {}", text(&done, "/revision")));
    Ok(())
}

/// What is left is what a dry run would find now. When that can't be said, the answer itself will say what is wrong.
fn progress(left: Result<Value, Failure>) {
    match left {
        Ok(left) => output::progress(&counted(&left, "are left")),
        Err(_) => output::progress("still at it"),
    }
}

fn with(what: &Value, more: &Value) -> Value {
    let fields = [what, more].into_iter().filter_map(Value::as_object).flatten();
    Value::Object(fields.map(|(name, value)| (name.clone(), value.clone())).collect())
}

fn show(answer: &Value, json: bool, fate: &str, closing: &str) {
    if json {
        output::json(answer);
    } else {
        output::line(&counted(answer, fate));
        output::line(closing);
    }
}

fn counted(answer: &Value, fate: &str) -> String {
    let of = |name: &str| text(answer, name);
    let held = match answer["held"].as_u64() {
        Some(held @ 1..) => format!("; a legal hold keeps {held}"),
        _ => String::new(),
    };
    format!("{} contexts and the changes of {} events {fate}{held}", of("/contexts"), of("/changes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_is_said_in_words() {
        let answer = json!({ "contexts": 3, "changes": 0, "held": 2 });
        assert_eq!(
            counted(&answer, "would go"),
            "3 contexts and the changes of 0 events would go; a legal hold keeps 2"
        );
        let both = with(&json!({ "before": 7 }), &json!({ "dry_run": true }));
        assert_eq!(both, json!({ "before": 7, "dry_run": true }));
    }
}
