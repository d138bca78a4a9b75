//! Servers that are told nonsense, and those who are no servers of the store but talk to one. What
//! cannot be read at all is refused at the start: see `tests/it/program.rs` and `server/description.rs`.

use std::net::SocketAddr;
use std::time::Duration;

use actor::{Actor, ActorRef, Context, System, SystemConfig};
use futures::{SinkExt, StreamExt};
use kvcommon::RefusalKind;
use kvserver::members::{self, Hello};
use kvserver::query_actor::Member;
use kvserver::{Config, Server, StartError, start};
use testproxy::Proxy;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::client::{Client, PATIENCE, exchange, request};
use crate::nodes::{is_ready, stats_json, try_get, until_everywhere, until_ready_at};
use crate::ports::free_port;
use crate::process::Process;

/// A server that is up, and another one that joins it.
async fn pair() -> (Process, Process) {
    let first = Process::start(&["--port", "0", "--actors", "1"]);
    let second = Process::start(&["--port", "0", "--actors", "1", "--join", &first.description]);
    until_ready_at(second.http).await;
    (first, second)
}

/// Two servers that do their work.
async fn check_unharmed(one: &Process, other: &Process) {
    Client::connect(one.queries[0]).await.put("unharmed", "value").await;
    let replicas = [one.queries[0], other.queries[0]];
    until_everywhere(&replicas, "unharmed", "value").await;
    assert!(is_ready(one.http).await && is_ready(other.http).await);
}

fn actor_system(server: &Process) -> SocketAddr {
    let description: serde_json::Value = serde_json::from_str(&server.description).unwrap();
    description["actor_system"].as_str().unwrap().parse().unwrap()
}

