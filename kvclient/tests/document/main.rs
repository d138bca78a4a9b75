//! A client written from `docs/protocol.md` alone, against a real server: it shares no code with
//! the project's own client and codec, so it finds out whether the document is complete and true.

mod bytes;
mod socket;

use std::time::{Duration, Instant, SystemTime};

use bytes::*;
use socket::{Frame, Socket, http, with_server};

const INVALID: u64 = 0;
const TOO_LARGE: u64 = 1;
const NOT_READY: u64 = 2;

#[test]
fn the_conversation_at_the_end() {
    with_server(|address| {
        let mut socket = Socket::open(address);
        let question = [
            hex("00 00 09 70 6c 61 63 65 2f 61 64 61"),
            hex("01 01 09 70 6c 61 63 65 2f 61 64 61 07 6c 69 62 72 61 72 79 00"),
        ];
        socket.send(&question.concat());
        let answers = socket.answers(2);
        assert_eq!(answers[0], Answer::Missing { id: 0, deleted: None });
        let Answer::Stored { id: 1, stamp } = answers[1] else { panic!("{answers:?}") };
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
        let age = u128::from(stamp.millis).abs_diff(now.as_millis());
        assert!(age < 60_000, "the stamp is {age} ms off");

        socket.send(&hex("07 00 09 70 6c 61 63 65 2f 61 64 61"));
        let found = Answer::Found { id: 7, stamp, value: "library".to_owned() };
        assert_eq!(socket.answers(1), [found]);

        socket.send(&hex("09 03 06 70 6c 61 63 65 2f 00"));
        let entries = vec![("place/ada".to_owned(), stamp, "library".to_owned())];
        assert_eq!(socket.answers(1), [Answer::Page { id: 9, entries, more: false }]);

        socket.send(&hex("0a 03 06 70 6c 61 63 65 2f 01 09 70 6c 61 63 65 2f 61 64 61"));
        assert_eq!(socket.answers(1), [Answer::Page { id: 10, entries: vec![], more: false }]);

        socket.send(&hex("ac 02 02 09 70 6c 61 63 65 2f 61 64 61 00"));
        let answers = socket.answers(1);
        let [Answer::Stored { id: 300, stamp: deleted }] = answers[..] else {
            panic!("{answers:?}")
        };
        assert!(deleted > stamp);
        socket.send(&hex("07 00 09 70 6c 61 63 65 2f 61 64 61"));
        assert_eq!(socket.answers(1), [Answer::Missing { id: 7, deleted: Some(deleted) }]);
    });
}

#[test]
fn a_write_gets_a_stamp_above_its_floor() {
    with_server(|address| {
        let mut socket = Socket::open(address);
        let stored = |socket: &mut Socket| match socket.answers(1)[..] {
            [Answer::Stored { stamp, .. }] => stamp,
            ref other => panic!("{other:?}"),
        };
        socket.send(&put(1, "k", "first"));
        let first = stored(&mut socket);
        let floor = Stamp { millis: first.millis + 300, counter: 7, uid: u64::MAX };
        socket.send(&put_above(2, "k", "second", Some(floor)));
        let second = stored(&mut socket);
        assert!(second > floor, "{second:?}");
        socket.send(&delete_above(3, "other", Some(second)));
        assert!(stored(&mut socket) > second);

        let far = Stamp { millis: first.millis + 600_000, ..floor };
        let beyond = Stamp { millis: 1 << 47, ..floor };
        let bad = [put_above(4, "k", "v", Some(far)), delete_above(5, "k", Some(beyond))];
        socket.send(&bad.concat());
        for answer in socket.answers(2) {
            assert!(matches!(answer, Answer::Refused { kind: INVALID, .. }), "{answer:?}");
        }
        socket.send(&get(6, "k"));
        assert_eq!(socket.answers(1)[0].short(), "6 found second");
    });
}

