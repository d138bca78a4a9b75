//! The program `kvserver` as people and other programs start it.

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::Client;

const PROGRAM: &str = env!("CARGO_BIN_EXE_kvserver");

/// A running program, killed with the value.
struct Running(Child);

impl Running {
    fn start(args: &[&str]) -> Self {
        let mut command = Command::new(PROGRAM);
        Self(command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        BufReader::new(self.0.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        line
    }

    fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.0.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Waits for the end: the exit code and what was said on stderr.
    fn end(&mut self) -> (Option<i32>, String) {
        let deadline = Instant::now() + Duration::from_secs(10);
        let status = loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        };
        let mut said = String::new();
        self.0.stderr.as_mut().unwrap().read_to_string(&mut said).unwrap();
        (status.code(), said)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn check_fails(args: &[&str], code: i32, parts: &[&str]) {
    let (exit, said) = Running::start(args).end();
    assert_eq!(exit, Some(code), "{args:?}: {said}");
    for part in parts {
        assert!(said.contains(part), "{args:?}: {part:?} in {said:?}");
    }
}

#[tokio::test]
async fn it_says_where_it_listens_as_json_and_ends_on_a_signal() {
    for signal in ["INT", "TERM"] {
        let mut server =
            Running::start(&["--port", "0", "--actors", "2", "--json", "--http", "127.0.0.1:0"]);
        let said: Value = serde_json::from_str(&server.line()).unwrap();
        let address = |value: &Value| value.as_str().unwrap().parse::<SocketAddr>().unwrap();
        assert!(said["desc"].as_str().is_some_and(|desc| !desc.is_empty()), "{said}");
        address(&said["actor_system"]);
        address(&said["http"]);
        let queries = said["queries"].as_array().unwrap();
        assert_eq!(queries.len(), 2);
        let mut client = Client::connect(address(&queries[1])).await;
        client.put("key", "value").await;
        server.signal(signal);
        let (code, said) = server.end();
        assert_eq!(code, Some(0), "SIG{signal}: {said}");
        assert_eq!(said.lines().count(), 1, "SIG{signal}: {said}");
        assert!(said.contains("INFO") && said.contains("this server ends"), "{said}");
    }
}

#[test]
fn without_http_it_says_null() {
    let mut server = Running::start(&["--port", "0", "--actors", "1", "--json"]);
    let said: Value = serde_json::from_str(&server.line()).unwrap();
    assert_eq!(said["http"], Value::Null, "{said}");
    let names: Vec<_> = said.as_object().unwrap().keys().cloned().collect();
    assert_eq!(names.len(), 4, "{names:?}");
}

/// What a person is told after the start with `args`, to the last line.
fn banner(args: &[&str]) -> String {
    let mut server = Running::start(&[&["--port", "0"], args].concat());
    let mut said = String::new();
    let mut out = BufReader::new(server.0.stdout.take().unwrap());
    while !said.contains("Ctrl-C") {
        assert_ne!(out.read_line(&mut said).unwrap(), 0, "{said}");
    }
    said
}

#[test]
fn without_json_a_person_is_told() {
    let check = |said: &str, parts: &[&str], absent: &[&str]| {
        for part in parts {
            assert!(said.contains(part), "{part:?} in {said}");
        }
        for part in absent {
            assert!(!said.contains(part), "{part:?} in {said}");
        }
    };
    let always = ["clients (kv, cmud)", "--server 127.0.0.1:", "other servers", "described to"];
    let said = banner(&["--actors", "2"]);
    check(&said, &always, &["http:", "browsers"]);
    assert!(said.starts_with("A new store is open; it is empty.\n"), "{said}");
    assert_eq!(said.matches(",127.0.0.1:").count(), 1, "two addresses as kv takes them: {said}");

    let said = banner(&["--actors", "1", "--http", "localhost:0"]);
    check(&said, &always, &["browsers"]);
    check(&said, &["http://127.0.0.1:", "/stats.json", "/healthz"], &[]);

    let said = banner(&["--actors", "1", "--http", "localhost:0", "--www", "."]);
    check(&said, &always, &[]);
    check(&said, &["browsers", "/\n", "/stats.json"], &[]);
}

#[test]
fn one_that_joins_says_for_whom_it_waits_and_when_it_is_ready() {
    let mut first = Running::start(&["--port", "0", "--actors", "1", "--json"]);
    let said: Value = serde_json::from_str(&first.line()).unwrap();
    let description = said["desc"].as_str().unwrap();
    let mut second = Running::start(&[
        "--port",
        "0",
        "--actors",
        "1",
        "--join",
        description,
        "--join",
        "127.0.0.1:1",
    ]);
    let mut out = BufReader::new(second.0.stdout.take().unwrap());
    let mut said = String::new();
    while !said.contains("The store is open.") {
        assert_ne!(out.read_line(&mut said).unwrap(), 0, "{said}");
    }
    let expected = format!("it comes from one of {}, 127.0.0.1:1.\n", "127.0.0.1:");
    let (before, after) = expected.split_once(',').unwrap();
    assert!(said.contains(before) && said.contains(after), "{said}");
    assert!(
        said.contains("leave --join out, at a --port where no server of this store was"),
        "{said}"
    );
    assert!(said.ends_with("Ctrl-C ends it.\nThe store is open.\n"), "{said}");

    let said = banner(&["--actors", "1", "--join", "127.0.0.1:1"]);
    assert!(said.contains("not open here yet: it comes from 127.0.0.1:1.\n"), "{said}");
    assert!(!said.contains("The store is open."), "{said}");
}

#[test]
fn programs_are_told_when_the_store_is_open_too() {
    let mut first = Running::start(&["--port", "0", "--actors", "1", "--json"]);
    let mut out = BufReader::new(first.0.stdout.take().unwrap());
    let mut next = || {
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        serde_json::from_str::<Value>(&line).unwrap()
    };
    let description = next()["desc"].as_str().unwrap().to_owned();
    assert_eq!(next(), json!({"ready": true}));

    let join = ["--port", "0", "--actors", "1", "--json", "--join"];
    let mut second = Running::start(&[&join[..], &[&description]].concat());
    let mut out = BufReader::new(second.0.stdout.take().unwrap());
    let mut said = String::new();
    while !said.ends_with("{\"ready\":true}\n") {
        assert_ne!(out.read_line(&mut said).unwrap(), 0, "{said}");
    }
    assert_eq!(said.lines().count(), 2, "{said}");

    let mut alone = Running::start(&[&join[..], &["127.0.0.1:1"]].concat());
    let mut said = String::new();
    let mut out = BufReader::new(alone.0.stdout.take().unwrap());
    out.read_line(&mut said).unwrap();
    std::thread::sleep(Duration::from_millis(500));
    alone.signal("TERM");
    out.read_to_string(&mut said).unwrap();
    assert_eq!(said.lines().count(), 1, "nobody has the store: {said}");
}

/// One that was restarted without a word of the others is open for a moment, and then is not.
#[test]
fn one_that_was_restarted_is_told_what_it_was() {
    let mut first = Running::start(&["--port", "0", "--actors", "1", "--json"]);
    let said: Value = serde_json::from_str(&first.line()).unwrap();
    let description = said["desc"].as_str().unwrap();
    let start = |port: &str, join: &[&str]| {
        Running::start(&[&["--port", port, "--actors", "1", "--json"], join].concat())
    };
    let mut second = start("0", &["--join", description]);
    let mut out = BufReader::new(second.0.stdout.take().unwrap());
    let mut said = String::new();
    while !said.ends_with("{\"ready\":true}\n") {
        assert_ne!(out.read_line(&mut said).unwrap(), 0, "{said}");
    }
    let said: Value = serde_json::from_str(said.lines().next().unwrap()).unwrap();
    let address: SocketAddr = said["actor_system"].as_str().unwrap().parse().unwrap();
    drop(second);
    let mut second = start(&address.port().to_string(), &[]);
    let mut log = BufReader::new(second.0.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("INFO") || !said.contains("ready") {
        assert_ne!(log.read_line(&mut said).unwrap(), 0, "{said}");
    }
    assert!(said.contains("a member knows this server from before it was restarted"), "{said}");
    assert!(said.contains("For a new one, take another port"), "{said}");
}

#[test]
fn one_that_joins_a_port_for_clients_is_told_which_port_to_join() {
    let mut first = Running::start(&["--port", "0", "--actors", "1", "--json"]);
    let said: Value = serde_json::from_str(&first.line()).unwrap();
    let port = said["queries"][0].as_str().unwrap();
    let mut second = Running::start(&["--port", "0", "--actors", "1", "--join", port]);
    let mut log = BufReader::new(second.0.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("for clients") {
        assert_ne!(log.read_line(&mut said).unwrap(), 0, "{said}");
    }
    assert!(said.contains(port) && said.contains("`other servers`"), "{said}");
    assert!(!said.contains("subprotocol"), "{said}");
}

#[test]
fn one_that_listens_everywhere_says_that_it_has_to_be_told_its_address() {
    let warned = |args: &[&str]| {
        let always = ["--port", "0", "--actors", "1", "--json"];
        let mut server = Running::start(&[&always, args].concat());
        server.line();
        server.signal("TERM");
        let (_, said) = server.end();
        said.contains("--advertise")
    };
    assert!(warned(&["--host", "0.0.0.0"]));
    assert!(!warned(&["--host", "0.0.0.0", "--advertise", "here.example:6000"]));
    assert!(!warned(&[]));
    // What is printed can be called, at least from here.
    let said = banner(&["--host", "0.0.0.0", "--actors", "1", "--http", "0.0.0.0:0"]);
    for part in ["--server 127.0.0.1:", "http://127.0.0.1:", "none can join", "From elsewhere"] {
        assert!(said.contains(part), "{part} in {said}");
    }
    let said = banner(&["--host", "0.0.0.0", "--actors", "1", "--advertise", "here.example:6000"]);
    assert!(said.contains("other servers        --join here.example:6000\n"), "{said}");
}

/// A folder that nobody has named is only warned of.
#[test]
fn one_that_is_started_where_nothing_can_be_written_says_so() {
    let mut command = Command::new(PROGRAM);
    command.args(["--port", "0", "--actors", "1", "--json"]).current_dir("/proc");
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut server = Running(child);
    server.line();
    server.signal("TERM");
    let (code, said) = server.end();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("WARN") && said.contains("--set-aside"), "{said}");
}

#[test]
fn an_address_in_brackets_is_an_address() {
    if TcpListener::bind("[::1]:0").is_err() {
        println!("skipped: this machine has no IPv6");
        return;
    }
    for host in ["::1", "[::1]"] {
        let said = banner(&["--actors", "1", "--host", host, "--http", "[::1]:0"]);
        for part in ["--server [::1]:", "http://[::1]:", "\"actor_system\":\"[::1]:"] {
            assert!(said.contains(part), "{part} in {said}");
        }
    }
}

#[test]
fn a_start_that_fails_names_its_cause() {
    let blocker = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = blocker.local_addr().unwrap().port().to_string();
    check_fails(&["--port", &port, "--actors", "1"], 1, &["kvserver:", &port, "in use"]);
    let http = format!("127.0.0.1:{port}");
    check_fails(&["--port", "0", "--http", &http], 1, &[&port, "in use", "HTTP"]);
    check_fails(&["--actors", "0"], 2, &["--actors <N>", "1..=1024"]);
    check_fails(&["--port", "65535", "--actors", "1"], 1, &["65535", "up to 65534"]);
    let page = ["--port", "0", "--http", "127.0.0.1:0", "--www", "/no/such"];
    check_fails(&page, 1, &["/no/such", "not a folder"]);
    check_fails(&["--host", "no.such.host.invalid"], 1, &["no.such.host.invalid"]);
    let join = |what| ["--port", "0", "--actors", "1", "--join", what];
    check_fails(&join("nonsense"), 1, &["cannot join", "nonsense", "HOST:PORT"]);
    check_fails(&join("{\"cmud\":9}"), 1, &["version 9", "same release"]);
    for (host, name) in
        [("127.0.0.1", "127.0.0.1"), ("127.0.0.1", "localhost"), ("0.0.0.0", "localhost")]
    {
        let name = format!("{name}:6543");
        let itself = ["--port", "6543", "--actors", "1", "--host", host, "--join", &name];
        check_fails(&itself, 1, &["cannot join itself", &name, "another server"]);
    }
    check_fails(&["--port", "0", "--set-aside", "/no/such"], 1, &["/no/such", "--set-aside"]);
    let everywhere = ["--port", "0", "--host", "0.0.0.0", "--join", "127.0.0.1:1"];
    check_fails(&everywhere, 1, &["--advertise"]);
    check_fails(&["--port", "0", "--advertise", "here"], 1, &["here", "HOST:PORT"]);
}

#[test]
fn wrong_usage_is_exit_2() {
    check_fails(&["--prot", "6000"], 2, &["--port"]);
    check_fails(&["--port", "sixty"], 2, &["sixty"]);
    check_fails(&["--port", "65536"], 2, &["65536"]);
    check_fails(&["--actors", "-1"], 2, &[]);
    check_fails(&["--tombstones", "599"], 2, &["--tombstones <SECONDS>", "600..="]);
    check_fails(&["--tombstones", &u64::MAX.to_string()], 2, &["--tombstones"]);
    check_fails(&["--retention", "0"], 2, &["--retention"]);
    check_fails(&["--retention", &u64::MAX.to_string()], 2, &["--retention"]);
    check_fails(&["--www", "."], 2, &["--http"]);
    check_fails(&["--http", "nonsense"], 2, &["nonsense"]);
}

/// Root may open any port, so the test gives that up first where it can; where every port is open
/// to everyone, there is nothing to see.
#[test]
fn a_privileged_port_is_named() {
    let limit = "/proc/sys/net/ipv4/ip_unprivileged_port_start";
    let first_open: u16 = std::fs::read_to_string(limit).unwrap().trim().parse().unwrap();
    if first_open <= 81 {
        println!("skipped: on this machine every port is open to everyone");
        return;
    }
    let run = |command: &mut Command| {
        let output = command.args(["--port", "80", "--actors", "1"]).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
    let (code, said) = if is_root {
        let drop_it = ["--bounding-set", "-net_bind_service", "--inh-caps", "-net_bind_service"];
        run(Command::new("setpriv").args(drop_it).arg(PROGRAM))
    } else {
        run(&mut Command::new(PROGRAM))
    };
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("port 80 is privileged") && said.contains("1024"), "{said}");
}
