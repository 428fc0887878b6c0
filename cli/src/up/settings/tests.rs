use super::*;

fn options(words: &[&str]) -> Up {
    use clap::Parser as _;

    let words = ["portolan", "up"].iter().chain(words);
    match crate::args::Cli::try_parse_from(words).unwrap().command {
        crate::args::Command::Up(up) => up,
        other => panic!("{other:?}"),
    }
}

fn settings(words: &[&str]) -> Settings {
    Settings::new(&options(words), Path::new("/nonexistent")).unwrap()
}

#[test]
fn a_set_goes_to_the_half_that_knows_it() {
    let settings = settings(&[
        "--set=listen.admin_api=127.0.0.1:1",
        "--set=listen.http=127.0.0.1:2",
        "--set=dp.listen.status=127.0.0.1:3",
        "--set=log.level=debug",
        "--set=cp.shutdown.drain_seconds=20",
        "--set=tls.names=[a.example, b.example]",
        "--set=admin.keys.0.name=first",
    ]);
    assert_eq!(settings.cp["listen"]["admin_api"], "127.0.0.1:1");
    assert_eq!(settings.dp["listen"].get("admin_api"), None);
    assert_eq!(settings.dp["listen"]["http"], "127.0.0.1:2");
    assert_eq!(settings.dp["listen"]["status"], "127.0.0.1:3");
    assert_eq!(settings.cp["listen"]["status"], "127.0.0.1:7086");
    assert_eq!((&settings.cp["log"]["level"], &settings.dp["log"]["level"]), (&json!("debug"), &json!("debug")));
    assert_eq!(settings.longest_drain(), 20);
    assert_eq!(settings.server_names(), ["a.example", "b.example"]);
    assert_eq!(settings.cp["admin"]["keys"][0]["name"], "first");
}

#[test]
fn free_ports_are_on_loopback_and_a_set_wins() {
    let settings = settings(&["--free-ports", "--set=dp.listen.http=0.0.0.0:8080"]);
    assert_eq!(settings.cp["listen"]["dp_manager"], "127.0.0.1:0");
    assert_eq!(settings.dp["listen"]["http"], "0.0.0.0:8080");
    assert!(!settings.knows_manager());
}

#[test]
fn resolved_ports_stay_and_lead_the_data_plane() {
    let mut settings = settings(&["--set=listen.dp_manager=0.0.0.0:0"]);
    settings.take_ports(Half::Cp, &[("dp_manager", Some("https://127.0.0.1:4567")), ("admin_api", None)]);
    assert_eq!(settings.cp["listen"]["dp_manager"], "0.0.0.0:4567");
    assert_eq!(settings.dp["control_plane"]["endpoints"][0], "https://127.0.0.1:4567");
    assert!(settings.knows_manager());
}

#[test]
fn wrong_options_are_usage_errors() {
    let cases = [
        ("--store=oracle://x", "mysql://USER"),
        ("--store=oracle:x", "one of sqlite"),
        ("--store=sqlite:", "needs a path"),
        ("--set=listen", "section.key=value"),
        ("--set=listen=x", "section.key=value"),
        ("--set=admin.keys.7.name=x", "1 items"),
        ("--set=listen.http.port=x", "plain value"),
    ];
    for (word, expected) in cases {
        let failure = Settings::new(&options(&[word]), Path::new("/nonexistent")).unwrap_err();
        assert!(matches!(&failure, Failure::Usage(message) if message.contains(expected)), "{word}: {failure}");
    }
}

#[test]
fn a_start_without_a_store_keeps_the_last_one() {
    let dir = tempfile::tempdir().unwrap();
    let first = Settings::new(&options(&["--store=postgres://u:p@h/d"]), dir.path()).unwrap();
    first.write(dir.path()).unwrap();
    let second = Settings::new(&options(&[]), dir.path()).unwrap();
    assert_eq!(second.cp["store"]["url"], "postgres://u:p@h/d");
    let mysql = Settings::new(&options(&["--store=mysql://u:p@h/d"]), dir.path()).unwrap();
    assert_eq!(mysql.cp["store"]["url"], "mysql://u:p@h/d");
    let third = Settings::new(&options(&["--store=sqlite"]), dir.path()).unwrap();
    assert_eq!(third.cp["store"]["url"], format!("sqlite:{}/portolan.db", dir.path().display()));
}

#[test]
fn the_environment_is_read_as_sets() {
    let env =
        [("PORTOLAN_LOG__LEVEL", "debug"), ("PORTOLAN_TOKEN", "x"), ("HOME", "/"), ("PORTOLAN_DP__LISTEN__HTTP", "h")];
    let sets = sets::from_environment(env.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(sets, ["dp.listen.http=h", "log.level=debug"]);
}
