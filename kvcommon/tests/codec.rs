//! The codec on everything that can arrive: well-formed runs, broken ones, and random bytes.

use kvcommon::limits::{MAX_KEY_BYTES, MAX_MEMBER_BYTES, MAX_MESSAGE_BYTES, MAX_VALUE_BYTES};
use kvcommon::{Answer, Entry, Query, QueryId, Refusal, RefusalKind, Stamp, frame};
use proptest::prelude::*;

/// A query that owns its text.
#[derive(Clone, Debug)]
enum OwnedQuery {
    Get(String),
    Put(String, String, Option<Stamp>),
    Delete(String, Option<Stamp>),
    List(String, Option<String>),
    Status,
    Forget(String),
}

impl OwnedQuery {
    fn query(&self) -> Query<'_> {
        match self {
            Self::Get(key) => Query::Get { key },
            Self::Put(key, value, floor) => Query::Put { key, value, floor: *floor },
            Self::Delete(key, floor) => Query::Delete { key, floor: *floor },
            Self::List(prefix, after) => Query::List { prefix, after: after.as_deref() },
            Self::Status => Query::Status,
            Self::Forget(member) => Query::Forget { member },
        }
    }
}

fn key() -> impl Strategy<Value = String> {
    "\\PC{1,40}"
}

fn owned_query() -> impl Strategy<Value = OwnedQuery> {
    prop_oneof![
        key().prop_map(OwnedQuery::Get),
        (key(), ".{0,200}", prop::option::of(stamp()))
            .prop_map(|(key, value, floor)| OwnedQuery::Put(key, value, floor)),
        (key(), prop::option::of(stamp())).prop_map(|(key, floor)| OwnedQuery::Delete(key, floor)),
        ("\\PC{0,40}", prop::option::of(key()))
            .prop_map(|(prefix, after)| OwnedQuery::List(prefix, after)),
        Just(OwnedQuery::Status),
        key().prop_map(OwnedQuery::Forget),
    ]
}

fn stamp() -> impl Strategy<Value = Stamp> {
    (0..Stamp::MILLIS_LIMIT, any::<u32>(), any::<u64>()).prop_map(|(millis, counter, uid)| Stamp {
        millis,
        counter,
        uid,
    })
}

fn answer() -> impl Strategy<Value = Answer<'static>> {
    let text = || ".{0,60}".prop_map(|text| &*text.leak());
    let entry =
        (text(), stamp(), text()).prop_map(|(key, stamp, value)| Entry { key, stamp, value });
    let kind = prop_oneof![
        Just(RefusalKind::Invalid),
        Just(RefusalKind::TooLarge),
        Just(RefusalKind::NotReady)
    ];
    prop_oneof![
        (stamp(), text()).prop_map(|(stamp, value)| Answer::Found { stamp, value }),
        prop::option::of(stamp()).prop_map(|deleted| Answer::Missing { deleted }),
        stamp().prop_map(|stamp| Answer::Stored { stamp }),
        (prop::collection::vec(entry, 0..5), any::<bool>())
            .prop_map(|(entries, more)| Answer::Page { entries, more }),
        (kind, ".{0,60}").prop_map(|(kind, message)| Answer::Refused(Refusal::new(kind, message))),
        (any::<u64>(), text()).prop_map(|(age_millis, json)| Answer::Status { age_millis, json }),
        Just(Answer::Forgotten),
    ]
}