#[test]
fn a_server_tells_how_it_is() {
    with_server(|address| {
        let mut socket = Socket::open(address);
        let since = Instant::now();
        let (age, json) = loop {
            socket.send(&status(1));
            match socket.answers(1).remove(0) {
                Answer::Status { age, json, .. } => break (age, json),
                Answer::Refused { kind: NOT_READY, .. } => assert!(since.elapsed() < PATIENCE),
                other => panic!("{other:?}"),
            }
        };
        assert!(age < 2000, "{age} ms");
        for field in ["\"address\":\"127.0.0.1:", "\"ready\":true", "\"keys\":0", "\"members\":[]"]
        {
            assert!(json.contains(field), "{json}");
        }
        socket.send(&forget(2, "nobody:6000"));
        let answer = socket.answers(1).remove(0);
        assert!(matches!(answer, Answer::Refused { kind: INVALID, .. }), "{answer:?}");
    });
}

#[test]
fn queries_are_carried_out_in_their_order() {
    with_server(|address| {
        let mut socket = Socket::open(address);
        // Two messages without waiting, the second one in three frames.
        socket.send(&[get(1, "k"), put(2, "k", "one"), get(3, "k"), put(4, "k", "two")].concat());
        let message = [get(5, "k"), delete(6, "k"), get(7, "k"), put(8, "k", "")].concat();
        let (first, rest) = message.split_at(2);
        let (second, third) = rest.split_at(5);
        socket.send_frame(0x02, first);
        socket.send_frame(0x00, second);
        socket.send_frame(0x80, third);
        let answers: Vec<String> = socket.answers(8).iter().map(Answer::short).collect();
        assert_eq!(
            answers,
            [
                "1 missing",
                "2 stored",
                "3 found one",
                "4 stored",
                "5 found two",
                "6 stored",
                "7 missing",
                "8 stored"
            ]
        );
        socket.send(&get(9, "k"));
        assert_eq!(socket.answers(1)[0].short(), "9 found ");
    });
}

#[test]
fn lists_come_in_pages() {
    with_server(|address| {
        let mut socket = Socket::open(address);
        let value = "v".repeat(1000);
        let keys: Vec<String> = (0..300).map(|n| format!("list/{n:03}/é")).collect();
        for (id, key) in (0..).zip(&keys) {
            socket.send(&put(id, key, &value));
        }
        socket.send(&put(300, "lisu", "outside"));
        socket.answers(301);

        let (mut listed, mut pages) = (Vec::new(), 0);
        loop {
            socket.send(&list(1, "list/", listed.last().map(String::as_str)));
            let [Answer::Page { entries, more, .. }] = &socket.answers(1)[..] else {
                panic!("no page")
            };
            let size: usize =
                entries.iter().map(|(key, _, value)| key.len() + value.len() + 27).sum();
            assert!(size < 65536 + 1100, "a page of {size} bytes");
            assert!(!more || size >= 65536, "a page that is not full says that more follow");
            listed.extend(entries.iter().map(|(key, ..)| key.clone()));
            pages += 1;
            if !more {
                break;
            }
        }
        assert_eq!((listed, pages), (keys, 5));

        // `after` need not exist, nor begin with the prefix.
        for (after, first) in [("list/298/é/x", "list/299/é"), ("a", "list/000/é")] {
            socket.send(&list(1, "list/", Some(after)));
            let [Answer::Page { entries, .. }] = &socket.answers(1)[..] else { panic!("no page") };
            assert_eq!(entries[0].0, first);
        }
        socket.send(&list(1, "list/", Some("z")));
        assert_eq!(socket.answers(1)[0].short(), "1 page of 0");
    });
}

