//! Medians of rounds, beside each other.

use std::fmt::Write as _;

use serde_json::{Value, json};

/// One peer in one row.
#[derive(Debug)]
pub struct Measured {
    /// Who.
    pub name: &'static str,
    /// Its rounds.
    pub rounds: Vec<Round>,
}

/// One measurement.
#[derive(Debug)]
pub struct Round {
    /// Requests per second.
    pub rate: f64,
    /// Microseconds of processor time for one request.
    pub cost: f64,
    /// Milliseconds.
    pub p99: Option<f64>,
}

// === impl Measured ===

impl Measured {
    /// No rounds yet.
    pub fn new(name: &'static str) -> Self {
        Self { name, rounds: Vec::new() }
    }

    fn rate(&self) -> f64 {
        median(self.rounds.iter().map(|round| round.rate))
    }

    fn cost(&self) -> f64 {
        median(self.rounds.iter().map(|round| round.cost))
    }

    fn p99(&self) -> Option<f64> {
        self.rounds.iter().map(|round| round.p99).collect::<Option<Vec<_>>>().map(|all| median(all.into_iter()))
    }
}

/// The line above the rows.
pub fn head(as_json: bool) -> String {
    if as_json { String::new() } else { "row           µs CPU/req (req/s, p99 ms), medians".to_owned() }
}

/// One row; `plain`: the row that it is held against, with its name.
pub fn row(name: &str, all: &[Measured], plain: Option<(&str, &[Measured])>, as_json: bool) -> String {
    let ours = cost_of(all, "portolan");
    let best = [cost_of(all, "nginx"), cost_of(all, "haproxy")].into_iter().flatten().min_by(f64::total_cmp);
    let beside = plain.map_or("", |(name, _)| name);
    let ratios = [
        ("best of nginx and haproxy", best),
        ("floor", cost_of(all, "floor")),
        (beside, plain.and_then(|(_, all)| cost_of(all, "portolan"))),
    ];
    let ratios: Vec<_> = ratios.into_iter().filter_map(|(to, cost)| Some((to, ours? / cost?))).collect();
    if as_json {
        let one = |measured: &Measured| {
            let of = json!({ "requests_per_second": measured.rate(), "cpu_us_per_request": measured.cost(),
                "p99_ms": measured.p99() });
            (measured.name.to_owned(), of)
        };
        let peers: serde_json::Map<String, Value> = all.iter().map(one).collect();
        let ratios: serde_json::Map<String, Value> =
            ratios.into_iter().map(|(to, ratio)| (to.replace(' ', "_"), ratio.into())).collect();
        return json!({ "row": name, "peers": peers, "cpu_of_portolan_to": ratios }).to_string();
    }
    let mut line = format!("{name:<13}");
    for measured in all {
        let p99 = measured.p99().map_or_else(|| "-".to_owned(), |p99| format!("{p99:.2}"));
        // Writing to a string does not fail.
        let _infallible = write!(line, " {} {:.1} ({:.0}, {p99})", measured.name, measured.cost(), measured.rate());
    }
    for (to, ratio) in ratios {
        let _infallible = write!(line, "  {ratio:.2}x {to}");
    }
    line
}

fn cost_of(all: &[Measured], name: &str) -> Option<f64> {
    all.iter().find(|measured| measured.name == name).map(Measured::cost)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(name: &'static str, costs: [f64; 3]) -> Measured {
        let round = |cost| Round { rate: 1e6 / cost, cost, p99: None };
        Measured { name, rounds: costs.map(round).into() }
    }

    #[test]
    fn a_row_is_held_against_the_others_and_against_its_plain_one() {
        let plain = [measured("nginx", [10.0, 11.0, 10.0]), measured("portolan", [11.0, 90.0, 12.0])];
        let auth = [measured("nginx", [12.0; 3]), measured("portolan", [15.0; 3])];
        let line = row("auth", &auth, Some(("h1-1k", &plain)), false);
        assert!(line.ends_with("  1.25x best of nginx and haproxy  1.25x h1-1k"), "{line}");
        let line = row("h1-1k", &plain, None, false);
        assert!(line.ends_with("portolan 12.0 (83333, -)  1.20x best of nginx and haproxy"), "{line}");
    }
}