proptest! {
    #[test]
    fn any_run_of_queries_comes_back(run in prop::collection::vec((any::<u64>(), owned_query()), 0..20)) {
        let mut message = Vec::new();
        for (id, query) in &run {
            frame::encode_query(&mut message, QueryId(*id), &query.query());
        }
        let back: Vec<_> = frame::queries(&message)
            .map(|item| item.expect("an item"))
            .map(|item| (item.id.0, item.query))
            .collect();
        let sent: Vec<_> = run.iter().map(|(id, query)| (*id, Ok(query.query()))).collect();
        prop_assert_eq!(back, sent);
    }

    #[test]
    fn any_run_of_answers_comes_back(run in prop::collection::vec((any::<u64>(), answer()), 0..20)) {
        let mut message = Vec::new();
        for (id, answer) in &run {
            frame::encode_answer(&mut message, QueryId(*id), answer);
        }
        let back: Vec<_> = frame::answers(&message)
            .map(|item| item.expect("an item"))
            .map(|item| (item.id.0, item.answer))
            .collect();
        prop_assert_eq!(back, run);
    }

    #[test]
    fn every_answer_is_encoded_as_postcard_has_it(
        (id, id_bits) in (any::<u64>(), 0..64u32),
        (uid, uid_bits) in (any::<u64>(), 0..64u32),
        mut answer in answer(),
    ) {
        let id = QueryId(id >> id_bits);
        if let Answer::Found { stamp, .. } | Answer::Stored { stamp } = &mut answer {
            stamp.uid = uid >> uid_bits;
        }
        let mut message = Vec::new();
        frame::encode_answer(&mut message, id, &answer);
        prop_assert_eq!(message, postcard::to_stdvec(&(id, answer)).unwrap());
    }

    #[test]
    fn any_bytes_are_items_or_an_error_that_ends_the_run(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        check_end(&frame::queries(&bytes).map(|item| item.is_ok()).collect::<Vec<_>>(), bytes.len())?;
        check_end(&frame::answers(&bytes).map(|item| item.is_ok()).collect::<Vec<_>>(), bytes.len())?;
    }

    /// Random bytes are mostly nonsense from the first one; a run with one wrong byte gets further.
    #[test]
    fn one_wrong_byte_does_no_harm(
        run in prop::collection::vec((0u64..1000, owned_query(), answer()), 1..8),
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let (mut queries, mut answers) = (Vec::new(), Vec::new());
        for (id, query, answer) in &run {
            frame::encode_query(&mut queries, QueryId(*id), &query.query());
            frame::encode_answer(&mut answers, QueryId(*id), answer);
        }
        *place.get_mut(&mut queries) = byte;
        *place.get_mut(&mut answers) = byte;
        check_end(&frame::queries(&queries).map(|item| item.is_ok()).collect::<Vec<_>>(), queries.len())?;
        check_end(&frame::answers(&answers).map(|item| item.is_ok()).collect::<Vec<_>>(), answers.len())?;
    }

    #[test]
    fn a_cut_message_is_an_error_after_its_whole_items(
        run in prop::collection::vec(owned_query(), 1..8),
        place in any::<prop::sample::Index>(),
    ) {
        let (mut message, mut ends) = (Vec::new(), vec![0]);
        for query in &run {
            frame::encode_query(&mut message, QueryId(1), &query.query());
            ends.push(message.len());
        }
        let cut = place.index(message.len());
        let items: Vec<bool> = frame::queries(&message[..cut]).map(|item| item.is_ok()).collect();
        let whole = ends.iter().filter(|end| **end <= cut).count() - 1;
        prop_assert_eq!(items.iter().filter(|ok| **ok).count(), whole);
        prop_assert_eq!(items.len() > whole, !ends.contains(&cut));
    }

    #[test]
    fn the_rest_of_a_run_is_a_run(run in prop::collection::vec(owned_query(), 0..8)) {
        let (mut message, mut begins) = (Vec::new(), Vec::new());
        for (id, query) in (0..).zip(&run) {
            begins.push(message.len());
            frame::encode_query(&mut message, QueryId(id), &query.query());
        }
        let mut queries = frame::queries(&message);
        for (count, begin) in begins.into_iter().enumerate() {
            prop_assert_eq!(queries.rest(), &message[begin..]);
            let rest: Vec<_> = frame::queries(queries.rest()).collect();
            prop_assert_eq!(&rest, &queries.clone().collect::<Vec<_>>());
            prop_assert_eq!(rest.len(), run.len() - count);
            queries.next();
        }
        prop_assert_eq!(queries.rest(), b"");
    }

    #[test]
    fn stamps_are_read_as_they_are_written(stamp in stamp()) {
        prop_assert_eq!(stamp.to_string().parse(), Ok(stamp));
        let json = serde_json::to_string(&stamp).unwrap();
        prop_assert_eq!(serde_json::from_str::<Stamp>(&json).unwrap(), stamp);
    }

    #[test]
    fn any_text_is_a_stamp_or_an_error(text in "[0-9a-f.+ ]{0,30}") {
        if let Ok(stamp) = text.parse::<Stamp>() {
            prop_assert_eq!(stamp.to_string(), text);
        }
    }
}

