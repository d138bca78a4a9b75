//! What a key costs: `cargo bench -p kvserver --bench memory [-- KEYS]`. The program itself, with one,
//! two and four actors, is filled over the wire with keys of 16 bytes and values of 32, one after
//! another and in no order, and the kernel tells what memory it has in use.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use kvcommon::{PROTOCOL, Query, QueryId, frame};
use tokio::net::TcpStream;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;

const VALUE: &str = "a value of thirty-two bytes, all";

/// Writes in one message.
const BATCH: usize = 64;

/// A program that is ended when it is not needed any more.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Program {
    /// The memory in use, in bytes.
    fn resident(&self) -> f64 {
        let file = format!("/proc/{}/statm", self.0.id());
        let status = std::fs::read_to_string(file).expect("Linux");
        let pages = status.split(' ').nth(1).and_then(|pages| pages.parse::<f64>().ok());
        pages.expect("a number") * 4096.0
    }
}

fn start(actors: usize) -> (Program, String) {
    let program = std::env::var("KVSERVER").unwrap_or(env!("CARGO_BIN_EXE_kvserver").to_owned());
    let mut child = Command::new(program)
        .args(["--port", "0", "--json", "--actors", &actors.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the server starts");
    let out = child.stdout.take().expect("a pipe");
    let line = BufReader::new(out).lines().next().expect("an announcement").expect("text");
    let said: serde_json::Value = serde_json::from_str(&line).expect("JSON");
    let address = said["queries"][0].as_str().expect("an address").to_owned();
    (Program(child), address)
}

async fn fill(address: &str, keys: usize, stride: usize) {
    let mut request = format!("ws://{address}/").into_client_request().expect("an address");
    let protocol = HeaderValue::from_static(PROTOCOL);
    request.headers_mut().insert("Sec-WebSocket-Protocol", protocol);
    let stream = TcpStream::connect(address).await.expect("a connection");
    let (mut socket, _) = client_async(request, stream).await.expect("a WebSocket");
    for first in (0..keys).step_by(BATCH) {
        let mut message = Vec::new();
        for number in first..keys.min(first + BATCH) {
            let key = format!("player/{:09}", number * stride % keys);
            let query = Query::Put { key: &key, value: VALUE, floor: None };
            frame::encode_query(&mut message, QueryId(number as u64), &query);
        }
        socket.send(Message::Binary(message.into())).await.expect("the server reads");
        socket.next().await.expect("an answer").expect("an answer");
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let keys = std::env::args().skip(1).find_map(|arg| arg.parse().ok()).unwrap_or(1_000_000);
    println!("{keys} keys of 16 bytes, values of 32: bytes of resident memory for each");
    println!("{:<12} {:>10} {:>8} {:>14}", "order", "actors", "a key", "each further");
    for (order, stride) in [("one by one", 1), ("no order", 7_368_787)] {
        let mut one = None;
        for actors in [1, 2, 4] {
            let (program, address) = start(actors);
            fill(&address, keys, stride).await;
            // The others learn of the last writes, and the history of five seconds is let go of.
            tokio::time::sleep(Duration::from_secs(1)).await;
            let each = program.resident() / keys as f64;
            let further = (each - *one.get_or_insert(each)) / (actors.max(2) - 1) as f64;
            println!("{order:<12} {actors:>10} {each:>8.1} {further:>14.1}");
        }
    }
}
