//! A session driven by hand: no sockets, and a clock that is a number.

mod property;

use std::collections::BTreeMap;

use kvcommon::{Answer, Entry, Refusal, RefusalKind, Stamp};

use super::*;
use crate::{ErrorKind, Versioned};

const LIMIT: Duration = Duration::from_secs(5);
const STAMP: Stamp = Stamp { millis: 1_700_000_000_000, counter: 0, uid: 7 };

/// A session, its clock, and what its askers were told. Askers are numbers.
struct World {
    session: Session<usize>,
    now: Duration,
    asked: usize,
    replies: BTreeMap<usize, Result<Reply, Error>>,
}

impl World {
    fn new() -> Self {
        let session = Session::new("localhost:6001".parse().unwrap(), 1);
        Self { session, now: Duration::ZERO, asked: 0, replies: BTreeMap::new() }
    }

    fn live() -> Self {
        let mut world = Self::new();
        world.session.state = dialing(world.now);
        world.session.opened();
        world
    }

    fn ask(&mut self, limit: Duration, request: Request) -> usize {
        let asker = self.asked;
        self.asked += 1;
        self.session.ask(self.now, limit, request, asker);
        self.collect();
        asker
    }

    fn get(&mut self, key: &str) -> usize {
        self.ask(LIMIT, Request::Get { key: key.to_owned() })
    }

    /// The ids and queries of the next message, as text.
    fn sent(&mut self) -> Vec<(u64, String)> {
        self.sent_by(|_| true)
    }

    fn sent_by(&mut self, interested: impl Fn(&usize) -> bool) -> Vec<(u64, String)> {
        let message = self.session.next_message(self.now, interested).unwrap_or_default();
        assert!(message.len() <= MAX_MESSAGE_BYTES);
        frame::queries(&message)
            .map(|item| item.expect("the session sends items"))
            .map(|item| (item.id.0, format!("{:?}", item.query.expect("within the limits"))))
            .collect()
    }

    fn answer(&mut self, answers: &[(u64, Answer<'_>)]) {
        let mut message = Vec::new();
        for (id, answer) in answers {
            frame::encode_answer(&mut message, QueryId(*id), answer);
        }
        self.receive(&message);
    }

    fn receive(&mut self, message: &[u8]) {
        self.session.received(self.now, message);
        self.collect();
    }

    fn fail(&mut self, cause: &str) {
        self.session.failed(self.now, Failure::Unreachable(cause.to_owned()));
        self.collect();
    }

    /// Lets time pass, ticking only when the session wants to be woken.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(wake) = self.session.next_wake().filter(|wake| *wake <= end) {
            self.now = self.now.max(wake);
            self.session.tick(self.now);
            self.collect();
        }
        self.now = end;
    }

    fn collect(&mut self) {
        for (asker, reply) in self.session.replies() {
            assert!(self.replies.insert(asker, reply).is_none(), "asker {asker} was told twice");
        }
    }

    fn kind(&self, asker: usize) -> Option<ErrorKind> {
        self.replies.get(&asker)?.as_ref().err().map(Error::kind)
    }

    fn error(&self, asker: usize) -> String {
        self.replies[&asker].as_ref().expect_err("it should have failed").to_string()
    }
}

fn found(value: &str) -> Answer<'_> {
    Answer::Found { stamp: STAMP, value }
}

