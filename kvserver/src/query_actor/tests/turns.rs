//! Batches of queries that are answered in several turns, or not at all.

use kvcommon::limits::MAX_MESSAGE_BYTES;

use super::super::batch::{TURN_BYTES, TURN_QUERIES};
use super::*;

/// The ids of all answers, in their order.
fn ids(turns: &[Answers]) -> Vec<u64> {
    let items = turns.iter().flat_map(|turn| frame::answers(&turn.message));
    items.map(|item| item.unwrap().id.0).collect()
}

#[tokio::test(start_paused = true)]
async fn a_long_batch_takes_turns_and_every_query_is_answered_once_in_order() {
    let world = World::of(1);
    let count = 2 * TURN_QUERIES + 10;
    let mut messages = vec![Vec::new(), Vec::new(), Vec::new()];
    for id in 0..count {
        let message = &mut messages[id * 3 / count];
        frame::encode_query(message, QueryId(id as u64), &Query::Get { key: "key" });
    }
    let turns = world.ask_bytes(0, messages).await;
    assert_eq!(turns.len(), 3);
    assert_eq!(ids(&turns), (0..count as u64).collect::<Vec<_>>());
}

/// That nothing is decoded twice, and what keeps a long message from costing its square.
#[tokio::test(start_paused = true)]
async fn a_turn_does_not_look_at_what_has_been_answered() {
    let world = World::of(1);
    let mut message = vec![0xff; 1000];
    frame::encode_query(&mut message, QueryId(7), &Query::Get { key: "key" });
    let turn = world.turn(0, Batch { messages: vec![message.clone()], skip: 1000 }).await;
    assert_eq!((turn.fault.as_deref(), ids(std::slice::from_ref(&turn))), (None, vec![7]));

    let turn = world.turn(0, Batch { messages: vec![message], skip: usize::MAX }).await;
    assert!(turn.message.is_empty() && turn.fault.is_none() && turn.rest.is_none(), "{turn:?}");
}

#[tokio::test(start_paused = true)]
async fn answers_never_outgrow_a_message() {
    let world = World::of(1);
    let large = "v".repeat(kvcommon::limits::MAX_VALUE_BYTES);
    world.put(0, "large", &large).await;
    world.put(0, "second", &large).await;
    let queries: Vec<_> = (0..12)
        .map(|id| match id % 3 {
            0 => Query::Get { key: "large" },
            1 => Query::List { prefix: "", after: None },
            _ => Query::Put { key: "second", value: &large, floor: None },
        })
        .collect();
    let turns = world.ask(0, &queries).await;
    assert_eq!(ids(&turns), (0..12).collect::<Vec<_>>());
    for turn in &turns {
        assert!(turn.message.len() <= MAX_MESSAGE_BYTES, "{}", turn.message.len());
        assert!(turn.message.len() <= TURN_BYTES + large.len() + 100);
    }
}

#[tokio::test(start_paused = true)]
async fn a_bad_query_is_refused_alone_and_bytes_that_are_none_end_the_batch() {
    let world = World::of(1);
    let mut message = Vec::new();
    frame::encode_query(&mut message, QueryId(1), &Query::Get { key: "" });
    frame::encode_query(
        &mut message,
        QueryId(2),
        &Query::Put { key: "key", value: "value", floor: None },
    );
    message.extend([3, 99, 99]);
    let mut after = Vec::new();
    frame::encode_query(&mut after, QueryId(4), &Query::Get { key: "key" });
    let turns = world.ask_bytes(0, vec![message, after]).await;
    let [turn] = turns.as_slice() else { panic!("{turns:?}") };
    let answers: Vec<_> = frame::answers(&turn.message).map(|item| item.unwrap().answer).collect();
    let [Answer::Refused(refusal), Answer::Stored { .. }] = answers.as_slice() else {
        panic!("{answers:?}")
    };
    assert_eq!(refusal.kind, RefusalKind::Invalid);
    assert!(turn.fault.as_ref().unwrap().contains("run of queries"), "{:?}", turn.fault);
}