#[test]
fn a_bad_query_is_refused_alone() {
    with_server(|address| {
        let mut socket = Socket::open(address);
        let (key, value) = ("k".repeat(1024), "v".repeat(262_144));
        socket.send(&put(1, &key, &value));
        assert_eq!(socket.answers(1)[0].short(), "1 stored");
        let bad: [(Vec<u8>, u64); 7] = [
            (get(2, ""), INVALID),
            (get(3, &format!("{key}k")), TOO_LARGE),
            (put(4, "k", &format!("{value}v")), TOO_LARGE),
            (list(5, &format!("{key}k"), None), TOO_LARGE),
            (list(6, "", Some("")), INVALID),
            (hex("07 00 02 c3 28"), INVALID),
            (hex("08 01 01 6b 01 ff 00"), INVALID),
        ];
        let mut message = get(0, "k");
        message.extend(bad.iter().flat_map(|(query, _)| query.clone()));
        message.extend(put(9, "k", "good"));
        socket.send(&message);
        let answers = socket.answers(9);
        assert_eq!(answers[0].short(), "0 missing");
        assert_eq!(answers[8].short(), "9 stored");
        for (answer, (query, expected)) in answers[1..8].iter().zip(&bad) {
            let Answer::Refused { id, kind, message } = answer else { panic!("{answer:?}") };
            assert_eq!((*id, *kind), (u64::from(query[0]), *expected), "{message}");
            assert!(message.len() > 10);
        }
    });
}

#[test]
fn what_cannot_be_read_closes_the_connection() {
    with_server(|address| {
        for (first_byte, payload, code) in [
            (0x82, hex("01 09"), 1007),
            (0x82, hex("01 00 05 6b"), 1007),
            (0x81, b"hello".to_vec(), 1003),
            (0x82, vec![0; 1_048_577], 1009),
            (0x83, hex("00"), 1002),
        ] {
            let mut socket = Socket::open(address);
            socket.send(&put(1, "k", "v"));
            socket.send_frame(first_byte, &payload);
            assert_eq!(socket.answers(1)[0].short(), "1 stored");
            let Frame::Close { code: got, reason } = socket.read_frame() else {
                panic!("no close frame")
            };
            assert_eq!(got, code, "{reason}");
            assert!(!reason.is_empty());
        }

        let mut socket = Socket::open(address);
        socket.send(&[get(1, "k"), hex("02 09")].concat());
        assert_eq!(socket.answers(1)[0].short(), "1 found v");
        assert!(matches!(socket.read_frame(), Frame::Close { code: 1007, .. }));
    });
}

#[test]
fn a_message_may_be_exactly_one_mebibyte() {
    with_server(|address| {
        let mut socket = Socket::open(address);
        let (mut message, mut id) = (Vec::new(), 0);
        while message.len() < 1_048_576 {
            let left = 1_048_576 - message.len();
            // An item takes 8 bytes and its value; the last one fills the message.
            let length = if left > 200_000 { 100_000 } else { left - 8 };
            message.extend(put(id, "k", &"v".repeat(length)));
            id += 1;
        }
        assert_eq!(message.len(), 1_048_576);
        socket.send(&message);
        assert_eq!(socket.answers(usize::try_from(id).expect("few")).len() as u64, id);
    });
}

#[test]
fn pings_and_closes_are_answered() {
    with_server(|address| {
        let mut socket = Socket::open(address);
        socket.send_frame(0x89, b"are you there?");
        assert_eq!(socket.read_frame(), Frame::Pong(b"are you there?".to_vec()));
        socket.send(b"");
        socket.send_frame(0x88, &1000u16.to_be_bytes());
        let Frame::Close { code: 1000, .. } = socket.read_frame() else { panic!("no close frame") };
    });
}

#[test]
fn strangers_are_told_what_to_do() {
    with_server(|address| {
        let plain = http(address, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert!(plain.starts_with("HTTP/1.1 426 "), "{plain}");
        let request = socket::handshake("localhost").replace("cmud-kv.1", "cmud-kv.2");
        let other = http(address, &request);
        assert!(other.starts_with("HTTP/1.1 400 ") && other.contains("cmud-kv.1"), "{other}");
        let request = socket::handshake("localhost").replace("cmud-kv.1", "cmud-kv.2, cmud-kv.1");
        let several = http(address, &request);
        assert!(several.starts_with("HTTP/1.1 101 "), "{several}");
        assert!(several.contains("sec-websocket-protocol: cmud-kv.1\r\n"), "{several}");
    });
}

/// No test here waits for longer than this.
const PATIENCE: Duration = Duration::from_secs(10);
