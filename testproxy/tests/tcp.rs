//! The proxy with real sockets: only what needs no exact times.

use std::{
    io,
    time::{Duration, Instant},
};

use testproxy::{Passage, Proxy};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{TcpListener, TcpStream},
    time::timeout,
};

const LIMIT: Duration = Duration::from_secs(30);
const A_WHILE: Duration = Duration::from_millis(300);

/// A proxy to a server that sends back what it gets.
async fn echo() -> Proxy {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound socket has an address").to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut source, mut sink) = stream.split();
                let _ = copy(&mut source, &mut sink).await;
            });
        }
    });
    Proxy::start("127.0.0.1:0", address).await.expect("a free port")
}

async fn connect(proxy: &Proxy) -> TcpStream {
    TcpStream::connect(proxy.near()).await.expect("the proxy listens")
}

async fn check_echo(stream: &mut TcpStream, text: &[u8]) {
    stream.write_all(text).await.expect("a live connection");
    let mut back = vec![0; text.len()];
    timeout(LIMIT, stream.read_exact(&mut back))
        .await
        .expect("in time")
        .expect("a live connection");
    assert_eq!(back, text);
}

async fn check_silent(stream: &mut TcpStream) {
    let mut byte = [0];
    timeout(A_WHILE, stream.read(&mut byte)).await.expect_err("neither bytes nor an end");
}

async fn check_ended(stream: &mut TcpStream) {
    let read = timeout(LIMIT, stream.read(&mut [0])).await.expect("in time");
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
}

#[tokio::test]
async fn bytes_take_the_delay_both_ways_and_do_not_wait_for_each_other() {
    let proxy = echo().await;
    proxy.delay(Duration::from_millis(100));
    let mut stream = connect(&proxy).await;
    let start = Instant::now();
    for number in 0..20u8 {
        stream.write_all(&[number]).await.expect("a live connection");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut back = [0; 20];
    timeout(LIMIT, stream.read_exact(&mut back)).await.expect("in time").expect("alive");
    let took = start.elapsed();
    assert!(back.iter().copied().eq(0..20));
    assert!(took >= Duration::from_millis(295), "{took:?}");
    // One after the other they would take 20 × 200 ms.
    assert!(took < Duration::from_millis(3000), "{took:?}");
}

#[tokio::test]
async fn a_large_stream_comes_through_whole_and_in_order() {
    let proxy = echo().await;
    proxy.delay(Duration::from_millis(50));
    let (mut source, mut sink) = connect(&proxy).await.into_split();
    let sent: Vec<u8> =
        (0..8_000_000u32).map(|number| (number.wrapping_mul(number) >> 7) as u8).collect();
    let expected = sent.clone();
    let send = tokio::spawn(async move {
        sink.write_all(&sent).await?;
        sink.shutdown().await
    });
    let mut back = Vec::new();
    timeout(LIMIT, source.read_to_end(&mut back)).await.expect("in time").expect("a proper end");
    send.await.expect("no panic").expect("all is sent");
    assert!(back == expected, "{} of {} bytes, or others", back.len(), expected.len());
}

#[tokio::test]
async fn a_cut_ends_connections_and_new_ones_until_the_healing() {
    let proxy = echo().await;
    let mut before = connect(&proxy).await;
    check_echo(&mut before, b"before").await;
    proxy.cut();
    check_ended(&mut before).await;
    check_ended(&mut connect(&proxy).await).await;
    proxy.heal();
    check_echo(&mut connect(&proxy).await, b"after").await;
}

#[tokio::test]
async fn connections_can_be_ended_while_new_ones_pass() {
    let proxy = echo().await;
    let mut before = connect(&proxy).await;
    check_echo(&mut before, b"before").await;
    proxy.end_connections();
    check_ended(&mut before).await;
    check_echo(&mut connect(&proxy).await, b"after").await;
}

#[tokio::test]
async fn a_hung_connection_is_half_open_and_a_new_one_gets_through_at_the_healing() {
    let proxy = echo().await;
    let mut before = connect(&proxy).await;
    check_echo(&mut before, b"before").await;
    proxy.hang();
    before.write_all(b"into the void").await.expect("half-open connections take bytes");
    check_silent(&mut before).await;
    let mut during = connect(&proxy).await;
    during.write_all(b"knock").await.expect("half-open connections take bytes");
    check_silent(&mut during).await;
    proxy.heal();
    check_ended(&mut before).await;
    let mut back = [0; 5];
    timeout(LIMIT, during.read_exact(&mut back)).await.expect("in time").expect("alive");
    assert_eq!(&back, b"knock");
}

#[tokio::test]
async fn one_direction_can_fail_alone() {
    let proxy = echo().await;
    let mut stream = connect(&proxy).await;
    check_echo(&mut stream, b"both ways").await;
    proxy.change(|network| network.back.passage = Passage::Held);
    stream.write_all(b"heard but not answered").await.expect("a live connection");
    check_silent(&mut stream).await;
    proxy.heal();
    let mut back = [0; 22];
    timeout(LIMIT, stream.read_exact(&mut back)).await.expect("in time").expect("alive");
    assert_eq!(&back, b"heard but not answered");
}

#[tokio::test]
async fn a_target_that_is_not_there_ends_the_connection() -> io::Result<()> {
    let free = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
    let proxy = Proxy::start("127.0.0.1:0", free.to_string()).await?;
    check_ended(&mut connect(&proxy).await).await;
    Ok(())
}

#[tokio::test]
async fn dropping_the_proxy_ends_everything() {
    let proxy = echo().await;
    let mut stream = connect(&proxy).await;
    check_echo(&mut stream, b"alive").await;
    let near = proxy.near();
    drop(proxy);
    check_ended(&mut stream).await;
    assert!(TcpStream::connect(near).await.is_err());
}