fn value(text: &str) -> Result<Reply, Error> {
    Ok(Reply::Value(Lookup::Found(Versioned { value: text.to_owned(), stamp: STAMP }), Epoch(1)))
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn put(key: &str, value: &str) -> Request {
    Request::Put { key: key.to_owned(), value: value.to_owned(), floor: None }
}

#[test]
fn the_first_query_dials_and_waits_for_the_connection() {
    let mut world = World::new();
    assert_eq!((world.session.phase(), world.session.next_wake()), (Phase::Idle, None));
    world.get("a");
    assert_eq!(world.session.phase(), Phase::Dialing);
    assert!(world.replies.is_empty());
    world.session.opened();
    assert_eq!(world.session.phase(), Phase::Live);
    assert_eq!(world.sent(), [(0, "Get { key: \"a\" }".to_owned())]);
    assert_eq!(world.sent(), []);
}

#[test]
fn answers_find_their_queries_in_any_order() {
    let mut world = World::live();
    let [a, b, c] = ["a", "b", "c"].map(|key| world.get(key));
    assert_eq!(world.sent().len(), 3);
    world.answer(&[(2, found("C")), (0, found("A"))]);
    assert_eq!(world.replies.len(), 2);
    world.answer(&[(1, Answer::Missing { deleted: Some(STAMP) })]);
    assert_eq!(world.replies[&a], value("A"));
    assert_eq!(
        world.replies[&b],
        Ok(Reply::Value(Lookup::Missing { deleted: Some(STAMP) }, Epoch(1)))
    );
    assert_eq!(world.replies[&c], value("C"));
}

#[test]
fn every_kind_of_query_gets_its_kind_of_answer() {
    let mut world = World::live();
    let put = world.ask(LIMIT, put("k", "v"));
    let delete = world.ask(LIMIT, Request::Delete { key: "k".into(), floor: Some(STAMP) });
    let list = world.ask(LIMIT, Request::List { prefix: "k".into(), after: None });
    let status = world.ask(LIMIT, Request::Status);
    let forget = world.ask(LIMIT, Request::Forget { member: "m".into() });
    let delete_above = format!("Delete {{ key: \"k\", floor: {:?} }}", Some(STAMP));
    assert_eq!(
        world.sent().into_iter().map(|(_, query)| query).collect::<Vec<_>>(),
        [
            "Put { key: \"k\", value: \"v\", floor: None }",
            &delete_above,
            "List { prefix: \"k\", after: None }",
            "Status",
            "Forget { member: \"m\" }",
        ]
    );
    let entries = vec![Entry { key: "k", stamp: STAMP, value: "v" }];
    world.answer(&[
        (0, Answer::Stored { stamp: STAMP }),
        (1, Answer::Stored { stamp: STAMP }),
        (2, Answer::Page { entries, more: true }),
        (3, Answer::Status { age_millis: 1500, json: "{}" }),
        (4, Answer::Forgotten),
    ]);
    let age = Duration::from_millis(1500);
    assert_eq!(world.replies[&status], Ok(Reply::Status { age, json: "{}".to_owned() }));
    assert_eq!(world.replies[&forget], Ok(Reply::Forgotten));
    assert_eq!(world.replies[&put], Ok(Reply::Stored(STAMP, Epoch(1))));
    assert_eq!(world.replies[&delete], Ok(Reply::Stored(STAMP, Epoch(1))));
    let entries = vec![("k".to_owned(), Versioned { value: "v".to_owned(), stamp: STAMP })];
    assert_eq!(
        world.replies[&list],
        Ok(Reply::Page(Page { entries, more: true, epoch: Epoch(1) }))
    );
}

#[test]
fn waiting_queries_share_messages_within_the_limit() {
    let mut world = World::live();
    for _ in 0..500 {
        world.get("key");
    }
    assert_eq!(world.sent().len(), 500);

    let large = "v".repeat(kvcommon::limits::MAX_VALUE_BYTES);
    for _ in 0..8 {
        world.ask(LIMIT, put("k", &large));
    }
    let ids = |sent: Vec<(u64, String)>| sent.into_iter().map(|(id, _)| id).collect::<Vec<_>>();
    assert_eq!(ids(world.sent()), [500, 501, 502]);
    assert_eq!(ids(world.sent()), [503, 504, 505]);
    assert_eq!(ids(world.sent()), [506, 507]);
    assert_eq!(ids(world.sent()), []);
}

#[test]
fn a_query_that_expires_before_it_is_sent_never_is() {
    let mut world = World::new();
    let hurried = world.ask(seconds(1), Request::Get { key: "hurried".into() });
    let patient = world.ask(seconds(9), Request::Get { key: "patient".into() });
    world.pass(seconds(1));
    assert_eq!(
        world.replies[&hurried],
        Err(Error::Timeout {
            address: "localhost:6001".parse().unwrap(),
            after: seconds(1),
            sent: false
        })
    );
    world.session.opened();
    assert_eq!(world.sent(), [(1, "Get { key: \"patient\" }".to_owned())]);
    assert_eq!(world.kind(patient), None);
}

#[test]
fn a_query_that_is_no_longer_wanted_is_not_sent() {
    let mut world = World::live();
    let unwanted = world.get("unwanted");
    world.get("wanted");
    let sent = world.sent_by(|asker| *asker != unwanted);
    assert_eq!(sent, [(1, "Get { key: \"wanted\" }".to_owned())]);
    world.answer(&[(1, found("yes"))]);
    assert!(world.session.pending.is_empty() && world.session.waiting.is_empty());
}

#[test]
fn a_late_answer_answers_nobody() {
    let mut world = World::live();
    let hurried = world.ask(seconds(1), Request::Get { key: "a".into() });
    let patient = world.ask(seconds(9), Request::Get { key: "b".into() });
    world.sent();
    world.pass(seconds(1));
    assert_eq!(world.kind(hurried), Some(ErrorKind::Timeout));
    assert!(world.replies[&hurried].as_ref().is_err_and(Error::outcome_unknown));
    assert_eq!(world.session.phase(), Phase::Live);
    world.answer(&[(0, found("late")), (1, found("in time"))]);
    assert_eq!(world.replies[&patient], value("in time"));
    assert!(world.session.pending.is_empty());
}

#[test]
fn dialing_has_a_limit() {
    let mut world = World::new();
    let asker = world.get("a");
    world.pass(DIAL_LIMIT);
    assert_eq!(world.session.phase(), Phase::Resting);
    assert_eq!(world.error(asker), "localhost:6001 cannot be reached: no connection within 3 s.");
}

#[test]
fn a_failure_is_told_to_all_and_to_those_who_come_before_the_next_attempt() {
    let mut world = World::live();
    let sent = world.get("sent");
    world.sent();
    let unsent = world.get("unsent");
    world.fail("the cable is cut");
    let early = world.get("early");
    for (asker, unknown) in [(sent, true), (unsent, false), (early, false)] {
        let error = world.replies[&asker].as_ref().unwrap_err();
        assert_eq!((error.kind(), error.outcome_unknown()), (ErrorKind::Unreachable, unknown));
        assert!(error.to_string().contains("the cable is cut"), "{error}");
    }
    let Link::Retrying { cause, next_in, .. } = world.session.link(world.now) else {
        panic!("it should be retrying");
    };
    assert_eq!(cause, "the cable is cut");
    assert!(next_in <= Duration::from_millis(100));

    world.pass(Duration::from_millis(100));
    assert_eq!(world.session.phase(), Phase::Dialing);
    world.get("again");
    world.session.opened();
    let ids: Vec<u64> = world.sent().into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, [2], "ids are not used twice, and what failed is not sent");
}

