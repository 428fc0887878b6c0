//! Crashes: 32 writers go on while control planes and the database are killed at random moments, and then every event is accounted
//! for. `make chaos-log` runs 200 rounds of it.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::ensure;
use portolan_testkit::{eventually, install_crypto, postgres};

mod account;
mod planes;
mod writers;

use planes::Planes;
use writers::Writers;

/// Writers that work at the same time, on two control planes over one database.
const WRITERS: usize = 32;
/// Rounds when nobody says how many: enough for each kind of crash.
const ROUNDS: usize = 6;
/// How long the writers may take to come back after a crash, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Victim {
    /// One of the control planes.
    ControlPlane(usize),
    /// PostgreSQL with all its processes.
    Database,
    /// PostgreSQL and a control plane at once.
    Both(usize),
}

/// Random numbers that a seed repeats (xorshift).
#[derive(Debug)]
struct Random(u64);

#[tokio::test(flavor = "multi_thread")]
async fn every_acknowledged_event_survives_crashes_once() {
    install_crypto();
    let rounds = setting("PORTOLAN_CHAOS_ROUNDS").map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    let seed =
        setting("PORTOLAN_CHAOS_SEED").map_or_else(|| u64::from(std::process::id()), |seed| seed.parse().unwrap());
    println!("chaos: {rounds} rounds, seed {seed}");
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut server = postgres::Server::start().unwrap();
    let database = server.database().await.unwrap();
    let mut planes = Planes::start(database.url()).await;
    let writers = Writers::start(WRITERS, planes.urls());
    let mut killed = BTreeMap::new();
    for round in 1..=rounds {
        // A moment that is none in particular: after some answers, and then a part of a batch's time.
        more_answers(&writers, 50 + random.below(200)).await;
        tokio::time::sleep(Duration::from_micros(random.below(10_000))).await;
        let plane = usize::try_from(random.below(2)).unwrap();
        // The first rounds take each kind once.
        let kind = if round <= 3 { round as u64 } else { random.below(4) };
        let victim = match kind {
            0 | 1 => Victim::ControlPlane(plane),
            2 => Victim::Database,
            _ => Victim::Both(plane),
        };
        if matches!(victim, Victim::Database | Victim::Both(_)) {
            server.kill().unwrap();
        }
        if let Victim::ControlPlane(plane) | Victim::Both(plane) = victim {
            planes.kill(plane).await;
        }
        if matches!(victim, Victim::Database | Victim::Both(_)) {
            server.start_again().unwrap();
        }
        if let Victim::ControlPlane(plane) | Victim::Both(plane) = victim {
            planes.restart(plane).await;
        }
        *killed.entry(victim).or_insert(0) += 1;
        if round % 10 == 0 {
            println!("chaos: round {round}, {} acknowledged", writers.acknowledged());
        }
    }
    more_answers(&writers, 100).await;
    let written = writers.stop().await;
    let events = account::settle(&planes, &written).await;
    account::verify_tree(database.url(), planes.folder(), events.len()).await;
    let acknowledged: usize = written.iter().map(|writer| writer.acknowledged.len()).sum();
    let open: usize = written.iter().map(|writer| writer.open.len()).sum();
    println!(
        "chaos: {rounds} rounds ({killed:?}), {} events, {acknowledged} acknowledged, {open} with lost answers, seed {seed}: \
         each acknowledged one is there once, no gap, the tree verifies",
        events.len()
    );
    planes.stop().await;
}

/// Waits until the writers have had so many further answers, at both control planes.
async fn more_answers(writers: &Writers, answers: u64) {
    let goals: Vec<u64> = writers.answered().iter().map(|now| now + answers / 2).collect();
    eventually(PATIENCE, || async {
        let now = writers.answered();
        ensure!(now.iter().zip(&goals).all(|(now, goal)| now >= goal), "{now:?} answers of {goals:?}");
        Ok(())
    })
    .await;
}

#[expect(clippy::disallowed_methods, reason = "a setting of this test, not one of the product")]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

// === impl Random ===

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}
