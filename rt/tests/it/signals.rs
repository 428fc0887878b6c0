//! Real signals, to a process of their own: this test's binary, started for one test.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use portolan_rt::task::Supervisor;

#[test]
fn the_first_signal_is_soft_and_the_second_is_hard() {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "signals::the_process", "--ignored", "--nocapture"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut wait_for = |word: &str| assert!(lines.any(|line| line.unwrap().contains(word)), "{word}");
    wait_for("it is ready");
    send(&child, "-TERM");
    wait_for("it is soft");
    send(&child, "-INT");
    wait_for("it has ended");
    assert!(child.wait().unwrap().success());
}

fn send(child: &Child, signal: &str) {
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

#[tokio::test]
#[ignore = "the process of the test above"]
async fn the_process() {
    let supervisor = Supervisor::new();
    let shutdown = supervisor.shutdown();
    supervisor.track("stuck", std::future::pending());
    let talk = async {
        println!("\nit is ready");
        shutdown.soft().await;
        println!("\nit is soft");
    };
    // The run is polled first, so the handlers stand before anyone is told.
    let (ended, ()) = tokio::join!(biased; supervisor.run(Duration::from_secs(3600)), talk);
    ended.unwrap();
    assert!(shutdown.is_hard());
    println!("\nit has ended");
}