#[test]
fn attempts_go_on_while_it_is_asked_and_end_when_it_is_not() {
    let mut world = World::live();
    world.get("a");
    let mut attempts = 0;
    world.fail("gone");
    while world.session.phase() != Phase::Idle {
        let wake = world.session.next_wake().expect("a session that rests wakes up");
        world.pass(wake - world.now);
        if world.session.phase() == Phase::Dialing {
            attempts += 1;
            world.fail("still gone");
        }
        assert!(world.now < RETRY_WHILE_ASKED + seconds(3), "it tries for ever");
    }
    assert!((15..40).contains(&attempts), "{attempts} attempts in 30 s");
    world.get("b");
    assert_eq!(world.session.phase(), Phase::Dialing);
}

#[test]
fn a_silent_connection_is_given_up() {
    let mut world = World::live();
    let first = world.get("a");
    world.sent();
    world.pass(seconds(4));
    let second = world.get("b");
    world.sent();
    world.pass(seconds(1));
    assert_eq!(world.kind(first), Some(ErrorKind::Timeout));
    assert_eq!(world.kind(second), Some(ErrorKind::Unreachable));
    assert!(world.error(second).contains("silent for 5 s"), "{}", world.error(second));
    assert_eq!(world.session.phase(), Phase::Resting);
}

