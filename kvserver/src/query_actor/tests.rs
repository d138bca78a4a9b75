//! The actors on the real runtime, in virtual time, with every message encoded on its way.

use std::collections::BTreeMap;
use std::time::Duration;

use actor::{System, SystemConfig, WellKnown};
use kvcommon::{Answer, Query, QueryId, RefusalKind, Stamp, frame};
use tokio::time::{Instant, sleep};

use super::*;
use crate::entry::Entry;

mod aside;
mod comparing;
mod notebook;
mod notes;
mod refilling;
mod refusing;
mod servers;
pub(super) mod stage;
mod turns;

struct World {
    system: System,
    actors: Vec<ActorRef<Message>>,
}

impl World {
    fn of(count: u32) -> Self {
        let world = Self::unstarted(count);
        (0..world.actors.len()).for_each(|me| world.start(me));
        world
    }

    fn start(&self, me: usize) {
        let siblings = Siblings { actors: self.actors.clone(), me, home: None };
        self.system.tell(&self.actors[me], Message::Start(siblings));
    }

    fn unstarted(count: u32) -> Self {
        let config = SystemConfig::new("test:1").round_trip(true).on_error(|_| ());
        let system = System::start(config);
        let spawn = |id| system.spawn_well_known(WellKnown(id), QueryActor::new);
        let actors: Vec<_> = (1..=count).map(spawn).collect();
        Self { system, actors }
    }

