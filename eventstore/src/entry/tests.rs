//! The entry's bytes are a contract with auditors: pinned here.

use super::*;

fn facts<'a>(context: &'a Context, resource: &'a ResourceRef, changes: &'a [Change]) -> Facts<'a> {
    Facts {
        epoch: "e",
        revision: 7,
        recorded_at: 1_700_000_000_000_001,
        event_id: Uuid::nil(),
        action: "route.update",
        outcome: Outcome::Success,
        context,
        gateway_group: Some("default"),
        resource: Some(resource),
        causation_revision: None,
        refusal: None,
        changes,
    }
}

fn context() -> Context {
    let mut context = Context::system();
    context.request_id = Uuid::nil();
    context.reason = Some("because \"of\" it".into());
    context
}

#[test]
fn an_entry_of_format_1_reads_like_this() {
    let context = context();
    let resource = ResourceRef { kind: "route".into(), id: "1".into() };
    let text = String::from_utf8(entry(&facts(&context, &resource, &[]), None, "cc")).unwrap();
    assert_eq!(
        text,
        concat!(
            r#"{"action":"route.update","actor":{"auth_method":"none","id":"system","kind":"system","roles":[]},"#,
            r#""causation_revision":null,"changes":null,"context":"cc","epoch":"e","#,
            r#""event_id":"00000000-0000-0000-0000-000000000000","format":1,"gateway_group":"default","#,
            r#""interface":"internal","outcome":"success","recorded_at":1700000000000001,"#,
            r#""request_id":"00000000-0000-0000-0000-000000000000","resource":{"id":"1","kind":"route"},"#,
            r#""revision":7,"status":null,"trace_id":null}"#
        )
    );
}

#[test]
fn commitments_open_with_salt_and_payload_and_personal_data_stays_outside() {
    let context = context();
    let resource = ResourceRef { kind: "route".into(), id: "1".into() };
    let changes = [Change { key: "k".into(), after: None, before: None }];
    let mut salts = Salts::default();
    let sealed = seal(&facts(&context, &resource, &changes), &mut salts).unwrap();
    let entry: serde_json::Value = serde_json::from_slice(&sealed.entry).unwrap();
    assert_eq!(entry["context"], commitment(CONTEXT_TAG, &sealed.context_salt, &sealed.context_body));
    let salt = sealed.changes_salt.unwrap();
    assert_eq!(entry["changes"], commitment(CHANGES_TAG, &salt, &changes_payload(&changes)));
    assert!(!String::from_utf8(sealed.entry).unwrap().contains("because"));
    assert_ne!(seal(&facts(&context, &resource, &changes), &mut salts).unwrap().context_salt, sealed.context_salt);
}

#[test]
fn an_entry_that_is_too_large_is_refused() {
    let mut context = context();
    context.trace_id = Some("x".repeat(70_000));
    let resource = ResourceRef { kind: "route".into(), id: "1".into() };
    assert!(matches!(seal(&facts(&context, &resource, &[]), &mut Salts::default()), Err(Error::EntryTooLarge { .. })));
}
