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
    ] {
        let plain = "control_plane: { endpoints: [\"http://127.0.0.1:2379\"] }";
        let error = load(plain, &[set]).unwrap().check().unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    assert!(Config::default().check().is_err(), "an https endpoint needs certificates");
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
