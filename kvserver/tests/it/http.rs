//! The HTTP port.

use std::fs;
use std::path::PathBuf;

use kvserver::{Config, Server, start};
use serde_json::Value;

use crate::client::{Client, request};

async fn serving(www: Option<PathBuf>, actors: usize) -> Server {
    let http = Some(([127, 0, 0, 1], 0).into());
    start(Config { actors, http, www, ..Config::default() }).await.unwrap()
}

/// A folder with a small page, gone with the value.
struct Page(PathBuf);

impl Page {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("kvserver-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("index.html"), "<title>the page</title>").unwrap();
        fs::write(folder.join("app.wasm"), "not compressed").unwrap();
        fs::write(folder.join("app.wasm.gz"), "as if compressed").unwrap();
        Self(folder)
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn check(reply: &str, parts: &[&str]) {
    let lower = reply.to_lowercase();
    for part in parts {
        assert!(lower.contains(&part.to_lowercase()), "{part:?} in {reply:?}");
    }
}

fn body(reply: &str) -> &str {
    reply.split_once("\r\n\r\n").expect("a head and a body").1
}

#[tokio::test]
async fn the_page_is_served_compressed_and_always_fresh() {
    let page = Page::new("page");
    let server = serving(Some(page.0.clone()), 1).await;
    let http = server.http().unwrap();
    let reply = request(http, "GET /", "").await;
    check(&reply, &["200 OK", "text/html", "cache-control: no-cache", "last-modified", "the page"]);
    let reply = request(http, "GET /app.wasm", "").await;
    check(&reply, &["200 OK", "content-type: application/wasm", "not compressed"]);
    let reply = request(http, "GET /app.wasm", "Accept-Encoding: gzip\r\n").await;
    let compressed = ["content-type: application/wasm", "content-encoding: gzip", "as if"];
    check(&reply, &compressed);
    check(&reply, &["vary: accept-encoding"]);
    let since = "If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT\r\n";
    check(&request(http, "GET /app.wasm", since).await, &["304 Not Modified"]);
    check(&request(http, "HEAD /", "").await, &["200 OK", "text/html"]);
    server.shutdown().await;
}

#[tokio::test]
async fn what_is_not_there_is_said_in_a_sentence() {
    let page = Page::new("missing");
    let server = serving(Some(page.0.clone()), 1).await;
    let http = server.http().unwrap();
    check(&request(http, "GET /nothing", "").await, &["404 Not Found", "no /nothing here"]);
    for outside in ["/../Cargo.toml", "/..%2f..%2f..%2fetc/passwd", "//etc/passwd", "/%00"] {
        let reply = request(http, &format!("GET {outside}"), "").await;
        check(&reply, &["HTTP/1.1 404"]);
    }
    check(&request(http, "POST /", "").await, &["405", "allow: GET, HEAD", "use GET"]);
    server.shutdown().await;

    let server = serving(None, 1).await;
    check(&request(server.http().unwrap(), "GET /", "").await, &["404 Not Found", "--www DIR"]);
    server.shutdown().await;
}

#[tokio::test]
async fn state_and_health_are_shown() {
    let server = serving(None, 2).await;
    let http = server.http().unwrap();
    let reply = request(http, "GET /healthz", "").await;
    check(&reply, &["200 OK", "text/plain"]);
    assert_eq!(body(&reply).trim(), "ready");

    let mut client = Client::connect(server.queries()[0]).await;
    client.put("a", "1").await;
    client.put("b", "2").await;
    let reply = request(http, "GET /stats.json", "").await;
    check(&reply, &["200 OK", "application/json", "no-cache"]);
    let stats: Value = serde_json::from_str(body(&reply)).unwrap();
    let number = |name: &str| stats[name].as_u64().unwrap_or_else(|| panic!("{name} in {stats}"));
    assert_eq!(number("keys"), 2);
    assert_eq!(number("remote_bytes_received"), 0);
    assert!(number("messages_sent_actor") >= 3, "two answers and a word to the sibling: {stats}");
    assert!(number("messages_sent_external") >= 4, "{stats}");
    assert!(number("bytes_sent") > 0, "{stats}");
    assert!(number("reply_refs_used") >= 2, "{stats}");
    assert!((1..=10).contains(&number("max_message_rate")), "{stats}");
    server.shutdown().await;
}

#[tokio::test]
async fn the_page_reaches_every_actor_in_turn() {
    let server = serving(None, 3).await;
    let http = server.http().unwrap();
    let mut writers = Vec::new();
    for number in 0..6 {
        let mut client = Client::connect_to(http, "/kv").await;
        let stamp = client.put(&format!("key/{number}"), "value").await;
        assert_eq!(client.get(&format!("key/{number}")).await.as_deref(), Some("value"));
        writers.push(stamp.uid);
    }
    assert_eq!(writers[..3], writers[3..]);
    writers.sort_unstable();
    writers.dedup();
    assert_eq!(writers.len(), 3);
    server.shutdown().await;
}
