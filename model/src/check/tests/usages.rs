//! Who still needs what: the words, and the relation.

use super::*;

#[test]
fn words() {
    let split =
        json!({"plugins": {"traffic-split": {"rules": [{}, {"weighted_upstreams": [{}, {"upstream_id": 1}]}]}}});
    let upstream = json!({"upstream_id": "1"});
    let service = json!({"service_id": 1});
    let proto = json!({"plugins": {"grpc-transcode": {"proto_id": 1}}});
    for (kind, user, document, expected) in [
        (Kind::Service, Kind::Route, &service, "this service directly, route [x] is still using it now"),
        (Kind::Service, Kind::StreamRoute, &service, "this service directly, stream_route [x] is still using it now"),
        (Kind::Upstream, Kind::Route, &upstream, "this upstream, route [x] is still using it now"),
        (Kind::Upstream, Kind::Service, &upstream, "this upstream, service [x] is still using it now"),
        (Kind::Upstream, Kind::StreamRoute, &upstream, "this upstream, stream_route [x] is still using it now"),
        (Kind::Upstream, Kind::Route, &split, "this upstream, plugin in route [x] is still using it now"),
        (Kind::Upstream, Kind::Service, &split, "this upstream, plugin in service [x] is still using it now"),
        (
            Kind::Upstream,
            Kind::PluginConfig,
            &split,
            "this upstream, plugin in plugin_config [x] is still using it now",
        ),
        (Kind::Upstream, Kind::Consumer, &split, "this upstream, plugin in consumer [x] is still using it now"),
        (
            Kind::Upstream,
            Kind::ConsumerGroup,
            &split,
            "this upstream, plugin in consumer_group [x] is still using it now",
        ),
        (Kind::Upstream, Kind::GlobalRule, &split, "this upstream, plugin in global_rules [x] is still using it now"),
        (
            Kind::PluginConfig,
            Kind::Route,
            &json!({"plugin_config_id": 1}),
            "this plugin config, route [x] is still using it now",
        ),
        (
            Kind::ConsumerGroup,
            Kind::Consumer,
            &json!({"group_id": "1"}),
            "this consumer group, consumer [x] is still using it now",
        ),
        (Kind::Proto, Kind::Route, &proto, "this proto, route [x] is still using it now"),
        (Kind::Proto, Kind::Service, &proto, "this proto, service [x] is still using it now"),
        (
            Kind::StreamRoute,
            Kind::StreamRoute,
            &json!({"protocol": {"superior_id": 1}}),
            "this stream route directly, stream route [x] is still using it as superior_id",
        ),
    ] {
        let usage = usages(kind).iter().find(|usage| usage.user == user).unwrap();
        let said = usage.complaint("1", "x", document).map(|invalid| invalid.to_string());
        assert_eq!(said, Some(format!("can not delete {expected}")), "{kind} {user}");
        assert_eq!(usage.complaint("2", "x", document), None, "{kind} {user}");
        assert_eq!(usage.complaint("1", "x", &json!("1")), None, "{kind} {user}");
    }
    // Consumers, plugin configs and the like are looked into for plugins only.
    for usage in usages(Kind::Upstream).iter().filter(|usage| usage.user == Kind::Consumer) {
        assert_eq!(usage.complaint("1", "x", &upstream), None);
    }
}

#[test]
fn the_order_in_which_users_are_looked_at() {
    let users = |kind| -> Vec<Kind> { usages(kind).iter().map(|usage| usage.user).collect() };
    assert_eq!(users(Kind::Service), [Kind::Route, Kind::StreamRoute]);
    let of_upstream = [
        Kind::Route,
        Kind::Service,
        Kind::PluginConfig,
        Kind::Consumer,
        Kind::ConsumerGroup,
        Kind::GlobalRule,
        Kind::StreamRoute,
    ];
    assert_eq!(users(Kind::Upstream), of_upstream);
    for kind in [Kind::Route, Kind::Consumer, Kind::Credential, Kind::Ssl, Kind::Secret, Kind::PluginMetadata] {
        assert_eq!(users(kind), []);
    }
}
