use portolan_testkit::dns::{Mood, NameServer, Record};

use super::*;
use crate::discovery::tests::around;

fn registry(server: &NameServer, order: &[DnsRecord]) -> Dns {
    let mut settings = Settings { servers: vec![server.address()], ..Settings::default() };
    if !order.is_empty() {
        settings.order = order.to_vec();
    }
    Dns::new(&settings, &around()).unwrap()
}

/// Host, port, weight and priority of the nodes of a service.
async fn found(dns: &Dns, service: &str) -> Result<Vec<(String, Option<u16>, u32, i32)>, Error> {
    let answer = dns.resolve(service, &mut None).await?;
    Ok(answer.nodes.into_iter().map(|node| (node.host, node.port, node.weight, node.priority)).collect())
}

fn one(host: &str, port: Option<u16>, weight: u32, priority: i32) -> (String, Option<u16>, u32, i32) {
    (host.to_owned(), port, weight, priority)
}

#[tokio::test]
async fn what_a_name_has() {
    let server = NameServer::start().unwrap();
    let address = Record::address;
    server.set("four.test", 60, [address("10.0.0.2"), address("10.0.0.1")]);
    server.set("six.test", 60, [address("2001:db8::1")]);
    server.set("both.test", 60, [address("2001:db8::1"), address("10.0.0.1")]);
    server.set("other.test", 60, [Record::Alias("four.test".into())]);
    server.set("one.test", 60, [address("10.0.0.9")]);
    let many = (1..=200).map(|last| address(&format!("10.0.1.{last}")));
    server.set("many.test", 60, many);
    server.set(
        "srv.test",
        60,
        [
            Record::service(10, 3, 8001, "four.test"),
            Record::service(10, 0, 8002, "one.test"),
            Record::service(20, 5, 0, "one.test"),
            Record::service(20, 5, 8003, "gone.test"),
        ],
    );
    server.set("dangling.test", 60, [Record::service(1, 1, 1, "gone.test")]);
    let dns = registry(&server, &[]);
    let four = |port| vec![one("10.0.0.1", port, 1, 0), one("10.0.0.2", port, 1, 0)];
    // Weights are multiplied so that two addresses can share one.
    let srv = vec![
        one("10.0.0.1", Some(8001), 3, -10),
        one("10.0.0.2", Some(8001), 3, -10),
        one("10.0.0.9", None, 10, -20),
        one("10.0.0.9", Some(8002), 2, -10),
    ];
    for (service, expected) in [
        ("four.test", four(None)),
        ("four.test:80", four(Some(80))),
        ("other.test", four(None)),
        ("six.test:81", vec![one("2001:db8::1", Some(81), 1, 0)]),
        ("both.test", vec![one("10.0.0.1", None, 1, 0)]),
        ("srv.test", srv),
        ("192.0.2.1:82", vec![one("192.0.2.1", Some(82), 1, 0)]),
    ] {
        assert_eq!(found(&dns, service).await.unwrap(), expected, "{service}");
    }
    assert!(found(&dns, "srv.test:90").await.unwrap().iter().all(|node| node.1 == Some(90)));
    assert_eq!(found(&dns, "many.test").await.unwrap().len(), 200, "a large answer comes over TCP");
    for nothing in ["gone.test", "dangling.test"] {
        assert!(matches!(found(&dns, nothing).await, Err(Error::Nothing)), "{nothing}");
    }
    let six_first = registry(&server, &[DnsRecord::Aaaa, DnsRecord::A]);
    assert_eq!(found(&six_first, "both.test").await.unwrap(), [one("2001:db8::1", None, 1, 0)]);
    assert!(matches!(found(&six_first, "srv.test").await, Err(Error::Nothing)), "SRV is not in the order");
    let alias_only = registry(&server, &[DnsRecord::Cname]);
    assert_eq!(found(&alias_only, "other.test").await.unwrap(), four(None));
}

#[tokio::test]
async fn a_failure_is_not_the_absence_of_records() {
    let server = NameServer::start().unwrap();
    server.set("web.test", 60, [Record::service(1, 1, 80, "one.test")]);
    server.set("one.test", 60, [Record::address("10.0.0.9")]);
    let dns = registry(&server, &[]);
    let mut last = None;
    dns.resolve("web.test", &mut last).await.unwrap();
    assert_eq!(last, Some(DnsRecord::Srv));
    server.be(Mood::Failing);
    assert!(matches!(dns.resolve("web.test", &mut last).await, Err(Error::Failed(_))));
    assert!(matches!(found(&dns, "one.test").await, Err(Error::Failed(_))));
    server.be(Mood::Good);
    let before = server.questions();
    dns.resolve("web.test", &mut last).await.unwrap();
    assert_eq!(server.questions() - before, 2, "the kind that was there is asked for first, and nothing is kept");
}

#[test]
fn name_servers_come_from_settings_or_a_file() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "nameserver 192.0.2.53\nsearch example.test\n").unwrap();
    let settings = Settings { resolv_conf: Some(file.path().into()), ..Settings::default() };
    let (config, _) = servers(&settings).unwrap();
    assert_eq!(config.name_servers()[0].ip, "192.0.2.53".parse::<IpAddr>().unwrap());
    assert_eq!(config.search().len(), 1);
    let settings = Settings { servers: vec!["192.0.2.1:5353".into(), "::1".into()], ..Settings::default() };
    let (config, _) = servers(&settings).unwrap();
    let ports: Vec<u16> = config.name_servers().iter().map(|server| server.connections[0].port).collect();
    assert_eq!(ports, [5353, 53]);
    let gone = Settings { resolv_conf: Some("/nowhere".into()), ..Settings::default() };
    assert_eq!(servers(&gone).unwrap_err().setting, "discovery.dns.resolv_conf");
}
