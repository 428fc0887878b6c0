//! Login, sessions, their end, and what they are protected by.

use std::sync::Arc;
use std::time::Duration;

use portolan_rt::clock::{Clock, ManualClock, SystemClock};
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::plane::{Answer, PASSWORD, Plane, config, send};

async fn login(plane: &Plane, user: &str, password: &str) -> Answer {
    let body = json!({"username": user, "password": password}).to_string();
    send(plane.dashboard("POST", "/api/login").body(body)).await
}

/// The cookie of a new session.
async fn session(plane: &Plane) -> String {
    let answer = login(plane, "root", PASSWORD).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.header("set-cookie").split(';').next().unwrap().to_owned()
}

fn marked(request: RequestBuilder, cookie: &str) -> RequestBuilder {
    request.header("cookie", cookie).header("x-requested-with", "portolan")
}

#[tokio::test(flavor = "multi_thread")]
async fn from_login_to_logout() {
    let plane = Plane::new().await;
    let answer = login(&plane, "root", PASSWORD).await;
    let user = json!({"user": {"id": "root", "name": "root", "roles": ["admin"]}});
    assert_eq!((answer.status, answer.json()), (200, user.clone()));
    let cookie = answer.header("set-cookie").to_owned();
    for part in
        ["__Host-portolan_session=", "; Path=/", "; HttpOnly", "; Secure", "; SameSite=Strict", "; Max-Age=43200"]
    {
        assert!(cookie.contains(part), "{cookie}");
    }
    let cookie = cookie.split(';').next().unwrap();
    let event = &plane.events(1).await[0];
    assert_eq!((&event["action"], &event["outcome"]), (&json!("auth.login"), &json!("success")));
    assert_eq!(
        event["actor"],
        json!({"id": "root", "kind": "user", "name": "root", "auth_method": "password", "roles": ["admin"]})
    );
    assert_eq!(event["source"]["interface"], "dashboard");
    let token = cookie.split('=').nth(1).unwrap();
    assert!(!event.to_string().contains(token), "the log knows only the hash");

    let answer = send(plane.dashboard("GET", "/api/session").header("cookie", cookie)).await;
    assert_eq!((answer.status, answer.json()), (200, user));

    let head = plane.head().await;
    let answer = send(marked(plane.dashboard("POST", "/api/logout"), cookie)).await;
    assert_eq!((answer.status, answer.text.as_str()), (204, ""));
    assert!(answer.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(plane.head().await, head + 1);
    let event = &plane.events(1).await[0];
    assert_eq!((&event["action"], &event["actor"]["auth_method"]), (&json!("auth.logout"), &json!("session")));
    let answer = send(plane.dashboard("GET", "/api/session").header("cookie", cookie)).await;
    assert_eq!(answer.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_writes_only_with_the_header_that_foreign_pages_cannot_set() {
    let plane = Plane::new().await;
    let cookie = session(&plane).await;
    let body = json!({"to": 1, "dry_run": true}).to_string();
    let head = plane.head().await;
    for of_a_browser in ["origin", "referer", "sec-fetch-site"] {
        let bare = plane.dashboard("POST", "/api/rollback").header("cookie", &cookie).body(body.clone());
        let answer = send(bare.header(of_a_browser, "https://elsewhere.example")).await;
        assert_eq!(answer.status, 403, "{of_a_browser}: {}", answer.text);
    }
    // A program that sends the cookie need not know of the header.
    let program = plane.dashboard("POST", "/api/rollback").header("cookie", &cookie).body(body.clone());
    assert_eq!(send(program).await.status, 200);
    let answer = send(
        plane
            .dashboard("POST", "/api/rollback")
            .header("cookie", &cookie)
            .header("origin", "https://elsewhere.example")
            .header("x-requested-with", "XMLHttpRequest")
            .body(body.clone()),
    )
    .await;
    assert_eq!(answer.status, 403);
    let answer = plane.dashboard("POST", "/api/logout").header("cookie", &cookie).header("origin", "null");
    assert_eq!(send(answer).await.status, 403);
    assert_eq!(plane.head().await, head);
    let answer = send(marked(plane.dashboard("POST", "/api/rollback"), &cookie).body(body)).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    // The cookie is no key of the APISIX face.
    let answer = send(marked(plane.request("GET", "/apisix/admin/routes"), &cookie)).await;
    assert_eq!(answer.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_foreign_page_logs_a_browser_in() {
    let plane = Plane::new().await;
    let body = json!({"username": "root", "password": PASSWORD}).to_string();
    let from = |name: &'static str| plane.dashboard("POST", "/api/login").header(name, "https://elsewhere.example");
    for of_a_browser in ["origin", "referer", "sec-fetch-site"] {
        let answer = send(from(of_a_browser).body(body.clone())).await;
        assert_eq!((answer.status, answer.header("set-cookie")), (403, ""), "{of_a_browser}: {}", answer.text);
    }
    let own = from("origin").header("x-requested-with", "portolan").body(body);
    assert_eq!(send(own).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_outlive_a_restart_and_end_with_their_time() {
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let clock = Arc::new(ManualClock::new(SystemClock.now_micros()));
    let plane = Plane::with(dir.clone(), config(dir.path()), clock.clone()).await;
    let cookie = session(&plane).await;
    plane.stop().await;
    let plane = Plane::with(dir.clone(), config(dir.path()), clock.clone()).await;
    let who = || send(plane.dashboard("GET", "/api/session").header("cookie", &cookie));
    assert_eq!(who().await.status, 200);
    clock.advance(Duration::from_secs(12 * 3600));
    assert_eq!(who().await.status, 401);
    let fresh = session(&plane).await;
    let event = &plane.events(1).await[0];
    assert_eq!(event["changes"].as_array().unwrap().len(), 2, "the login also took the old session away");
    assert_eq!(send(plane.dashboard("GET", "/api/session").header("cookie", &fresh)).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_logins_are_events_until_there_are_too_many() {
    let plane = Plane::new().await;
    for _ in 0..5 {
        let head = plane.head().await;
        let answer = login(&plane, "root", "wrong").await;
        assert_eq!((answer.status, answer.json()), (401, json!({"error_msg": "wrong user name or password"})));
        assert_eq!(plane.head().await, head + 1);
        let event = &plane.events(1).await[0];
        assert_eq!((&event["action"], &event["outcome"]), (&json!("auth.login_failed"), &json!("denied")));
        assert_eq!(event["actor"]["kind"], "anonymous");
        assert_eq!(event["resource"], json!({"kind": "user", "id": "root"}));
    }
    let head = plane.head().await;
    let answer = login(&plane, "root", PASSWORD).await;
    assert_eq!(answer.status, 429, "{}", answer.text);
    assert!(answer.header("retry-after").parse::<u64>().unwrap() > 0);
    assert_eq!(plane.head().await, head, "what is turned away is counted, not written");
    let answer = login(&plane, "somebody", "wrong").await;
    assert_eq!(answer.status, 401, "another user is not held up");
    assert_eq!(plane.events(1).await[0]["resource"], Value::Null, "an unknown name is not written");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_logins() {
    let plane = Plane::new().await;
    for body in ["", "{", "{}", r#"{"username":"root"}"#, r#"{"username":1,"password":"x"}"#] {
        let answer = send(plane.dashboard("POST", "/api/login").body(body)).await;
        assert_eq!(answer.status, 400, "{body}: {}", answer.text);
    }
    for cookie in
        ["__Host-portolan_session=", "__Host-portolan_session=x", "__Host-portolan_session=../users/root", "other=1"]
    {
        let answer = send(plane.dashboard("GET", "/api/session").header("cookie", cookie)).await;
        assert_eq!(answer.status, 401, "{cookie}");
    }
    let head = plane.head().await;
    assert_eq!(plane.call("POST", "/api/logout", Value::Null).await.status, 400, "a key has no session");
    assert_eq!(plane.head().await, head + 1, "refused, with an event");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configured_password_makes_the_user_once() {
    let plane = Plane::new().await;
    let created = plane.expect("GET", "/api/audit/events?action=user.create", Value::Null, 200).await;
    assert_eq!(created["events"].as_array().unwrap().len(), 1);
    assert!(!created.to_string().contains("argon2"), "the hash is not in the log");
    let dir = plane.stop().await;
    let mut changed = config(dir.path());
    changed.admin.password = Some("another password".into());
    let plane = Plane::with(dir, changed, Arc::new(SystemClock)).await;
    assert_eq!(login(&plane, "root", "another password").await.status, 401);
    assert_eq!(login(&plane, "root", PASSWORD).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_user_that_was_deleted_stays_deleted() {
    let plane = Plane::new().await;
    let invite = json!({"username": "eve", "password": "a long password"});
    let invited = plane.expect("POST", "/api/invites", invite, 201).await;
    let path = format!("/api/users/{}/assigned_roles", invited["value"]["id"].as_str().unwrap());
    plane.expect("PUT", &path, json!({"roles": ["super_admin_id"]}), 200).await;
    assert_eq!(plane.call("DELETE", "/api/users/root", Value::Null).await.status, 204);
    let dir = plane.stop().await;
    let plane = Plane::with(dir.clone(), config(dir.path()), Arc::new(SystemClock)).await;
    assert_eq!(login(&plane, "root", PASSWORD).await.status, 401);
    assert_eq!(plane.expect("GET", "/api/users", Value::Null, 200).await["total"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_of_the_api_stays_in_a_cache() {
    let plane = Plane::new().await;
    for path in ["/api/status", "/apisix/admin/routes"] {
        assert_eq!(plane.call("GET", path, Value::Null).await.header("cache-control"), "no-store", "{path}");
        assert_eq!(send(plane.dashboard("GET", path)).await.header("cache-control"), "no-store", "{path}");
    }
}
