use std::time::Duration;

use actor::Address;
use kvcommon::QueryId;

use super::*;
use crate::query_actor::status::Snapshot;

const NOW: Now = Now { elapsed: Duration::from_secs(100), wall_millis: 1_000_000 };

fn stamp(millis: u64, counter: u32) -> Stamp {
    Stamp { millis, counter, uid: 9 }
}

fn ask<T>(actor: &mut QueryActor, query: &Query<'_>, read: impl Fn(Answer<'_>) -> T) -> T {
    let mut message = Vec::new();
    frame::encode_query(&mut message, QueryId(1), query);
    let answers = actor.answer(Batch { messages: vec![message], skip: 0 }, NOW);
    let item = frame::answers(&answers.message).next().unwrap().unwrap();
    read(item.answer)
}

/// The millis and counter of the write's stamp, or the words of the refusal.
fn write(actor: &mut QueryActor, query: &Query<'_>) -> Result<(u64, u32), String> {
    ask(actor, query, |answer| match answer {
        Answer::Stored { stamp } => Ok((stamp.millis, stamp.counter)),
        Answer::Refused(refusal) if refusal.kind == RefusalKind::Invalid => {
            Err(refusal.message.into_owned())
        }
        other => panic!("{other:?}"),
    })
}

fn put(actor: &mut QueryActor, floor: Option<Stamp>) -> Result<(u64, u32), String> {
    write(actor, &Query::Put { key: "k", value: "v", floor })
}

#[test]
fn a_write_is_above_the_clock_what_is_held_and_its_floor() {
    let mut actor = QueryActor::new();
    assert_eq!(put(&mut actor, Some(stamp(999_000, 5))), Ok((1_000_000, 0)));
    assert_eq!(put(&mut actor, Some(stamp(999_000, 5))), Ok((1_000_000, 1)));
    assert_eq!(put(&mut actor, Some(stamp(1_000_000, 7))), Ok((1_000_000, 8)));
    assert_eq!(put(&mut actor, None), Ok((1_000_000, 9)));
    let delete = Query::Delete { key: "k", floor: Some(stamp(1_000_200, 0)) };
    assert_eq!(write(&mut actor, &delete), Ok((1_000_200, 1)));
    assert_eq!(put(&mut actor, Some(stamp(1_000_100, 0))), Ok((1_000_200, 2)));
}

#[test]
fn a_floor_far_ahead_of_the_clock_is_refused_unless_it_is_held() {
    let mut actor = QueryActor::new();
    assert_eq!(put(&mut actor, Some(stamp(1_000_500, 0))), Ok((1_000_500, 1)));
    let refused = put(&mut actor, Some(stamp(1_000_501, 0))).unwrap_err();
    assert!(refused.contains("501 ms ahead"), "{refused}");
    let delete = Query::Delete { key: "k", floor: Some(stamp(Stamp::MILLIS_LIMIT - 1, 0)) };
    assert!(write(&mut actor, &delete).is_err());
    ask(&mut actor, &Query::Get { key: "k" }, |answer| {
        assert!(matches!(answer, Answer::Found { stamp, .. } if stamp.counter == 1), "{answer:?}");
    });

    // From a server with a clock an hour ahead; whoever has seen it may write on.
    let ahead = crate::entry::Entry::new(stamp(4_600_000, 3), "k", Some("from the future"));
    actor.replica.merge(ahead);
    assert_eq!(put(&mut actor, Some(stamp(4_600_000, 3))), Ok((4_600_000, 4)));
    assert!(put(&mut actor, Some(stamp(4_600_000, 5))).is_err());
}

#[test]
fn the_status_is_the_latest_and_tells_its_age() {
    let mut actor = QueryActor::new();
    let is_refused = |answer: Answer<'_>| matches!(answer, Answer::Refused(refusal) if refusal.kind == RefusalKind::NotReady);
    assert!(ask(&mut actor, &Query::Status, is_refused));
    assert!(ask(&mut actor, &Query::Forget { member: "a:1" }, is_refused));

    let at = NOW.elapsed - Duration::from_millis(1700);
    let members = vec![(Address::new("a:1"), true)];
    actor.status = Some(Snapshot { at, json: "{}".to_owned().into(), members });
    ask(&mut actor, &Query::Status, |answer| {
        assert_eq!(answer, Answer::Status { age_millis: 1700, json: "{}" });
    });
    let live = write(&mut actor, &Query::Forget { member: "a:1" }).unwrap_err();
    assert!(live.contains("a:1 still answers"), "{live}");
    let unknown = write(&mut actor, &Query::Forget { member: "b:1" }).unwrap_err();
    assert!(unknown.contains("no member b:1"), "{unknown}");
}
