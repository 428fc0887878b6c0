//! etcd's own client against us.

use std::path::PathBuf;
use std::process::Stdio;

use portolan_testkit::certificates::Files;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::client::PATIENCE;
use crate::server::{ADMIN, Server};

pub struct Etcdctl {
    url: String,
    ca: PathBuf,
    files: Files,
}

impl Etcdctl {
    fn of(server: &Server, name: &str, uri: &str) -> Self {
        let files = server.authority.client(name, uri).unwrap().write(server.dir.path(), name).unwrap();
        Self { url: server.url(), ca: server.ca_file(), files }
    }

    pub fn admin(server: &Server) -> Self {
        Self::of(server, ADMIN, "portolan://admin/ops")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("etcdctl");
        command.env("ETCDCTL_API", "3").env("ETCDCTL_DIAL_TIMEOUT", "10s").kill_on_drop(true);
        command.args(["--endpoints", &self.url]).arg("--cacert").arg(&self.ca);
        command.arg("--cert").arg(&self.files.certificate).arg("--key").arg(&self.files.key);
        command.args(args);
        command
    }

    /// Standard output and error together.
    pub async fn run(&self, args: &[&str], input: &str) -> String {
        let mut command = self.command(args);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).await.unwrap();
        let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await.unwrap().unwrap();
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    }

    fn start(&self, args: &[&str]) -> (Child, Lines<BufReader<ChildStdout>>) {
        let mut child = self.command(args).stdout(Stdio::piped()).stdin(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        (child, lines)
    }
}

async fn line(lines: &mut Lines<BufReader<ChildStdout>>) -> String {
    tokio::time::timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap()
}

#[tokio::test]
async fn keys_and_transactions() {
    let server = Server::start().await;
    let etcdctl = Etcdctl::admin(&server);
    for (args, input, output) in [
        (&["put", "/apisix/routes/1", "one"][..], "", "OK\n"),
        (&["put", "/apisix/routes/2", "two"], "", "OK\n"),
        (&["get", "--prefix", "/apisix/"], "", "/apisix/routes/1\none\n/apisix/routes/2\ntwo\n"),
        (
            &["get", "--prefix", "--keys-only", "--order=DESCEND", "/apisix/"],
            "",
            "/apisix/routes/2\n\n/apisix/routes/1\n\n",
        ),
        (&["put", "--prev-kv", "/apisix/routes/1", "uno"], "", "OK\n/apisix/routes/1\none\n"),
        (&["get", "--rev=2", "/apisix/routes/1"], "", "/apisix/routes/1\none\n"),
        (&["get", "--print-value-only", "/apisix/routes/1"], "", "uno\n"),
        (&["del", "--prev-kv", "/apisix/routes/2"], "", "1\n/apisix/routes/2\ntwo\n"),
        (&["del", "--prefix", "/none/"], "", "0\n"),
        (
            &["txn"],
            "mod(\"/apisix/routes/1\") > \"0\"\n\nput a \"1\"\nget a\n\nput a \"2\"\n\n",
            "SUCCESS\n\nOK\n\na\n1\n",
        ),
        (&["txn"], "val(\"a\") = \"x\"\n\nput a \"3\"\n\ndel a\nget a\n\n", "FAILURE\n\n1\n\n"),
        (&["put", "", "v"], "", "Error: etcdserver: key is not provided\n"),
        (&["get", "--rev=99", "a"], "", "Error: etcdserver: mvcc: required revision is a future revision\n"),
        (&["compaction", "4"], "", "compacted revision 4\n"),
    ] {
        let got = etcdctl.run(args, input).await;
        let got = got
            .lines()
            .filter(|line| !line.starts_with("{\"level\""))
            .map(|line| format!("{line}\n"))
            .collect::<String>();
        assert_eq!(got, output, "etcdctl {args:?}");
    }
    let actor = server.events("etcd.txn").await.remove(0).entry.actor.id;
    assert_eq!(actor, ADMIN);
}

#[tokio::test]
async fn members_and_health() {
    let server = Server::start().await;
    let etcdctl = Etcdctl::admin(&server);
    let members = etcdctl.run(&["member", "list"], "").await;
    assert!(members.contains(&format!("started, portolan, , {}", server.url())), "{members}");
    let health = etcdctl.run(&["endpoint", "health"], "").await;
    assert!(health.contains("is healthy"), "{health}");
    let status = etcdctl.run(&["endpoint", "status"], "").await;
    assert!(status.contains("3.5.33"), "{status}");
}

#[tokio::test]
async fn a_watch() {
    let server = Server::start().await;
    let etcdctl = Etcdctl::admin(&server);
    etcdctl.run(&["put", "/apisix/a", "past"], "").await;
    let (_watching, mut lines) = etcdctl.start(&["watch", "--prefix", "--prev-kv", "--rev=2", "/apisix/"]);
    for expected in ["PUT", "/apisix/a", "past"] {
        assert_eq!(line(&mut lines).await, expected);
    }
    etcdctl.run(&["put", "/apisix/a", "now"], "").await;
    etcdctl.run(&["del", "/apisix/a"], "").await;
    let expected = ["PUT", "/apisix/a", "past", "/apisix/a", "now", "DELETE", "/apisix/a", "now", "/apisix/a", ""];
    for expected in expected {
        assert_eq!(line(&mut lines).await, expected);
    }
}

#[tokio::test]
async fn a_lease() {
    let server = Server::start().await;
    let etcdctl = Etcdctl::admin(&server);
    let granted = etcdctl.run(&["lease", "grant", "600"], "").await;
    let id = granted.strip_prefix("lease ").unwrap().split(' ').next().unwrap().to_owned();
    assert!(granted.contains("granted with TTL(600s)"), "{granted}");
    etcdctl.run(&["put", "--lease", &id, "k", "v"], "").await;
    let left = etcdctl.run(&["lease", "timetolive", "--keys", &id], "").await;
    assert!(left.contains("granted with TTL(600s)") && left.contains("attached keys([k])"), "{left}");
    assert_eq!(etcdctl.run(&["lease", "list"], "").await, format!("found 1 leases\n{id}\n"));
    let renewed = etcdctl.run(&["lease", "keep-alive", "--once", &id], "").await;
    assert!(renewed.contains("keepalived with TTL(600)"), "{renewed}");
    assert_eq!(etcdctl.run(&["lease", "revoke", &id], "").await, format!("lease {id} revoked\n"));
    assert_eq!(etcdctl.run(&["get", "k"], "").await, "");
}

#[tokio::test]
async fn a_data_planes_certificate_lists_its_group() {
    let server = Server::start().await;
    let admin = Etcdctl::admin(&server);
    admin.run(&["put", "/apisix/routes/1", "default"], "").await;
    admin.run(&["put", "/portolan/groups/eu/routes/1", "eu"], "").await;
    for (group, value) in [("default", "default"), ("eu", "eu")] {
        let data_plane = Etcdctl::of(&server, &format!("dp-{group}"), &format!("portolan://data-plane/{group}/dp-1"));
        let listed = data_plane.run(&["get", "--prefix", "/apisix/"], "").await;
        assert_eq!(listed, format!("/apisix/routes/1\n{value}\n"));
        let refused = data_plane.run(&["put", "/apisix/routes/1", "x"], "").await;
        assert!(refused.contains("etcdserver: permission denied"), "{refused}");
    }
}
