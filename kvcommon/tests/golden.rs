//! Pins the bytes of every query and answer, and that `docs/protocol.md` shows the same bytes.
//!
//! A change here is a change of the protocol: it needs a new version in [`kvcommon::PROTOCOL`].

use kvcommon::{Answer, Entry, Query, QueryId, Refusal, RefusalKind, Stamp, frame};

const DOCUMENT: &str = include_str!("../../docs/protocol.md");

const STAMP: Stamp = Stamp { millis: 1_700_000_000_000, counter: 3, uid: 0x00c0_ffee };
const STAMP_HEX: &str = "80 d0 95 ff bc 31 03 ee ff 83 06";

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

fn bytes(hex: &str) -> Vec<u8> {
    hex.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).expect("hex")).collect()
}

#[track_caller]
fn documented(hex: &str) {
    let words: String = DOCUMENT.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains(hex), "docs/protocol.md does not show {hex}");
}

#[track_caller]
fn query(id: u64, query: &Query<'_>, expected: &str) {
    let mut message = Vec::new();
    frame::encode_query(&mut message, QueryId(id), query);
    assert_eq!(hex(&message), expected);
    let message = bytes(expected);
    let items: Vec<_> = frame::queries(&message).map(|item| item.expect("an item")).collect();
    assert_eq!(items.len(), 1);
    assert_eq!((items[0].id, &items[0].query), (QueryId(id), &Ok(*query)));
    documented(expected);
}

#[track_caller]
fn answer(id: u64, answer: &Answer<'_>, expected: &str) {
    let mut message = Vec::new();
    frame::encode_answer(&mut message, QueryId(id), answer);
    assert_eq!(hex(&message), expected);
    let message = bytes(expected);
    let items: Vec<_> = frame::answers(&message).map(|item| item.expect("an item")).collect();
    assert_eq!(items.len(), 1);
    assert_eq!((items[0].id, &items[0].answer), (QueryId(id), answer));
    documented(expected);
}

#[test]
fn get() {
    query(7, &Query::Get { key: "place/ada" }, "07 00 09 70 6c 61 63 65 2f 61 64 61");
}

#[test]
fn put() {
    query(
        8,
        &Query::Put { key: "place/ada", value: "library", floor: None },
        "08 01 09 70 6c 61 63 65 2f 61 64 61 07 6c 69 62 72 61 72 79 00",
    );
    query(
        8,
        &Query::Put { key: "place/ada", value: "library", floor: Some(STAMP) },
        "08 01 09 70 6c 61 63 65 2f 61 64 61 07 6c 69 62 72 61 72 79 \
         01 80 d0 95 ff bc 31 03 ee ff 83 06",
    );
}

#[test]
fn delete() {
    query(
        300,
        &Query::Delete { key: "place/ada", floor: None },
        "ac 02 02 09 70 6c 61 63 65 2f 61 64 61 00",
    );
    query(
        300,
        &Query::Delete { key: "place/ada", floor: Some(STAMP) },
        "ac 02 02 09 70 6c 61 63 65 2f 61 64 61 01 80 d0 95 ff bc 31 03 ee ff 83 06",
    );
}

#[test]
fn list() {
    query(9, &Query::List { prefix: "place/", after: None }, "09 03 06 70 6c 61 63 65 2f 00");
    query(
        10,
        &Query::List { prefix: "place/", after: Some("place/ada") },
        "0a 03 06 70 6c 61 63 65 2f 01 09 70 6c 61 63 65 2f 61 64 61",
    );
}

#[test]
fn status_and_forget() {
    query(11, &Query::Status, "0b 04");
    query(12, &Query::Forget { member: "b:6000" }, "0c 05 06 62 3a 36 30 30 30");
    answer(11, &Answer::Status { age_millis: 300, json: "{}" }, "0b 05 ac 02 02 7b 7d");
    answer(12, &Answer::Forgotten, "0c 06");
}

#[test]
fn found() {
    answer(
        7,
        &Answer::Found { stamp: STAMP, value: "library" },
        "07 00 80 d0 95 ff bc 31 03 ee ff 83 06 07 6c 69 62 72 61 72 79",
    );
}

