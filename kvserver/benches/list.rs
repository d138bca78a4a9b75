//! What a List of 100 keys costs among few and among many other keys, in one run: `cargo bench
//! --bench list`. It should cost what it returns, whatever the store holds beside it: the run fails
//! if a List of the same keys costs more than [`MAX_RATIO`] times as much among many.
//!
//! A List of keys that were looked at lately finds them in the processor's caches in either store.
//! Lists of keys that are spread over the store find them there only if the store is small: the
//! difference is that of the machine's memories, so it is shown beside and has no target.

use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use futures::{SinkExt, StreamExt};
use kvcommon::{Answer, PROTOCOL, Query, QueryId, frame};
use kvserver::replica::Replica;
use kvserver::stamp::Writer;
use kvserver::{Config, Server, start};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{WebSocketStream, client_async};

const FEW: usize = 10_000;
const MANY: usize = 1_000_000;
const LISTED: usize = 100;
const ROUNDS: usize = 2_001;

/// 1 is what it should be; a cost that grew with the store would be 100. The rest is for machines
/// that have something else to do.
const MAX_RATIO: f64 = 1.5;

const VALUE: &str = "a value of thirty-two bytes, all";

/// Keys in groups of [`LISTED`], so that any group is one List.
fn key(number: usize) -> String {
    format!("group/{:06}/{:02}", number / LISTED, number % LISTED)
}

/// Which groups are listed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Choice {
    /// One of the middle, again and again.
    Same,
    /// Ones from all over the store.
    Spread,
}

/// The prefixes to list, round by round, in the small store and in the large one.
fn prefixes(choice: Choice) -> impl Iterator<Item = (String, String)> {
    let prefix = move |keys: usize, round: usize| {
        let groups = keys / LISTED;
        let group = match choice {
            Choice::Same => groups / 2,
            Choice::Spread => round * 7919 % groups,
        };
        format!("group/{group:06}/")
    };
    (0..ROUNDS).map(move |round| (prefix(FEW, round), prefix(MANY, round)))
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64() * 1e6
}

fn filled_replica(keys: usize) -> Replica {
    let mut replica = Replica::default();
    let writer = Writer::new(1);
    for number in 0..keys {
        replica.write(&writer, 1, &key(number), Some(VALUE)).expect("a stamp is left");
    }
    replica
}

fn time_replica(replica: &Replica, prefix: &str) -> Duration {
    let start = Instant::now();
    let page = black_box(replica.list(prefix, None));
    let time = start.elapsed();
    assert_eq!(page.entries.len(), LISTED);
    time
}

struct Client {
    socket: WebSocketStream<TcpStream>,
    _server: Server,
}

impl Client {
    async fn of_a_server_with(keys: usize) -> Self {
        let server = start(Config::default()).await.expect("a server starts");
        let address = server.queries()[0];
        let mut request = format!("ws://{address}/").into_client_request().expect("an address");
        let protocol = HeaderValue::from_static(PROTOCOL);
        request.headers_mut().insert("Sec-WebSocket-Protocol", protocol);
        let stream = TcpStream::connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("a socket");
        let (socket, _) = client_async(request, stream).await.expect("a WebSocket");
        let mut client = Self { socket, _server: server };
        for first in (0..keys).step_by(LISTED) {
            let keys: Vec<String> = (first..first + LISTED).map(key).collect();
            let puts: Vec<_> =
                keys.iter().map(|key| Query::Put { key, value: VALUE, floor: None }).collect();
            client.ask(&puts).await;
        }
        client
    }

    async fn ask(&mut self, queries: &[Query<'_>]) -> Vec<u8> {
        let mut message = Vec::new();
        for (id, query) in (0..).zip(queries) {
            frame::encode_query(&mut message, QueryId(id), query);
        }
        self.socket.send(Message::Binary(message.into())).await.expect("the server reads");
        match self.socket.next().await {
            Some(Ok(Message::Binary(answers))) => answers.into(),
            other => panic!("no answer but {other:?}"),
        }
    }

    async fn time_list(&mut self, prefix: &str) -> Duration {
        let start = Instant::now();
        let message = self.ask(&[Query::List { prefix, after: None }]).await;
        let time = start.elapsed();
        let item = frame::answers(&message).next().expect("an answer").expect("a whole one");
        assert!(matches!(item.answer, Answer::Page { entries, .. } if entries.len() == LISTED));
        time
    }
}

/// The rows of the table, and whether all of them are as they should be.
struct Table {
    good: bool,
}

impl Table {
    fn begin() -> Self {
        println!("List of {LISTED} keys, microseconds, median of {ROUNDS}, taken in turn");
        let head = "among so many keys";
        println!("{head:<44} {FEW:>10} {MANY:>10} {:>7} {:>8}", "ratio", "target");
        Self { good: true }
    }

    fn row(&mut self, choice: Choice, place: &str, few: Vec<Duration>, many: Vec<Duration>) {
        let (keys, target) = match choice {
            Choice::Same => ("the same keys", format!("<= {MAX_RATIO}")),
            Choice::Spread => ("keys all over the store", String::new()),
        };
        let (few, many) = (median(few), median(many));
        let ratio = many / few;
        let what = format!("{place}, {keys}");
        println!("{what:<44} {few:>10.1} {many:>10.1} {ratio:>7.2} {target:>8}");
        self.good &= choice == Choice::Spread || ratio <= MAX_RATIO;
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let mut table = Table::begin();
    let choices = [Choice::Same, Choice::Spread];

    let (few, many) = (filled_replica(FEW), filled_replica(MANY));
    for choice in choices {
        let (few_times, many_times) = prefixes(choice)
            .map(|(a, b)| (time_replica(&few, &a), time_replica(&many, &b)))
            .unzip();
        table.row(choice, "in the replica", few_times, many_times);
    }
    drop((few, many));

    let mut few = Client::of_a_server_with(FEW).await;
    let mut many = Client::of_a_server_with(MANY).await;
    for choice in choices {
        let (mut few_times, mut many_times) = (Vec::new(), Vec::new());
        for (a, b) in prefixes(choice) {
            few_times.push(few.time_list(&a).await);
            many_times.push(many.time_list(&b).await);
        }
        table.row(choice, "from a client", few_times, many_times);
    }
    if !table.good {
        eprintln!(
            "A List of the same keys costs more than {MAX_RATIO} times as much among {MANY} keys as \
             among {FEW}: its cost grows with the store."
        );
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
