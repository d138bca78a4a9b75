//! The program, controlled by lines on its standard input.

use std::{process::Stdio, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    process::Command,
    time::timeout,
};

const LIMIT: Duration = Duration::from_secs(30);

#[tokio::test]
async fn it_prints_its_address_and_obeys() {
    let target = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let to = target.local_addr().expect("a bound socket has an address").to_string();
    let mut program = Command::new(env!("CARGO_BIN_EXE_testproxy"))
        .args(["--to", &to, "--delay", "10"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the program starts");
    let mut control = program.stdin.take().expect("piped");
    let mut said = BufReader::new(program.stdout.take().expect("piped")).lines();
    let mut complaints = BufReader::new(program.stderr.take().expect("piped")).lines();
    let near = said.next_line().await.expect("text").expect("a line");

    let mut client = TcpStream::connect(&near).await.expect("the proxy listens");
    let (mut server, _) = target.accept().await.expect("the connection comes through");
    client.write_all(b"hi").await.expect("a live connection");
    let mut bytes = [0; 2];
    timeout(LIMIT, server.read_exact(&mut bytes)).await.expect("in time").expect("alive");
    assert_eq!(&bytes, b"hi");

    control.write_all(b"juggle\ncut\n").await.expect("it listens");
    let complaint = complaints.next_line().await.expect("text").expect("a line");
    assert_eq!(complaint, "juggle: not a command");
    let read = timeout(LIMIT, client.read(&mut bytes)).await.expect("in time");
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");

    // A new connection comes through once the program has healed.
    control.write_all(b"heal\n").await.expect("it listens");
    let accepted = async {
        loop {
            let _client = TcpStream::connect(&near).await.expect("the proxy listens");
            let again = timeout(Duration::from_millis(100), target.accept()).await;
            if let Ok(accepted) = again {
                return accepted;
            }
        }
    };
    timeout(LIMIT, accepted).await.expect("in time").expect("a connection");
}
