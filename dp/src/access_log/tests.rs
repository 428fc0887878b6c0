use std::time::Duration;

use http::Response;

use super::*;
use crate::attempts::Earlier;
use crate::config::{AccessLog, Escape};
use crate::context::tests::with_context;
use crate::plugin::LastAttempt;

const START: i64 = 1_795_441_525_250_000;

fn summary() -> Summary {
    Summary {
        latency: Duration::from_millis(1500),
        upstream_latency: Some(Duration::from_millis(1234)),
        received: 3,
        sent: 5,
        node: None,
        last_attempt: Some(LastAttempt { head: None, whole: Duration::from_millis(1234) }),
        earlier: Earlier::default(),
    }
}

fn line(format: &str, escape: Escape) -> String {
    let settings = AccessLog { format: format.to_owned(), escape, ..AccessLog::default() };
    let format = Format::parse(&settings);
    let head = http::Request::get("/a%20b?x=1")
        .header("host", "Example.com:9080")
        .header("user-agent", "a\"b\\c\u{e9}")
        .header("cookie", "sid=first; a=1; sid=last")
        .header("authorization", "Basic amFjazpzZWNyZXQ=");
    with_context(head, |context| {
        context.now_micros = START;
        context.status = Some(http::StatusCode::CREATED);
        let (parts, ()) = Response::builder().status(201).header("x-id", "7").body(()).unwrap().into_parts();
        let (sender, batches) = std::sync::mpsc::sync_channel(1);
        let shared = Shared { format: Arc::new(format), writer: sender, dropped: Arc::default() };
        let log = Log::new(shared);
        log.line(context, &parts).log(&summary());
        log.flush();
        String::from_utf8(batches.recv().unwrap().text).unwrap()
    })
}

#[test]
fn lines_are_those_of_nginx() {
    let all = AccessLog::default().format;
    assert_eq!(
        line(&all, Escape::Default),
        "192.0.2.7 - jack [23/Nov/2026:13:45:26 +0000] Example.com:9080 \"GET /a%20b?x=1 HTTP/1.1\" 201 5 1.500 \"-\" \
         \"a\\x22b\\x5Cc\\xC3\\xA9\" - - 1.234 \"-://Example.com:9080/a%20b?x=1\"\n"
    );
    let cases = [
        (
            "{\"ua\":\"$http_user_agent\",\"none\":\"$arg_none\"}",
            Escape::Json,
            "{\"ua\":\"a\\\"b\\\\c\u{e9}\",\"none\":\"\"}\n",
        ),
        ("${status}x $http_user_agent $ $arg_none", Escape::None, "201x a\"b\\c\u{e9} $ \n"),
        ("$cookie_sid $cookie_a $cookie_none", Escape::Default, "first 1 -\n"),
        ("$request_uri $uri", Escape::Default, "/a%20b?x=1 /a b\n"),
        ("$sent_http_x_id $sent_http_none $request_length", Escape::Default, "7 - 3\n"),
        ("$upstream_header_time $upstream_response_time", Escape::Default, "- 1.234\n"),
        ("$time_iso8601 $msec", Escape::Default, "2026-11-23T13:45:26+00:00 1795441526.750\n"),
    ];
    for (format, escape, expected) in cases {
        assert_eq!(line(format, escape), expected, "{format}");
    }
}

#[test]
fn a_file_that_was_renamed_is_begun_anew() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("access.log");
    let settings =
        AccessLog { path: Some(path.display().to_string()), format: "$host".to_owned(), ..AccessLog::default() };
    let Start { shared, writer, reopen } = start(&settings).unwrap().unwrap();
    let thread = std::thread::spawn(move || writer.run());
    let log = Log::new(shared);
    let write = |text: &str| {
        log.add(|out| out.extend_from_slice(text.as_bytes()));
        log.flush();
    };
    let until = |path: &std::path::Path, expected: &str| {
        let began = std::time::Instant::now();
        while std::fs::read_to_string(path).unwrap_or_default() != expected {
            assert!(began.elapsed() < Duration::from_secs(20), "{:?}", std::fs::read_to_string(path));
            std::thread::sleep(Duration::from_millis(1));
        }
    };
    write("one");
    until(&path, "one\n");
    let rotated = dir.path().join("access.log.1");
    std::fs::rename(&path, &rotated).unwrap();
    write("two");
    until(&path, "two\n");
    // Asked to, it opens the same file again and goes on in it.
    reopen.store(true, Ordering::Relaxed);
    write("three");
    until(&path, "two\nthree\n");
    until(&rotated, "one\n");
    drop(log);
    thread.join().unwrap();
}

#[test]
fn lines_that_nobody_takes_are_counted() {
    let (sender, batches) = std::sync::mpsc::sync_channel(1);
    let settings = AccessLog::default();
    let shared = Shared { format: Arc::new(Format::parse(&settings)), writer: sender, dropped: Arc::default() };
    let log = Log::new(shared.clone());
    for text in ["first", "second", "third"] {
        log.add(|out| out.extend_from_slice(text.as_bytes()));
        log.flush();
    }
    assert_eq!(batches.recv().unwrap().text, b"first\n");
    assert_eq!(shared.dropped.load(Ordering::Relaxed), 2);
}