/// Items end at the first error, and each took at least one byte.
fn check_end(items: &[bool], bytes: usize) -> Result<(), TestCaseError> {
    prop_assert!(items.len() <= bytes);
    let errors = items.iter().filter(|ok| !**ok).count();
    prop_assert!(errors == 0 || (errors == 1 && items.last() == Some(&false)));
    Ok(())
}

/// A query as raw bytes: its variant, then each field with its length. A write has no floor.
fn raw_query(id: u8, variant: u8, fields: &[&[u8]]) -> Vec<u8> {
    let mut message = vec![id, variant];
    for field in fields {
        message.extend(postcard::to_stdvec(&(field.len() as u64)).expect("a number"));
        message.extend(*field);
    }
    if let 1 | 2 = variant {
        message.push(0);
    }
    message
}

fn refusal(message: &[u8]) -> Option<(RefusalKind, String)> {
    let items: Vec<_> = frame::queries(message).map(|item| item.expect("an item")).collect();
    assert_eq!(items.len(), 1);
    let refusal = items.into_iter().next()?.query.err()?;
    Some((refusal.kind, refusal.message.into_owned()))
}

#[test]
fn limits_hold_exactly() {
    let key = vec![b'k'; MAX_KEY_BYTES];
    let long_key = vec![b'k'; MAX_KEY_BYTES + 1];
    let value = vec![b'v'; MAX_VALUE_BYTES];
    let long_value = vec![b'v'; MAX_VALUE_BYTES + 1];
    let list = |prefix: &[u8], after: Option<&[u8]>| {
        let mut message = raw_query(1, 3, &[prefix]);
        match after {
            None => message.push(0),
            Some(after) => {
                message.push(1);
                message.extend(&raw_query(0, 0, &[after])[2..]);
            }
        }
        message
    };
    for message in [
        raw_query(1, 0, &[&key]),
        raw_query(1, 1, &[&key, &value]),
        raw_query(1, 1, &[&key, b""]),
        raw_query(1, 2, &[&key]),
        list(b"", None),
        list(&key, Some(&key)),
        raw_query(1, 5, &[&vec![b'm'; MAX_MEMBER_BYTES]]),
    ] {
        assert_eq!(refusal(&message), None);
        assert!(message.len() <= MAX_MESSAGE_BYTES);
    }
    let too_large = |what: &str, bytes: usize, limit: usize| {
        let message = format!("the {what} has {bytes} bytes; the limit is {limit}");
        Some((RefusalKind::TooLarge, message))
    };
    let long = MAX_KEY_BYTES + 1;
    for message in [
        raw_query(1, 0, &[&long_key]),
        raw_query(1, 1, &[&long_key, b""]),
        raw_query(1, 2, &[&long_key]),
        list(b"", Some(&long_key)),
    ] {
        assert_eq!(refusal(&message), too_large("key", long, MAX_KEY_BYTES));
    }
    assert_eq!(refusal(&list(&long_key, None)), too_large("prefix", long, MAX_KEY_BYTES));
    assert_eq!(
        refusal(&raw_query(1, 5, &[&vec![b'm'; MAX_MEMBER_BYTES + 1]])),
        too_large("member's address", MAX_MEMBER_BYTES + 1, MAX_MEMBER_BYTES)
    );
    assert_eq!(
        refusal(&raw_query(1, 1, &[&key, &long_value])),
        too_large("value", MAX_VALUE_BYTES + 1, MAX_VALUE_BYTES)
    );
    for message in [
        raw_query(1, 0, &[b""]),
        raw_query(1, 1, &[b"", b"v"]),
        raw_query(1, 2, &[b""]),
        list(b"", Some(b"")),
        raw_query(1, 5, &[b""]),
    ] {
        let (kind, message) = refusal(&message).expect("an empty key is refused");
        assert_eq!(kind, RefusalKind::Invalid);
        assert!(message.contains("empty"), "{message}");
    }
}

