//! A session through everything that can happen to it, in any order.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// What can happen to a session.
#[derive(Clone, Debug)]
enum Happening {
    Ask { limit: u64, size: usize },
    LoseInterest,
    Connect,
    Send,
    Answer { nth: usize },
    Bytes(Vec<u8>),
    Fail,
    Pass { millis: u64 },
}

fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    let one = prop_oneof![
        4 => (1u64..6000, prop_oneof![Just(1usize), Just(200_000)])
            .prop_map(|(limit, size)| Happening::Ask { limit, size }),
        1 => Just(Happening::LoseInterest),
        3 => Just(Happening::Connect),
        3 => Just(Happening::Send),
        3 => (0usize..8).prop_map(|nth| Happening::Answer { nth }),
        1 => prop::collection::vec(any::<u8>(), 0..12).prop_map(Happening::Bytes),
        1 => Just(Happening::Fail),
        3 => (0u64..4000).prop_map(|millis| Happening::Pass { millis }),
    ];
    prop::collection::vec(one, 0..60)
}

proptest! {
    /// Whatever happens, every query is answered exactly once and by its deadline, is sent at most
    /// once, and nothing is left behind. (`collect` and `sent` check the rest.)
    #[test]
    fn every_query_ends_by_its_deadline(happenings in happenings()) {
        let mut world = World::new();
        let mut deadlines = Vec::new();
        let mut gone = BTreeSet::new();
        let mut on_the_wire: Vec<u64> = Vec::new();
        let mut ever_sent = BTreeSet::new();
        for happening in happenings {
            match happening {
                Happening::Ask { limit, size } => {
                    let limit = Duration::from_millis(limit);
                    deadlines.push(world.now + limit);
                    world.ask(limit, put("k", &"v".repeat(size)));
                }
                Happening::LoseInterest => {
                    gone.insert(world.asked.saturating_sub(1));
                }
                Happening::Connect if world.session.phase() == Phase::Dialing => {
                    world.session.opened();
                    on_the_wire.clear();
                }
                Happening::Send if world.session.phase() == Phase::Live => {
                    for (id, _) in world.sent_by(|asker| !gone.contains(asker)) {
                        prop_assert!(ever_sent.insert(id), "{id} was sent twice");
                        on_the_wire.push(id);
                    }
                }
                Happening::Answer { nth } if nth < on_the_wire.len() => {
                    let id = on_the_wire.remove(nth);
                    if world.session.phase() == Phase::Live {
                        world.answer(&[(id, Answer::Stored { stamp: STAMP })]);
                        prop_assert_eq!(world.session.phase(), Phase::Live);
                    }
                }
                Happening::Bytes(bytes) if world.session.phase() == Phase::Live => {
                    world.receive(&bytes);
                }
                Happening::Fail if world.session.phase() != Phase::Idle => world.fail("cut"),
                Happening::Pass { millis } => world.pass(Duration::from_millis(millis)),
                _ => {}
            }
            for (asker, deadline) in deadlines.iter().enumerate() {
                let overdue = *deadline < world.now && !gone.contains(&asker);
                prop_assert!(!overdue || world.replies.contains_key(&asker), "{asker} hangs");
            }
        }
        world.pass(seconds(60));
        prop_assert!(world.session.pending.is_empty() && world.session.waiting.is_empty());
        let told = |asker| gone.contains(&asker) || world.replies.contains_key(&asker);
        prop_assert!((0..world.asked).all(told));
    }
}
