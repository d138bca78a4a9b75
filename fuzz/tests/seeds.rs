//! Small examples of everything that the targets decode: where the fuzzer starts from.

use actor::{ActorRef, Address, WellKnown};
use kvcommon::{Answer, Entry as PageEntry, Query, QueryId, Refusal, RefusalKind, Stamp, frame};
use kvserver::entry::Entry;
use kvserver::query_actor::{Given, Message, Siblings, Sync};

/// A target, the name of the seed, and its bytes.
pub type Seed = (&'static str, &'static str, Vec<u8>);

const STAMP: Stamp = Stamp { millis: 1_700_000_000_000, counter: 3, uid: 0x00c0_ffee };

/// Every seed.
pub fn all() -> Vec<Seed> {
    [
        queries(),
        answers(),
        link_frames(),
        link_handshakes(),
        entries(),
        actor_messages(),
        server_scripts(),
    ]
    .concat()
}

fn queries() -> Vec<Seed> {
    let encoded = |queries: &[Query<'_>]| {
        let mut message = Vec::new();
        for (id, query) in (300..).zip(queries) {
            frame::encode_query(&mut message, QueryId(id), query);
        }
        message
    };
    let run = [
        Query::Put { key: "place/ada", value: "library", floor: None },
        Query::List { prefix: "place/", after: Some("place/ada") },
        Query::Delete { key: "place/ada", floor: Some(STAMP) },
        Query::Status,
        Query::Forget { member: "b.example:4000" },
    ];
    vec![
        ("queries", "get", encoded(&[Query::Get { key: "k" }])),
        ("queries", "run", encoded(&run)),
        // An empty key, and one that is not UTF-8.
        ("queries", "refused", vec![1, 0, 0, 2, 1, 1, 0xff, 0, 0]),
    ]
}

fn answers() -> Vec<Seed> {
    let encoded = |id, answer: &Answer<'_>| {
        let mut message = Vec::new();
        frame::encode_answer(&mut message, QueryId(id), answer);
        message
    };
    let page = vec![PageEntry { key: "place/ada", stamp: STAMP, value: "library" }];
    let refusal = Refusal::new(RefusalKind::NotReady, "fetching");
    vec![
        ("answers", "found", encoded(1, &Answer::Found { stamp: STAMP, value: "v" })),
        ("answers", "missing", encoded(2, &Answer::Missing { deleted: Some(STAMP) })),
        ("answers", "stored", encoded(u64::MAX, &Answer::Stored { stamp: STAMP })),
        ("answers", "page", encoded(4, &Answer::Page { entries: page, more: true })),
        ("answers", "refused", encoded(5, &Answer::Refused(refusal))),
        ("answers", "status", encoded(6, &Answer::Status { age_millis: 300, json: "{}" })),
        ("answers", "forgotten", encoded(7, &Answer::Forgotten)),
    ]
}

/// As `actor` pins them.
fn link_frames() -> Vec<Seed> {
    let stream: [u8; 8] = [5, 0, 0, 0, 0, 0, 0, 0];
    let well_known: &[u8] = &[3, 2, b'h', b'i'];
    let ordinary: &[u8] = &[0x80, 0x80, 0x80, 0x80, 0x10, 2, 1, 0, 0, 0, 0, 0, 0, 0];
    vec![
        ("link_frame", "empty", stream.to_vec()),
        ("link_frame", "run", [&stream, well_known, ordinary].concat()),
    ]
}

fn link_handshakes() -> Vec<Seed> {
    let good = b"sec-websocket-protocol: cmud-actor.1\nactor-address: b.example:4000\n\
        actor-incarnation: 00000000000000ff\n";
    let old = b"sec-websocket-protocol: cmud-actor.0, cmud-kv.1\n";
    vec![
        ("link_handshake", "good", good.to_vec()),
        ("link_handshake", "another-version", old.to_vec()),
    ]
}

fn entries() -> Vec<Seed> {
    let later = Stamp { counter: 4, ..STAMP };
    let value = Entry::new(STAMP, "place/ada", Some("library"));
    let tombstone = Entry::new(later, "place/ada", None);
    let other = Entry::new(STAMP, "k", Some(""));
    let encode = |entries: &[&Entry]| {
        let encoded =
            entries.iter().map(|entry| postcard::to_stdvec(entry).expect("a Vec takes it"));
        encoded.collect::<Vec<_>>().concat()
    };
    vec![
        ("entries", "one", encode(&[&value])),
        ("entries", "several", encode(&[&value, &tombstone, &other])),
    ]
}

fn actor_messages() -> Vec<Seed> {
    let address = Address::new("b.example:4000");
    let actors = vec![ActorRef::well_known(&address, WellKnown(1))];
    let entries =
        vec![Entry::new(STAMP, "place/ada", Some("library")), Entry::new(STAMP, "k", None)];
    let sync =
        Sync { from: 1, entries, ask: true, given: Given::All { ready: true }, ..Sync::default() };
    let encode = |message: &Message| postcard::to_stdvec(message).expect("a Vec takes it");
    vec![
        ("actor_message", "start", encode(&Message::Start(Siblings { actors, me: 0, home: None }))),
        ("actor_message", "sync", encode(&Message::Sync(sync))),
        ("actor_message", "work", encode(&Message::Work)),
    ]
}

fn server_scripts() -> Vec<Seed> {
    let steps = fuzz::server::own_words();
    assert!(steps.len() > 2, "a server has something to say to one that it meets");
    vec![("server_script", "own-words", steps.concat())]
}
