use std::path::PathBuf;

use portolan_dp::Config;
use portolan_rt::config::{self, Sources};

fn load(text: &str, sets: &[&str]) -> Result<Config, String> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("dp.yaml");
    std::fs::write(&file, text).unwrap();
    let sets = sets.iter().map(|set| (*set).to_owned()).collect();
    config::load(&Sources { file: Some(file), sets, env: Vec::new() }).map_err(|e| e.to_string())
}

#[test]
fn the_sample_is_good_and_says_the_defaults() {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../deploy/config/dp.yaml");
    let sample: Config = config::load(&Sources { file: Some(file), ..Sources::default() }).unwrap();
    sample.check().unwrap();
    let default = Config::default();
    assert_eq!(format!("{:?}", sample.limits), format!("{:?}", default.limits));
    assert_eq!(format!("{:?}", sample.listen), format!("{:?}", default.listen));
    assert_eq!(sample.control_plane.prefix, default.control_plane.prefix);
}

#[test]
fn wrong_settings_are_refused_before_anything_opens() {
    for (text, part) in [
        ("lsten: {}", "lsten"),
        ("listen: { http: nowhere }", "listen.http"),
        ("limits: { header_bytes: many }", "limits.header_bytes"),
    ] {
        let error = load(text, &[]).unwrap_err();
        assert!(error.contains(part), "{error}");
    }
    for (set, part) in [
        ("control_plane.endpoints=[]", "control_plane.endpoints"),
        ("control_plane.endpoints=[\"ftp://x\"]", "control_plane.endpoints"),
        ("control_plane.prefix=apisix", "control_plane.prefix"),
        ("limits.header_bytes=10", "limits.header_bytes"),
        ("tls.cert=/x.pem", "tls.key"),
        ("prometheus.metric_prefix=1x", "prometheus.metric_prefix"),
        ("prometheus.export_uri=metrics", "prometheus.export_uri"),
        ("prometheus.default_buckets=[2,1]", "prometheus.default_buckets"),
        (
            "prometheus.metrics.http_status.extra_labels=[{code: $status}]",
            "prometheus.metrics.http_status.extra_labels",
        ),
        ("prometheus.metrics.bandwidth.extra_labels=[{a: b}]", "prometheus.metrics.bandwidth.extra_labels"),
        ("secrets.ttl=0", "secrets.ttl"),
    ] {
        let plain = "control_plane: { endpoints: [\"http://127.0.0.1:2379\"] }";
        let error = load(plain, &[set]).unwrap().check().unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    assert!(Config::default().check().is_err(), "an https endpoint needs certificates");
}

#[test]
fn registries_are_configured_as_in_apisix() {
    let plain = "control_plane: { endpoints: [\"http://127.0.0.1:2379\"] }";
    let good = format!(
        "{plain}\ndiscovery:\n  dns: {{ servers: [\"127.0.0.1:53\"], order: [last, SRV, A] }}\n\
         \x20 consul: {{ servers: [\"http://h:8500\"], token: t, shared_size: 1m, timeout: {{ wait: 5 }}, default_service: {{ host: h, port: 1, metadata: {{ weight: 1 }} }} }}\n\
         \x20 kubernetes:\n    - {{ id: a, service: {{ host: h, port: \"6443\" }}, client: {{ token: t }} }}\n\
         \x20   - {{ id: b, service: {{ host: h, port: 6443, schema: http }}, namespace_selector: {{ match: [\"a.*\"] }} }}\n\
         \x20 nacos: {{ host: [\"http://u:s3cret@h:8848\"], access_key: s3cret }}\n\
         \x20 eureka: {{ host: [\"http://h:8761\"], prefix: /eureka/ }}\n"
    );
    let config = load(&good, &[]).unwrap();
    config.check().unwrap();
    let kubernetes = config.discovery.kubernetes.as_ref().unwrap();
    assert_eq!((kubernetes.clusters.len(), kubernetes.clusters[1].service.port.as_str()), (2, "6443"));
    assert!(!format!("{config:?}").contains("s3cret"), "{config:?}");
    let one =
        load(&format!("{plain}\ndiscovery: {{ kubernetes: {{ service: {{ host: h, port: 1 }} }} }}"), &[]).unwrap();
    assert!(!one.discovery.kubernetes.unwrap().has_ids());
    assert!(
        load(&format!("{plain}\ndiscovery: {{ kubernetes: [{{ client: {{}} }}] }}"), &[]).unwrap_err().contains("id")
    );
    for (setting, part) in [
        ("dns={}", "discovery.dns"),
        ("dns={servers: [\"localhost\"]}", "discovery.dns.servers"),
        ("dns={servers: [\"::1\"], resolv_conf: /x}", "discovery.dns"),
        ("dns={servers: [\"::1\"], order: [A, A]}", "discovery.dns.order"),
        ("consul={}", "discovery.consul.servers"),
        ("consul={servers: [\"u:p4ss@h\"]}", "discovery.consul.servers"),
        ("consul={servers: [\"http://h\"], weight: 0}", "discovery.consul.weight"),
        ("kubernetes={service: {host: h, port: x}}", "discovery.kubernetes.service"),
        ("kubernetes={service: {host: \"${NO_SUCH_VARIABLE}\", port: 1}}", "NO_SUCH_VARIABLE"),
        ("kubernetes={service: {host: h, port: 1}, namespace_selector: {match: [\"(\"]}}", "namespace_selector"),
        (
            "kubernetes={service: {host: h, port: 1}, namespace_selector: {equal: a, not_equal: b}}",
            "namespace_selector",
        ),
        ("nacos={host: [\"ftp://h\"]}", "discovery.nacos.host"),
        ("nacos={host: [\"http://h\"], timeout: {read: 0}}", "discovery.nacos.timeout"),
        ("eureka={host: [\"http://h\"], fetch_interval: 0}", "discovery.eureka.fetch_interval"),
    ] {
        let error = load(plain, &[&format!("discovery.{setting}")]).unwrap().check().unwrap_err().to_string();
        assert!(error.contains(part) && !error.contains("p4ss"), "{setting}: {error}");
    }
}

#[test]
fn files_that_cannot_be_used_are_wrong_settings() {
    let instance = crate::harness::Instance::new();
    let space = crate::harness::Space { url: "http://127.0.0.1:1".into(), prefix: "/apisix/".into() };
    let run = |change: &dyn Fn(&mut Config)| {
        let mut config = instance.config(&space);
        change(&mut config);
        let supervisor = portolan_rt::task::Supervisor::new();
        let clock = std::sync::Arc::new(portolan_rt::clock::SystemClock);
        let error = portolan_dp::run::run_under(&supervisor, &config, clock, |_| panic!("it started")).unwrap_err();
        assert!(matches!(error, portolan_dp::Error::Config(_)), "{error:?}");
        error.to_string()
    };
    let missing = || Some(PathBuf::from("/nowhere/file.pem"));
    for (text, setting) in [
        (run(&|config| config.tls.cert = missing()), "tls.cert: "),
        (run(&|config| config.control_plane.cert = missing()), "control_plane.cert: "),
        (run(&|config| config.control_plane.ca = missing()), "control_plane: "),
        (run(&|config| config.control_plane.ca = Some(instance.files.key.clone())), "control_plane: "),
    ] {
        assert!(text.starts_with(setting), "{text}");
    }
}