    /// Asks until the whole batch is answered, as a receiver does.
    async fn ask(&self, actor: usize, queries: &[Query<'_>]) -> Vec<Answers> {
        let mut message = Vec::new();
        for (id, query) in (0..).zip(queries) {
            frame::encode_query(&mut message, QueryId(id), query);
        }
        self.ask_bytes(actor, vec![message]).await
    }

    async fn ask_bytes(&self, actor: usize, messages: Vec<Vec<u8>>) -> Vec<Answers> {
        let mut turns = Vec::new();
        let mut next = Some(Batch { messages, skip: 0 });
        while let Some(batch) = next {
            let mut answers = self.turn(actor, batch).await;
            next = answers.rest.take();
            turns.push(answers);
        }
        turns
    }

    async fn turn(&self, actor: usize, batch: Batch) -> Answers {
        let question = |reply| Message::Queries { batch, reply };
        self.system.ask(&self.actors[actor], question).await.unwrap()
    }

    async fn get(&self, actor: usize, key: &str) -> Result<Option<String>, RefusalKind> {
        let turns = self.ask(actor, &[Query::Get { key }]).await;
        match one_answer(&turns) {
            Answer::Found { value, .. } => Ok(Some(value.to_owned())),
            Answer::Missing { .. } => Ok(None),
            Answer::Refused(refusal) => Err(refusal.kind),
            other => panic!("{other:?}"),
        }
    }

    async fn put(&self, actor: usize, key: &str, value: &str) -> Stamp {
        let turns = self.ask(actor, &[Query::Put { key, value, floor: None }]).await;
        let Answer::Stored { stamp } = one_answer(&turns) else { panic!("{turns:?}") };
        stamp
    }

    async fn put_many(&self, actor: usize, count: usize) {
        let keys: Vec<String> = (0..count).map(|number| format!("many/{number}")).collect();
        let puts: Vec<_> =
            keys.iter().map(|key| Query::Put { key, value: "v", floor: None }).collect();
        self.ask(actor, &puts).await;
    }

    async fn list_is_refused(&self, actor: usize) -> bool {
        let turns = self.ask(actor, &[Query::List { prefix: "", after: None }]).await;
        matches!(one_answer(&turns), Answer::Refused(r) if r.kind == RefusalKind::NotReady)
    }

    /// An actor's health, but for what it keeps.
    async fn health(&self, actor: usize) -> Health {
        let question = |reply| Message::Inspect { reply };
        let health: Health = self.system.ask(&self.actors[actor], question).await.unwrap();
        Health { tombstones: 0, held: 0, swept: None, ..health }
    }

    /// A panic, and the moment it takes: questions that meet it are not answered.
    async fn panic(&self, actor: usize) {
        self.tell(actor, Message::Panic);
        sleep(ms(1)).await;
    }

    fn tell(&self, actor: usize, message: Message) {
        self.system.tell(&self.actors[actor], message);
    }
}

/// The health of a ready server that knows no other one.
fn ready(keys: usize) -> Health {
    Health {
        ready: true,
        keys,
        tombstones: 0,
        swept: None,
        collected: 0,
        ages_differ: false,
        held: 0,
        standings: BTreeMap::new(),
    }
}

fn one_answer(turns: &[Answers]) -> Answer<'_> {
    let [turn] = turns else { panic!("{turns:?}") };
    frame::answers(&turn.message).next().unwrap().unwrap().answer
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[tokio::test(start_paused = true)]
async fn a_write_after_quiet_is_on_all_siblings_at_once() {
    let world = World::of(3);
    let start = Instant::now();
    world.put(0, "key", "value").await;
    for actor in 0..3 {
        assert_eq!(world.get(actor, "key").await, Ok(Some("value".to_owned())));
    }
    assert!(start.elapsed() < ms(2), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn under_load_everything_is_seen_in_time_within_the_budget() {
    let world = World::of(4);
    let mut unseen: Vec<(Instant, String)> = Vec::new();
    let mut slowest = Duration::ZERO;
    for round in 0..400 {
        if round < 300 {
            for actor in 0..4 {
                let key = format!("{actor}/{round}");
                world.put(actor, &key, "value").await;
                unseen.push((Instant::now(), key));
            }
        }
        sleep(ms(10)).await;
        let mut still_unseen = Vec::new();
        for (written, key) in unseen {
            let mut seen = true;
            for actor in 0..4 {
                seen &= world.get(actor, &key).await == Ok(Some("value".to_owned()));
            }
            slowest = slowest.max(written.elapsed());
            if !seen {
                still_unseen.push((written, key));
            }
        }
        unseen = still_unseen;
    }
    assert!(unseen.is_empty(), "{unseen:?}");
    assert!(slowest <= PACE + ms(20), "{slowest:?}");
    assert!(world.system.stats().max_message_rate <= 10, "{:?}", world.system.stats());
}

#[tokio::test(start_paused = true)]
async fn the_cost_of_a_write_does_not_grow_with_the_store() {
    let world = World::of(4);
    // Siblings compare every full second; a write is measured between that.
    sleep(ms(300)).await;
    let cost = async || {
        sleep(ms(1000)).await;
        let before = world.system.stats().bytes_sent;
        world.put(0, "key", "value").await;
        sleep(ms(500)).await;
        let cost = world.system.stats().bytes_sent - before;
        sleep(ms(500)).await;
        cost
    };
    let first = cost().await;
    world.put_many(1, 1000).await;
    assert_eq!(cost().await, first);
    assert!(first < 3 * 60, "{first} bytes for three siblings");
}

#[tokio::test(start_paused = true)]
async fn an_overwritten_key_crosses_once() {
    let world = World::of(2);
    world.put(0, "first", "now quiet is over").await;
    let before = world.system.stats().bytes_sent;
    for _ in 0..1000 {
        world.put(0, "key", "value").await;
    }
    sleep(ms(1000)).await;
    let cost = world.system.stats().bytes_sent - before;
    assert!(cost < 100, "{cost} bytes for one key");
}

#[tokio::test(start_paused = true)]
async fn the_later_writer_wins_everywhere_and_a_deletion_travels() {
    let world = World::of(3);
    world.put(0, "key", "old").await;
    sleep(ms(10)).await;
    world.put(1, "key", "new").await;
    sleep(ms(500)).await;
    for actor in 0..3 {
        assert_eq!(world.get(actor, "key").await, Ok(Some("new".to_owned())));
    }
    world.ask(2, &[Query::Delete { key: "key", floor: None }]).await;
    sleep(ms(500)).await;
    for actor in 0..3 {
        assert_eq!(world.get(actor, "key").await, Ok(None));
        assert_eq!(world.health(actor).await, ready(0));
    }
}

#[tokio::test(start_paused = true)]
async fn queries_are_answered_between_the_slices_of_a_merge() {
    let world = World::of(2);
    let entry = |number| {
        Entry::new(Stamp { millis: 1, counter: 0, uid: 1 }, &format!("{number:06}"), Some("v"))
    };
    let entries = (0..10 * SLICE).map(entry).collect();
    world.tell(0, Message::Sync(Sync { from: 1, entries, ..Sync::default() }));
    assert_eq!(world.health(0).await.keys, SLICE, "one slice, then the question");
    sleep(ms(100)).await;
    assert_eq!(world.health(0).await.keys, 10 * SLICE);
}

#[tokio::test(start_paused = true)]
async fn what_one_sibling_alone_has_is_found_in_comparing() {
    let world = World::of(3);
    let entries = vec![Entry::new(Stamp { millis: 1, counter: 0, uid: 1 }, "key", Some("v"))];
    world.tell(0, Message::Sync(Sync { from: 1, entries, ..Sync::default() }));
    assert_eq!(world.get(1, "key").await, Ok(None), "as if a message had been lost");
    sleep(ms(10_000)).await;
    for actor in 0..3 {
        assert_eq!(world.get(actor, "key").await, Ok(Some("v".to_owned())), "actor {actor}");
    }
    assert!(world.system.stats().max_message_rate <= 10);
}

#[tokio::test(start_paused = true)]
async fn a_sync_from_nobody_or_from_oneself_is_ignored() {
    let world = World::of(2);
    let entries = vec![Entry::new(Stamp { millis: 1, counter: 0, uid: 1 }, "key", Some("v"))];
    for from in [0, 7] {
        let (entries, given) = (entries.clone(), Given::Part);
        world.tell(0, Message::Sync(Sync { from, entries, ask: true, given, ..Sync::default() }));
        assert_eq!(world.get(0, "key").await, Ok(None));
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_panic_an_actor_is_not_ready_until_a_sibling_has_refilled_it() {
    let world = World::of(3);
    world.put_many(0, 3 * SLICE).await;
    world.ask(0, &[Query::Delete { key: "many/7", floor: None }]).await;
    sleep(ms(500)).await;
    let state = world.ask(1, &[]).await[0].state;

    world.panic(1).await;
    assert!(!world.health(1).await.ready);
    assert_eq!(world.get(1, "many/1").await, Err(RefusalKind::NotReady));
    assert!(world.list_is_refused(1).await);
    assert_ne!(world.ask(1, &[]).await[0].state, state);

    let written = world.put(1, "new", "meanwhile").await;
    assert_eq!(world.get(1, "new").await, Ok(Some("meanwhile".to_owned())));
    world.put(2, "from afar", "meanwhile").await;

    sleep(ms(1000)).await;
    assert_eq!(world.health(1).await, world.health(0).await);
    assert_eq!(world.health(1).await, ready(3 * SLICE - 1 + 2));
    assert_eq!(world.get(1, "many/7").await, Ok(None));
    assert_eq!(world.get(1, "from afar").await, Ok(Some("meanwhile".to_owned())));
    assert_eq!(world.get(0, "new").await, Ok(Some("meanwhile".to_owned())));
    assert!(world.put(1, "new", "again").await > written);
    assert!(world.system.stats().max_message_rate <= 10);
}

#[tokio::test(start_paused = true)]
async fn panics_in_a_row_stay_within_the_budget() {
    let world = World::of(2);
    for round in 0..5 {
        world.put(0, &format!("key/{round}"), "value").await;
        world.put(1, &format!("yek/{round}"), "value").await;
        world.panic(0).await;
        sleep(ms(30)).await;
    }
    sleep(ms(2000)).await;
    assert!(world.health(0).await.ready);
    assert!(world.system.stats().max_message_rate <= 10, "{:?}", world.system.stats());
}

#[tokio::test(start_paused = true)]
async fn what_a_sibling_has_that_is_not_ready_itself_is_not_taken_for_everything() {
    let world = World::of(3);
    world.put_many(2, 3 * SLICE).await;
    sleep(ms(500)).await;
    world.panic(0).await;
    world.panic(1).await;
    for actor in [0, 1] {
        while !world.health(actor).await.ready {
            sleep(ms(1)).await;
        }
        assert_eq!(world.health(actor).await.keys, 3 * SLICE, "actor {actor} is ready");
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_all_leaves_a_server_that_goes_on() {
    let world = World::of(3);
    world.put(0, "key", "value").await;
    for actor in 0..3 {
        world.panic(actor).await;
    }
    sleep(ms(3000)).await;
    for actor in 0..3 {
        assert_eq!(world.health(actor).await, ready(0));
    }
    world.put(0, "key", "again").await;
    sleep(ms(500)).await;
    assert_eq!(world.get(2, "key").await, Ok(Some("again".to_owned())));
}

#[tokio::test(start_paused = true)]
async fn an_actor_on_its_own_goes_on_after_a_panic() {
    let world = World::of(1);
    world.put(0, "key", "value").await;
    world.panic(0).await;
    assert_eq!(world.get(0, "key").await, Ok(None));
}