/// Answers whatever it is asked with a page.
async fn serve_page(listener: TcpListener, version: &str) {
    let page = "<!DOCTYPE HTML>\n<html>\n<title>A page</title>";
    let length = page.len();
    let answer = format!("HTTP/{version} 200 OK\r\nContent-Length: {length}\r\n\r\n{page}");
    while let Ok((mut stream, _)) = listener.accept().await {
        // Whoever asks may be gone before it has read all.
        let _ = stream.read(&mut [0; 1024]).await;
        let _ = stream.write_all(answer.as_bytes()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_join_address_that_is_no_server_is_named_with_what_it_said() {
    let (first, second) = pair().await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = silent.local_addr().map(|address| (silent, address)).unwrap();
    let pages = ["1.0", "1.1"].map(async |version| {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve_page(listener, version));
        address
    });
    let [old, page] = pages;
    let wrong = [
        (old.await, ["answers, but is not where a kvserver meets", "not what a kvserver says"]),
        (page.await, ["answers, but is not where a kvserver meets", "(it said: 200 OK)"]),
        (first.http, ["answers, but is not where a kvserver meets", "404 Not Found"]),
        (first.queries[0], ["is a port for clients", "`other servers`"]),
        (SocketAddr::from(([127, 0, 0, 1], free_port())), ["failed", "Connection refused"]),
        (silent.1, ["failed", "no answer within"]),
    ];
    let mut args = vec!["--port".to_owned(), "0".to_owned()];
    for (address, _) in &wrong {
        args.extend(["--join".to_owned(), address.to_string()]);
    }
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    let lost = Process::start(&args);
    for (address, [what, answer]) in wrong {
        lost.until_logged(&[&address.to_string(), what, answer]).await;
        lost.until_logged(&["does not answer; it is called again", &address.to_string()]).await;
    }
    assert!(!lost.log().contains("html"), "{}", lost.log());
    assert!(!is_ready(lost.http).await);
    let mut client = Client::connect(lost.queries[0]).await;
    assert_eq!(try_get(&mut client, "key").await, Err(RefusalKind::NotReady));
    check_unharmed(&first, &second).await;
    // One address that is right is enough.
    let found = Process::start(&[&args[..], &["--join", &second.description]].concat());
    until_ready_at(found.http).await;
    check_unharmed(&found, &first).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_does_not_join_itself() {
    let port = free_port();
    let itself = format!("127.0.0.1:{port}");
    let description = format!("{{\"actor_system\":\"{itself}\",\"actors\":1,\"cmud\":1}}");
    for join in [itself.clone(), description] {
        let refused = start(Config { port, join: vec![join], ..Config::default() }).await;
        let Err(error) = refused.map(|_: Server| ()) else { panic!("it started") };
        assert!(matches!(error, StartError::JoinsItself { .. }), "{error}");
        assert!(error.to_string().contains("a server cannot join itself"), "{error}");
        assert!(error.to_string().contains(&itself), "{error}");
    }
}

/// A way to itself that it cannot know for one is found out when it answers, and is said once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_joins_itself_by_another_way_says_so_once() {
    let port = free_port().to_string();
    let way = Proxy::start("127.0.0.1:0", format!("127.0.0.1:{port}")).await.unwrap();
    let way = way.near().to_string();
    let server = Process::start(&["--port", &port, "--join", &way]);
    server.until_logged(&["ERROR", &way, "cannot join itself", "--join"]).await;
    // Meanwhile it has called itself several times.
    server.until_logged(&["WARN", &way, "does not answer"]).await;
    let log = server.log();
    assert_eq!(log.lines().count(), 2, "{log}");
    assert!(!is_ready(server.http).await);
}

/// A WebSocket at the port for servers, with these headers.
async fn knock(
    at: SocketAddr,
    headers: &[(&'static str, &str)],
) -> Result<WebSocketStream<TcpStream>, tungstenite::Error> {
    let mut request = format!("ws://{at}/").into_client_request()?;
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    let stream = TcpStream::connect(at).await?;
    Ok(client_async(request, stream).await?.0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_on_the_port_for_servers_is_refused_with_a_reason_and_harms_nobody() {
    let (first, second) = pair().await;
    let peers = actor_system(&first);
    let reply = request(peers, "GET /", "").await;
    assert!(reply.contains("426") && reply.contains("links actor systems"), "{reply}");
    assert!(exchange(peers, b"\0\0\0\0 what is this?\r\n\r\n").await.contains("400"));

    for (headers, reason) in [
        (&[][..], "the other end offers nothing"),
        (&[("sec-websocket-protocol", "cmud-kv.1")], "the other end offers cmud-kv.1"),
        (&[("sec-websocket-protocol", "cmud-actor.1")], "actor-address is missing or malformed"),
    ] {
        let refused = knock(peers, headers).await;
        let Err(tungstenite::Error::Http(response)) = refused else { panic!("{refused:?}") };
        let told = String::from_utf8(response.into_body().unwrap_or_default()).unwrap();
        assert!(told.contains(reason), "{told}");
        first.until_logged(&["a link from", "was refused", reason]).await;
    }

    // One that knows the manners, but not the language: it is the link of an address of its own.
    let headers = [
        ("sec-websocket-protocol", "cmud-actor.1"),
        ("actor-address", "127.0.0.1:9"),
        ("actor-incarnation", "00000000000000aa"),
    ];
    let mut link = knock(peers, &headers).await.unwrap();
    link.send(Message::Binary(vec![0xff; 1000].into())).await.unwrap();
    let end = timeout(PATIENCE, async { while let Some(Ok(_)) = link.next().await {} });
    end.await.expect("the link is ended");
    first.until_logged(&["127.0.0.1:9", "failed"]).await;
    check_unharmed(&first, &second).await;
}

/// A member in all but its clock: it answers each hello with one like it, an hour ahead.
#[derive(Default)]
struct Skewed;

impl Actor for Skewed {
    type Message = members::Message;

    fn on_message(&mut self, message: Self::Message, ctx: &mut Context<'_, Self::Message>) {
        let members::Message::Hello(hello) = message else { return };
        let (address, wall_millis) = (hello.called.clone(), ctx.now().wall_millis);
        let answer = Hello {
            from: Member { address, server: 7, actors: 1 },
            answers: true,
            asks: false,
            ready: false,
            knew: Some(hello.from.server),
            others: Vec::new(),
            clock_millis: wall_millis + 3_600_000,
            echo: Some((hello.sent_millis, 0)),
            ..hello.clone()
        };
        let to = ActorRef::well_known(&hello.from.address, members::ID);
        ctx.tell(&to, members::Message::Hello(answer));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_whose_clock_is_an_hour_off_is_reported_and_stays_a_member() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let system = System::start(SystemConfig::new(&address));
    system.spawn_well_known(members::ID, Skewed::default);
    system.serve(listener);

    let server = Process::start(&["--port", "0", "--actors", "1", "--join", &address]);
    let said = server.until_logged(&["its clock is", "ahead", &address]).await;
    let ahead = said.split("its clock is ").nth(1).and_then(|text| text.split(' ').next());
    let ahead: i64 = ahead.unwrap().parse().unwrap();
    assert!((ahead - 3_600_000).abs() < 500, "{said}");
    let stats = stats_json(server.http).await;
    let member = &stats["members"][0];
    assert_eq!(member["state"], "live", "{stats}");
    let offset = member["clock_offset_ms"].as_i64().unwrap();
    assert!((offset - 3_600_000).abs() < 500, "{stats}");
    // Said once, not at every hello.
    sleep(Duration::from_millis(2500)).await;
    assert_eq!(server.log().matches("its clock is").count(), 1);
    system.shutdown().await;
}