#[test]
fn missing() {
    answer(7, &Answer::Missing { deleted: None }, "07 01 00");
    answer(
        7,
        &Answer::Missing { deleted: Some(STAMP) },
        "07 01 01 80 d0 95 ff bc 31 03 ee ff 83 06",
    );
}

#[test]
fn stored() {
    answer(8, &Answer::Stored { stamp: STAMP }, "08 02 80 d0 95 ff bc 31 03 ee ff 83 06");
}

#[test]
fn page() {
    let entries = vec![Entry { key: "place/ada", stamp: STAMP, value: "library" }];
    answer(
        9,
        &Answer::Page { entries, more: true },
        "09 03 01 09 70 6c 61 63 65 2f 61 64 61 80 d0 95 ff bc 31 03 ee ff 83 06 \
         07 6c 69 62 72 61 72 79 01",
    );
    answer(9, &Answer::Page { entries: vec![], more: false }, "09 03 00 00");
}

#[test]
fn refused() {
    let refused = |kind, message: &'static str| Answer::Refused(Refusal::new(kind, message));
    answer(
        300,
        &refused(RefusalKind::Invalid, "the key is empty"),
        "ac 02 04 00 10 74 68 65 20 6b 65 79 20 69 73 20 65 6d 70 74 79",
    );
    answer(
        300,
        &refused(RefusalKind::TooLarge, "too long"),
        "ac 02 04 01 08 74 6f 6f 20 6c 6f 6e 67",
    );
    answer(
        300,
        &refused(RefusalKind::NotReady, "fetching"),
        "ac 02 04 02 08 66 65 74 63 68 69 6e 67",
    );
}

#[test]
fn the_largest_numbers() {
    let message = "ff ff ff ff ff ff ff ff ff 01 00 01 6b";
    query(u64::MAX, &Query::Get { key: "k" }, message);
}

#[test]
fn stamps() {
    let largest = Stamp { millis: Stamp::MILLIS_LIMIT - 1, counter: u32::MAX, uid: u64::MAX };
    for (stamp, expected) in [
        (STAMP, STAMP_HEX),
        (Stamp { millis: 0, counter: 0, uid: 0 }, "00 00 00"),
        (largest, "ff ff ff ff ff ff 1f ff ff ff ff 0f ff ff ff ff ff ff ff ff ff 01"),
    ] {
        assert_eq!(hex(&postcard::to_stdvec(&stamp).unwrap()), expected);
        assert_eq!(postcard::from_bytes(&bytes(expected)), Ok(stamp));
    }
    documented(STAMP_HEX);
}

#[test]
fn a_floor_beyond_the_limit_is_refused_alone() {
    let message = bytes("01 01 01 6b 00 01 80 80 80 80 80 80 20 00 00 02 02 01 6b 00");
    let items: Vec<_> = frame::queries(&message).map(|item| item.expect("an item")).collect();
    let refusal = items[0].query.as_ref().expect_err("no such stamp");
    assert_eq!(refusal.kind, RefusalKind::Invalid);
    assert_eq!(items[1].query, Ok(Query::Delete { key: "k", floor: None }));
}

#[test]
fn a_stamp_beyond_the_limit_is_not_decoded() {
    let beyond = bytes("80 80 80 80 80 80 20 00 00");
    assert!(postcard::from_bytes::<Stamp>(&beyond).is_err());
    assert!(frame::answers(&[&[7, 2][..], &beyond].concat()).any(|item| item.is_err()));
}

#[test]
fn the_document_names_the_limits_and_the_version() {
    use kvcommon::limits::{MAX_KEY_BYTES, MAX_MESSAGE_BYTES, MAX_VALUE_BYTES, PAGE_BYTES};
    for number in [MAX_KEY_BYTES, MAX_VALUE_BYTES, MAX_MESSAGE_BYTES, PAGE_BYTES] {
        documented(&number.to_string());
    }
    documented(&Stamp::MILLIS_LIMIT.ilog2().to_string());
    documented(kvcommon::PROTOCOL);
}
