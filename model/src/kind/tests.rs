//! Names, ids and methods of all kinds.

use super::*;

#[test]
fn names_lead_back_to_the_kind() {
    for &kind in Kind::all() {
        assert_eq!(Kind::from_directory(kind.directory()), Some(kind));
        assert_eq!(Kind::from_name(kind.name()), Some(kind));
        assert_eq!(kind.name(), kind.noun().replace(' ', "_"));
        assert_eq!(kind.to_string(), kind.noun());
    }
    assert_eq!(Kind::all().len(), 14);
    for unknown in ["", "route", "Routes", "ssl", "routes/", "plugins", "decorations"] {
        assert_eq!(Kind::from_directory(unknown), None, "{unknown}");
    }
    assert_eq!(Kind::Consumer.id_field(), "username");
    assert_eq!(Kind::Route.id_field(), "id");
}

#[test]
fn methods() {
    let of = |has: fn(Kind) -> bool| -> Vec<&str> {
        let mut found: Vec<_> = Kind::all().iter().filter(|kind| has(**kind)).map(|kind| kind.noun()).collect();
        found.sort_unstable();
        found
    };
    assert_eq!(
        of(Kind::has_post),
        ["graphql cost decoration", "proto", "route", "service", "ssl", "stream route", "upstream"]
    );
    assert_eq!(
        of(Kind::has_patch),
        [
            "consumer group",
            "global rule",
            "graphql cost decoration",
            "plugin config",
            "route",
            "secret",
            "service",
            "ssl",
            "upstream"
        ]
    );
    assert_eq!(of(|kind| !kind.is_stamped()), ["plugin_metadata"]);
    assert_eq!(of(|kind| !kind.lists_nothing()), ["credential", "graphql cost decoration"]);
    assert_eq!(of(|kind| !kind.filter_fields().is_empty()), ["route", "stream route"]);
    assert_eq!(of(|kind| kind.owned_directory().is_some()), ["consumer", "service"]);
    assert_eq!(of(|kind| !kind.settles_id()), ["consumer", "plugin_metadata"]);
}

#[test]
fn ids() {
    for (kind, id, parent, own, in_document) in [
        (Kind::Route, "1", None, "1", "1"),
        (Kind::PluginMetadata, "key-auth", None, "key-auth", "key-auth"),
        (Kind::Consumer, "jack", None, "jack", "jack"),
        (Kind::Credential, "jack/credentials/c.1", Some("jack"), "c.1", "c.1"),
        (Kind::Secret, "vault/v1", Some("vault"), "v1", "vault/v1"),
        (Kind::CostDecoration, "s.1/graphql_cost_decorations/d", Some("s.1"), "d", "d"),
    ] {
        assert!(kind.accepts_id(id), "{kind} {id}");
        assert_eq!(kind.split_id(id), (parent, own), "{kind} {id}");
        assert_eq!(kind.join_id(parent.unwrap_or(""), own), id, "{kind} {id}");
        assert_eq!(kind.document_id(id), in_document, "{kind} {id}");
        assert_eq!(kind.parent().is_some(), parent.is_some(), "{kind}");
    }
    for (kind, id) in [
        (Kind::Route, "a/b"),
        (Kind::Consumer, "a.b"),
        (Kind::Credential, "c1"),
        (Kind::Credential, "jack/c1"),
        (Kind::Credential, "a.b/credentials/c1"),
        (Kind::Credential, "jack/credentials/"),
        (Kind::Credential, "jack/credentials/c1/x"),
        (Kind::Credential, "/credentials/c1"),
        (Kind::CostDecoration, "d"),
        (Kind::CostDecoration, "s/d"),
        (Kind::CostDecoration, "s/graphql_cost_decorations/"),
        (Kind::Secret, "v1"),
        (Kind::Secret, "foo/v1"),
        (Kind::Secret, "vault/"),
        (Kind::Secret, "vault/a/b"),
        (Kind::PluginMetadata, ""),
    ] {
        assert!(!kind.accepts_id(id), "{kind} {id}");
    }
}
