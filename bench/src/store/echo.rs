//! The limit: what tokio-tungstenite does when there is nothing to do. As many single-threaded
//! runtimes as asked for, each with a port, as a server of this project has them.

use std::net::Ipv4Addr;
use std::thread;

use anyhow::Result;
use futures::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;

/// Says the ports in a line and serves them for ever.
pub fn serve(threads: usize) -> Result<()> {
    let listeners: Vec<_> = (0..threads)
        .map(|_| std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
        .collect::<Result<_, _>>()?;
    let ports: Vec<String> = listeners
        .iter()
        .map(|listener| Ok(listener.local_addr()?.to_string()))
        .collect::<Result<_>>()?;
    println!("{}", ports.join(" "));
    let threads: Vec<_> = listeners.into_iter().map(|l| thread::spawn(|| serve_port(l))).collect();
    for thread in threads {
        thread.join().expect("an echo does not panic")?;
    }
    Ok(())
}

fn serve_port(listener: std::net::TcpListener) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::task::spawn_local(echo(stream));
        }
    })
}

async fn echo(stream: TcpStream) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut socket = accept_hdr_async(stream, take_any).await.ok()?;
    while let Some(Ok(message)) = socket.next().await {
        if message.is_binary() {
            socket.send(message).await.ok()?;
        }
    }
    None
}

/// Whatever subprotocol the client asks for is the right one.
#[expect(clippy::result_large_err, reason = "the callback's type is the library's")]
fn take_any(
    request: &Request,
    mut response: Response,
) -> Result<Response, tokio_tungstenite::tungstenite::handshake::server::ErrorResponse> {
    const PROTOCOL: &str = "sec-websocket-protocol";
    if let Some(wanted) = request.headers().get(PROTOCOL) {
        let wanted: HeaderValue = wanted.clone();
        response.headers_mut().insert(PROTOCOL, wanted);
    }
    Ok(response)
}
