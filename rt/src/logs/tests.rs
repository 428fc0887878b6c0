use std::io::Write;
use std::sync::Arc;

use parking_lot::Mutex;

use super::*;

#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn written(level: &str, format: Format) -> String {
    let paper = Paper::default();
    let config = Config { level: level.parse().unwrap(), format };
    let writer = paper.clone();
    let to_paper = fmt::layer().with_ansi(false).with_writer(move || writer.clone());
    let subscriber = tracing_subscriber::registry().with(lines(&config, to_paper));
    tracing::subscriber::with_default(subscriber, || {
        tracing::info!(duration_ms = 7, "it went well");
        tracing::debug!("detail");
    });
    String::from_utf8(paper.0.lock().clone()).unwrap()
}

#[test]
fn json_lines_carry_the_fields_beside_level_and_message() {
    let text = written("info", Format::Json);
    let line: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["message"], "it went well");
    assert_eq!(line["duration_ms"], 7);
    assert!(line["timestamp"].is_string());
}

#[test]
fn the_filter_decides_by_level_and_target() {
    assert_eq!(written("debug", Format::Human).lines().count(), 2);
    assert_eq!(written("info,portolan_rt=debug", Format::Human).lines().count(), 2);
    assert_eq!(written("warn", Format::Human), "");
}

#[test]
fn a_chain_is_one_line() {
    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] std::io::Error);
    assert_eq!(chain(&Outer(std::io::Error::other("inner"))), "outer: inner");
}