#[test]
fn bad_utf_8_refuses_just_its_query() {
    const BAD: &[u8] = b"caf\xe9";
    let list_after = [&raw_query(5, 3, &[b""])[..], &[1, 4], BAD].concat();
    let message = [
        raw_query(0, 0, &[b"before"]),
        raw_query(1, 0, &[BAD]),
        raw_query(2, 1, &[BAD, b"v"]),
        raw_query(3, 1, &[b"k", BAD]),
        raw_query(4, 2, &[BAD]),
        list_after,
        [&raw_query(6, 3, &[BAD])[..], &[0]].concat(),
        raw_query(7, 5, &[BAD]),
        raw_query(8, 0, &["after, café".as_bytes()]),
    ]
    .concat();
    let items: Vec<_> = frame::queries(&message).map(|item| item.expect("an item")).collect();
    assert_eq!(items.len(), 9);
    assert_eq!(items[0].query, Ok(Query::Get { key: "before" }));
    assert_eq!(items[8].query, Ok(Query::Get { key: "after, café" }));
    let parts = ["key", "key", "value", "key", "key", "prefix", "member's address"];
    for (item, what) in items[1..8].iter().zip(parts) {
        let expected = format!("the {what} is not valid UTF-8");
        assert_eq!(item.query, Err(Refusal::new(RefusalKind::Invalid, expected)));
    }
}

#[test]
fn what_is_no_item_is_an_error() {
    for (bytes, why) in [
        (&b"\x01"[..], "an id without a query"),
        (b"\x01\x06\x01k", "a variant that does not exist"),
        (b"\x01\x00\x05key", "a key that is shorter than its length"),
        (b"\x01\x03\x00\x02", "an option that is neither there nor not"),
        (b"\x01\x02\x01k", "a write that ends before its floor"),
        (b"\x01\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01k", "a length beyond all memory"),
        (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02\x00\x01k", "an id of 65 bits"),
        (b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00\x00\x01k", "an id of 11 bytes"),
    ] {
        let items: Vec<_> = frame::queries(bytes).collect();
        assert!(matches!(items[..], [Err(_)]), "{why}: {items:?}");
        let message = items[0].as_ref().unwrap_err().to_string();
        assert!(message.starts_with("the message is not a run of queries"), "{message}");
    }
    let mut queries = frame::queries(b"\x01\x06\x01k");
    assert!(queries.next().is_some_and(|item| item.is_err()));
    assert_eq!((queries.rest(), queries.next()), (&b""[..], None));
    assert_eq!(frame::queries(b"").count(), 0);
    assert_eq!(frame::answers(b"").count(), 0);
}

#[test]
fn a_page_that_claims_a_billion_entries_takes_no_memory() {
    let mut message = vec![1, 3];
    message.extend(postcard::to_stdvec(&1_000_000_000u64).unwrap());
    assert!(frame::answers(&message).all(|item| item.is_err()));
}

#[test]
fn stamps_order_by_clock_then_counter_then_writer() {
    let stamp = |millis, counter, uid| Stamp { millis, counter, uid };
    let ordered = [stamp(1, 9, 9), stamp(2, 0, 9), stamp(2, 1, 0), stamp(2, 1, 1)];
    assert!(ordered.is_sorted_by(|a, b| a < b));
}

#[test]
fn a_stamp_has_one_text() {
    let stamp = Stamp { millis: 1_700_000_000_000, counter: 3, uid: 0xc0ffee };
    assert_eq!(stamp.to_string(), "1700000000000.3.0000000000c0ffee");
    for text in [
        "",
        "1.2",
        "1.2.3",
        "1.2.000000000000000g",
        "+1.2.0000000000000003",
        "01.2.0000000000000003",
        "1.2.00000000000000FF",
        "1.2.0000000000000003.4",
        "1.4294967296.0000000000000003",
        "140737488355328.0.0000000000000000",
    ] {
        assert!(text.parse::<Stamp>().is_err(), "{text:?}");
    }
    assert!("140737488355327.0.0000000000000000".parse::<Stamp>().is_ok());
    assert!(
        serde_json::from_str::<Stamp>(r#"{"millis":140737488355328,"counter":0,"uid":0}"#).is_err()
    );
}