#[test]
fn a_slow_answer_does_not_end_a_connection_that_speaks() {
    let mut world = World::live();
    let slow = world.get("slow");
    world.get("quick");
    world.sent();
    world.pass(seconds(4));
    world.answer(&[(1, found("quick"))]);
    world.pass(seconds(1));
    assert_eq!(world.kind(slow), Some(ErrorKind::Timeout));
    assert_eq!(world.session.phase(), Phase::Live);
}

#[test]
fn short_deadlines_do_not_end_a_connection_before_it_is_silent_for_long() {
    let mut world = World::live();
    for _ in 0..29 {
        world.ask(Duration::from_millis(100), Request::Get { key: "a".into() });
        world.sent();
        world.pass(Duration::from_millis(100));
        assert_eq!(world.session.phase(), Phase::Live);
    }
    world.ask(Duration::from_millis(100), Request::Get { key: "a".into() });
    world.sent();
    world.pass(Duration::from_millis(100));
    assert_eq!(world.session.phase(), Phase::Resting);
}

#[test]
fn garbage_ends_the_connection_but_not_the_answers_before_it() {
    let mut world = World::live();
    let (good, bad) = (world.get("a"), world.get("b"));
    world.sent();
    let mut message = Vec::new();
    frame::encode_answer(&mut message, QueryId(0), &found("A"));
    message.extend([1, 0xff]);
    world.receive(&message);
    assert_eq!(world.replies[&good], value("A"));
    assert_eq!(world.kind(bad), Some(ErrorKind::Protocol));
    assert_eq!(world.session.phase(), Phase::Resting);
}

#[test]
fn an_answer_to_nothing_is_garbage() {
    for (id, why) in [(1, "not sent yet"), (2, "never asked"), (u64::MAX, "the server's ids")] {
        let mut world = World::live();
        world.get("sent");
        world.sent();
        let waiting = world.get("waiting");
        world.answer(&[(id, found("?"))]);
        assert_eq!(world.kind(waiting), Some(ErrorKind::Protocol), "{why}");
        assert!(world.error(waiting).contains(&format!("query {id}")), "{}", world.error(waiting));
    }
}

#[test]
fn an_answer_of_another_kind_is_an_error_of_that_query() {
    let mut world = World::live();
    let (get, put) = (world.get("a"), world.ask(LIMIT, put("a", "")));
    world.sent();
    world.answer(&[(0, Answer::Stored { stamp: STAMP }), (1, found("a"))]);
    assert_eq!(world.kind(get), Some(ErrorKind::Protocol));
    assert_eq!(world.kind(put), Some(ErrorKind::Protocol));
    assert_eq!(world.session.phase(), Phase::Live);
}

#[test]
fn a_refusal_is_an_error_of_its_kind() {
    for (refused, kind) in [
        (RefusalKind::Invalid, ErrorKind::Invalid),
        (RefusalKind::TooLarge, ErrorKind::TooLarge),
        (RefusalKind::NotReady, ErrorKind::NotReady),
    ] {
        let mut world = World::live();
        let asker = world.get("a");
        world.sent();
        world.answer(&[(0, Answer::Refused(Refusal::new(refused, "because of the weather")))]);
        assert_eq!(world.kind(asker), Some(kind));
        assert!(world.error(asker).contains("the weather"));
        assert!(!world.replies[&asker].as_ref().unwrap_err().outcome_unknown());
    }
}

#[test]
fn the_pages_of_a_list_come_over_one_connection() {
    let next_page = |epoch| {
        let after = Some(After { key: "k".into(), epoch: Epoch(epoch) });
        Request::List { prefix: String::new(), after }
    };
    let mut world = World::live();
    let same = world.ask(LIMIT, next_page(1));
    assert_eq!(world.sent().len(), 1);
    assert_eq!(world.kind(same), None);

    world.fail("gone");
    world.pass(Duration::from_millis(100));
    let dialing = world.ask(LIMIT, next_page(1));
    world.session.opened();
    let another = world.ask(LIMIT, next_page(1));
    for asker in [dialing, another] {
        assert!(world.error(asker).contains("between two pages"), "{}", world.error(asker));
    }
    assert_eq!(world.sent(), []);
}
