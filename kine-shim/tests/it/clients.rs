//! Clients that others wrote, against us and against a real etcd: each program writes down what it sees, and that must be the same.
//!
//! Go: etcd's own client with its concurrency package, which locks, elects and retries. Python: aetcd over gRPC, etcd3-py over the
//! JSON gateway. Go fetches its modules and pip its packages the first time.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use portolan_testkit::certificates::Files;
use portolan_testkit::etcd::Etcd;
use tokio::process::Command;

use crate::server::{ADMIN, Server};

/// Something that is made once for all test runs: this process makes it, or waits for another that does.
async fn made(name: String, usable: impl AsyncFn(&Path) -> bool, make: impl AsyncFn(&Path)) -> PathBuf {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let lock = File::create(place.with_extension("lock")).unwrap();
    tokio::task::spawn_blocking(move || lock.lock().map(|()| lock)).await.unwrap().unwrap();
    if !usable(&place).await {
        make(&place).await;
        assert!(usable(&place).await, "{}", place.display());
    }
    place
}

async fn run(command: &mut Command) -> String {
    let output = command.kill_on_drop(true).output().await;
    let output = output.unwrap_or_else(|error| panic!("{error}: {command:?}"));
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}:\n{out}{err}");
    out.into_owned()
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

/// What a program sees of us and of an etcd, line by line. `command` makes the call for an address; certificates come behind it.
async fn both(command: impl Fn(&str) -> Command) -> (Vec<String>, Vec<String>) {
    let (server, etcd) = (Server::start().await, Etcd::start().await.unwrap());
    let issued = server.authority.client(ADMIN, "portolan://admin/ops").unwrap();
    let Files { certificate, key } = issued.write(server.dir.path(), ADMIN).unwrap();
    let mut ours = command(&server.url());
    ours.arg(server.ca_file()).arg(certificate).arg(key);
    let mut theirs = command(&etcd.url());
    let (ours, theirs) = tokio::join!(run(&mut ours), run(&mut theirs));
    let lines = |text: String| text.lines().map(str::to_owned).collect();
    (lines(ours), lines(theirs))
}

#[tokio::test]
async fn go() {
    let source = fs::read(folder("clientv3").join("main.go")).unwrap();
    // Its name changes with the source, so that what was made of another is not used.
    let hash = source.iter().fold(17_u64, |hash, byte| hash.wrapping_mul(31).wrapping_add((*byte).into()));
    let program = made(
        format!("clientv3-{hash:x}"),
        async |program| program.exists(),
        async |program| {
            let mut go = Command::new("go");
            run(go.args(["build", "-o"]).arg(program).arg(".").current_dir(folder("clientv3"))).await;
        },
    );
    let program = program.await;
    let call = |url: &str| {
        let mut command = Command::new(&program);
        command.arg(url);
        command
    };
    let (ours, theirs) = both(call).await;
    let snapshot = |line: &String| !line.starts_with("snapshot: ");
    let same = |lines: &[String]| lines.iter().filter(|line| snapshot(line)).cloned().collect::<Vec<_>>();
    assert_eq!(same(&ours), same(&theirs));
    // The one thing that is meant to differ.
    let refused = "snapshot: rpc error: code = Unimplemented desc = no etcd snapshots here: back up the database that holds the event log";
    assert_eq!(ours.iter().find(|line| !snapshot(line)).unwrap(), refused);
    assert_eq!(theirs.iter().find(|line| !snapshot(line)).unwrap(), "snapshot: no error");
}

#[tokio::test]
async fn python() {
    let home = made(
        "etcd-python".to_owned(),
        async |home| {
            let probe = Command::new(home.join("bin/python")).args(["-c", "import aetcd, etcd3"]).output().await;
            probe.is_ok_and(|output| output.status.success())
        },
        async |home| {
            run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(home)).await;
            let list = folder("pyclients").join("requirements.txt");
            run(Command::new(home.join("bin/python"))
                .args(["-m", "pip", "install", "--quiet", "--no-compile", "-r"])
                .arg(list))
            .await;
        },
    );
    let home = home.await;
    let call = |url: &str| {
        let mut command = Command::new(home.join("bin/python"));
        command.arg(folder("pyclients").join("main.py")).arg(url.rsplit('/').next().unwrap());
        command
    };
    let (ours, theirs) = both(call).await;
    assert_eq!(ours, theirs);
}
