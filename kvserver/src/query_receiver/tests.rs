//! A port on the real runtime and over real sockets, in virtual time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use actor::{SystemConfig, WellKnown};
use http::header::{HeaderValue, SEC_WEBSOCKET_PROTOCOL};
use kvcommon::{PROTOCOL, Query, QueryId, frame};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use super::*;
use crate::query_actor::{QueryActor, Siblings};

/// One actor behind a port.
struct Place {
    system: System,
    actor: ActorRef<Message>,
    address: SocketAddr,
    switch: watch::Sender<bool>,
}

impl Place {
    async fn new() -> Self {
        let system = System::start(SystemConfig::new("test:1").on_error(|_| ()));
        let actor = system.spawn_well_known(WellKnown(1), QueryActor::new);
        system.tell(
            &actor,
            Message::Start(Siblings { actors: vec![actor.clone()], me: 0, home: None }),
        );
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (switch, ending) = Ending::new();
        let receiver = Receiver::new(system.clone(), actor.clone(), ending);
        tokio::spawn(receiver.serve_port(listener));
        Self { system, actor, address, switch }
    }

    async fn connect(&self) -> Socket {
        let mut request = format!("ws://{}/", self.address).into_client_request().unwrap();
        let protocol = HeaderValue::from_static(PROTOCOL);
        request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, protocol);
        let stream = TcpStream::connect(self.address).await.unwrap();
        client_async(request, stream).await.unwrap().0
    }

    async fn panic(&self) {
        self.system.tell(&self.actor, Message::Panic);
        sleep(Duration::from_millis(1)).await;
    }
}

async fn send_queries(socket: &mut Socket, query: &Query<'_>, count: u64) -> bool {
    let mut message = Vec::new();
    for id in 0..count {
        frame::encode_query(&mut message, QueryId(id), query);
    }
    socket.send(WsMessage::Binary(message.into())).await.is_ok()
}

async fn next_close(socket: &mut Socket) -> CloseCode {
    loop {
        match timeout(Duration::from_secs(1), socket.next()).await {
            Ok(Some(Ok(WsMessage::Close(Some(frame))))) => return frame.code,
            Ok(Some(Ok(_))) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_takes_its_answers_is_dropped() {
    let place = Place::new().await;
    let mut client = place.connect().await;
    let large = "v".repeat(100_000);
    send_queries(&mut client, &Query::Put { key: "key", value: &large, floor: None }, 1).await;
    client.next().await.unwrap().unwrap();
    let start = Instant::now();
    // Answers of a gigabyte fill every buffer on the way.
    send_queries(&mut client, &Query::Get { key: "key" }, 10_000).await;
    sleep(STALL_TIMEOUT + Duration::from_secs(1)).await;
    let dropped =
        timeout(Duration::from_secs(1), async { while let Some(Ok(_)) = client.next().await {} });
    assert!(dropped.await.is_ok(), "still there after {:?}", start.elapsed());
}

/// Counts how often the runtime has looked at its sockets: each time, one more byte goes through a pair
/// of them.
fn count_looks() -> Arc<AtomicU64> {
    let (mut near, mut far) = UnixStream::pair().unwrap();
    let looks = Arc::new(AtomicU64::new(0));
    let counter = looks.clone();
    tokio::spawn(async move {
        loop {
            near.write_all(b"!").await.unwrap();
            // With less than there is room for, the socket is known to be empty.
            let bytes = far.read(&mut [0; 2]).await.unwrap();
            counter.fetch_add(bytes as u64, Relaxed);
        }
    });
    looks
}

#[tokio::test]
async fn the_sockets_are_looked_at_after_each_turn_of_a_long_batch() {
    const QUERIES: u64 = 40_000;
    let place = Place::new().await;
    let mut client = place.connect().await;
    let looks = count_looks();
    send_queries(&mut client, &Query::Get { key: "key" }, QUERIES).await;
    let (mut turns, mut answers, mut before) = (0, 0, 0);
    while answers < QUERIES {
        let message = client.next().await.unwrap().unwrap().into_data();
        answers += frame::answers(&message).count() as u64;
        turns += 1;
        if turns == 1 {
            before = looks.load(Relaxed);
        }
    }
    let looks = looks.load(Relaxed) - before;
    assert!(turns > 30 && looks > turns / 2, "{looks} times in {turns} turns");
}

#[tokio::test(start_paused = true)]
async fn a_quiet_client_may_stay() {
    let place = Place::new().await;
    let mut client = place.connect().await;
    sleep(Duration::from_secs(24 * 60 * 60)).await;
    send_queries(&mut client, &Query::Get { key: "key" }, 1).await;
    assert!(matches!(client.next().await, Some(Ok(WsMessage::Binary(_)))));
}

#[tokio::test(start_paused = true)]
async fn a_connection_ends_with_the_state_that_it_has_seen() {
    let place = Place::new().await;
    let mut seen = place.connect().await;
    let mut fresh = place.connect().await;
    send_queries(&mut seen, &Query::Get { key: "key" }, 1).await;
    seen.next().await.unwrap().unwrap();
    place.panic().await;
    send_queries(&mut seen, &Query::Get { key: "key" }, 1).await;
    assert_eq!(next_close(&mut seen).await, CloseCode::Error);
    send_queries(&mut fresh, &Query::Get { key: "key" }, 1).await;
    assert!(matches!(fresh.next().await, Some(Ok(WsMessage::Binary(_)))));
}

#[tokio::test(start_paused = true)]
async fn a_panic_over_a_batch_ends_its_connection() {
    let place = Place::new().await;
    let mut client = place.connect().await;
    place.system.tell(&place.actor, Message::Panic);
    send_queries(&mut client, &Query::Get { key: "key" }, 1).await;
    // The batch met the panic, or came after it; only the first must end, and neither may hang.
    let answer = timeout(Duration::from_secs(1), client.next()).await.unwrap();
    assert!(matches!(answer, Some(Ok(_))), "{answer:?}");
}

#[tokio::test(start_paused = true)]
async fn at_the_end_clients_are_told() {
    let place = Place::new().await;
    let mut client = place.connect().await;
    place.switch.send_replace(true);
    assert_eq!(next_close(&mut client).await, CloseCode::Away);
}
