//! Fuzz targets of the JSON gateway and of the gRPC messages: requests that are changed at random, on and on, against the whole service.
//!
//! The corpus begins with well-formed requests of every method. An input whose answer has a shape that no other had (status, text,
//! members) joins the corpus, so that the search goes where something happens. What must hold for every answer is in `verdict.rs`.
//!
//! Here runs a short bounded form with a fixed seed. `make fuzz-etcd` runs for minutes with another seed each time. A failure
//! shows the input; `PORTOLAN_FUZZ_INPUT=<it>` tries that one alone.

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;

use crate::json::Dice;

mod input;
mod seeds;
mod service;
mod verdict;

use input::Input;
use service::{Face, Service};

/// Inputs of a run that is not told how long it should take.
const INPUTS: usize = 1_200;
/// After so many inputs: is everything else still as it was?
const ROUND: usize = 100;
/// Requests in the corpus, at most.
const CORPUS: usize = 4_096;

#[expect(clippy::disallowed_methods, reason = "a setting of a test")]
fn setting(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[expect(clippy::print_stdout, reason = "what a long run has done")]
async fn fuzz(face: Face) {
    let service = Service::start(face).await;
    if let Some(input) = setting("PORTOLAN_FUZZ_INPUT") {
        one(&service, &Input::from_text(&input)).await;
        return;
    }
    let time = setting("PORTOLAN_FUZZ_SECONDS").map(|seconds| Duration::from_secs(seconds.parse().unwrap()));
    let seed = setting("PORTOLAN_FUZZ_SEED").map_or(1, |seed| seed.parse().unwrap());
    let (mut dice, start) = (Dice(seed), Instant::now());
    let mut corpus = seeds::of(face);
    let mut shapes = HashSet::new();
    for input in &corpus {
        shapes.insert(one(&service, input).await);
    }
    let mut tried = corpus.len();
    while time.map_or(tried < INPUTS, |time| start.elapsed() < time) {
        let input = corpus[dice.roll(corpus.len())].changed(&corpus, &mut dice);
        if shapes.insert(one(&service, &input).await) && corpus.len() < CORPUS {
            corpus.push(input);
        }
        tried += 1;
        if tried.is_multiple_of(ROUND) {
            service.still_serves().await;
        }
    }
    service.still_serves().await;
    println!("{face:?}: {tried} inputs, {} shapes of answers, seed {seed}", shapes.len());
}

/// Sends one input as somebody, judges the answer, and gives its shape.
async fn one(service: &Service, input: &Input) -> String {
    let tried = AssertUnwindSafe(async {
        let before = service.keys();
        let answer = service.ask(input).await;
        assert!(!answer.refused() || before == service.keys(), "a refused request changed keys");
        verdict::of(input, &answer)
    });
    match tried.catch_unwind().await {
        Ok(shape) => shape,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or_default();
            panic!("{text}\ninput {}", input.to_text());
        }
    }
}

#[tokio::test]
async fn json_gateway() {
    fuzz(Face::Json).await;
}

#[tokio::test]
async fn grpc_messages() {
    fuzz(Face::Grpc).await;
}
