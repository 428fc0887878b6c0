use serde_json::json;

use super::*;

fn fields(value: Value) -> Answer {
    Answer::Fields(Arc::new(serde_json::from_value(value).unwrap()))
}

fn path(key: &str) -> Path {
    Path { manager: "vault/1".into(), key: key.into() }
}

#[test]
fn fields_are_found_in_both_versions_of_the_engine() {
    let secrets = Secrets::default();
    let all = [
        ("one", json!({"key": "k", "number": 7, "gone": null})),
        ("two", json!({"data": {"key": "k2", "metadata": "m"}, "metadata": {"version": 3}})),
        // In version 1 these are names like others.
        ("names", json!({"data": {"key": "k"}, "metadata": {"owner": "jack"}})),
    ];
    for (key, answer) in all {
        let entry = Entry { answer: Some(fields(answer)), due: Instant::now(), asking: None };
        secrets.0.known.lock().paths.insert(path(key), entry);
    }
    let text = |text: &str| Found::Text(text.to_owned());
    let gone = || Found::Gone("the secret has no such field".to_owned());
    let cases = [
        ("one/key", text("k")),
        ("one/number", text("7")),
        ("one/gone", gone()),
        ("one/other", gone()),
        ("two/key", text("k2")),
        ("two/metadata", text(r#"{"version":3}"#)),
        ("names/key", gone()),
        ("three/key", Found::Unknown("its manager has not answered yet".to_owned())),
    ];
    for (reference, expected) in cases {
        assert_eq!(secrets.find(&format!("$secret://vault/1/{reference}")), expected, "{reference}");
    }
}

#[test]
fn what_was_known_outlives_a_failure_and_nothing_else() {
    let (old, new) = (|| fields(json!({"key": "old"})), || fields(json!({"key": "new"})));
    let failed = || Answer::Failed("away".to_owned());
    let gone = || Answer::Gone("no".to_owned());
    let cases = [
        (None, old(), true),
        (None, failed(), true),
        (Some(old()), old(), false),
        (Some(old()), new(), true),
        (Some(old()), failed(), false),
        (Some(old()), gone(), true),
        (Some(gone()), failed(), true),
        (Some(failed()), old(), true),
    ];
    for (before, answer, another) in cases {
        let shown = format!("{before:?} {answer:?}");
        let mut entry = Entry { answer: before, due: Instant::now(), asking: None };
        assert_eq!(entry.learn(answer), another, "{shown}");
    }
}

#[test]
fn the_end_of_a_manager_is_the_end_of_its_secrets() {
    let secrets = Secrets::default();
    let document = json!({"uri": "http://127.0.0.1:1", "prefix": "kv", "token": "t"});
    secrets.manage("vault/1", Some(&document));
    secrets.want(&BTreeSet::from([path("a")]));
    secrets.0.known.lock().paths.get_mut(&path("a")).unwrap().answer = Some(fields(json!({"key": "k"})));
    assert_eq!(secrets.take_changed(), BTreeSet::new());
    secrets.manage("vault/1", None);
    assert_eq!(secrets.take_changed(), BTreeSet::from([path("a")]));
    assert_eq!(secrets.find("$secret://vault/1/a/key"), Found::Gone("there is no secret manager vault/1".to_owned()));
}
