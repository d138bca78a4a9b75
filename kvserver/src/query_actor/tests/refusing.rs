//! Siblings that have collected what others have not.

use actor::Address;

use super::super::pack::Packer;
use super::super::stream::Data;
use super::super::sweep::Mark;
use super::*;
use crate::digest;

/// The sibling's marks are forged here: it pretends to have collected what the actor has missed.
#[tokio::test(start_paused = true)]
async fn an_actor_that_has_missed_a_round_of_its_sibling_loses_no_write() {
    let world = World::unstarted(2);
    world.start(0);
    // The true marks come when the actor does not look.
    sleep(Duration::from_millis(300)).await;
    world.start(1);
    let mut written = 0;
    for _ in 0..1500 {
        let mark = Mark::of_round(1);
        let sync = Sync { from: 1, mark, ..Sync::default() };
        world.system.tell(&world.actors[0], Message::Sync(sync));
        world.put(0, &format!("key/{written}"), "v").await;
        written += 1;
        sleep(Duration::from_millis(10)).await;
        if world.list_is_refused(0).await {
            break;
        }
    }
    assert!(written < 1500, "it has begun anew");
    sleep(Duration::from_secs(5)).await;
    for actor in [0, 1] {
        for number in 0..written {
            let value = world.get(actor, &format!("key/{number}")).await;
            assert_eq!(value, Ok(Some("v".to_owned())), "{number} of {written} on {actor}");
        }
    }
}

/// Both siblings are forged here: one has collected what the other one has missed.
#[tokio::test(start_paused = true)]
async fn an_actor_that_had_to_refuse_a_part_of_a_refill_does_not_take_it_for_whole() {
    let world = World::unstarted(3);
    world.start(0);
    world.panic(0).await;
    let says = |from, round, entries, given| {
        let mark = Mark::of_round(round);
        let sync = Sync { from, mark, entries, given, ..Sync::default() };
        world.system.tell(&world.actors[0], Message::Sync(sync));
    };
    let entry = Entry::new(Stamp { millis: 1, counter: 0, uid: 1 }, "key", Some("v"));
    says(2, 5, Vec::new(), Given::Nothing);
    says(1, 1, vec![entry], Given::Part);
    says(1, 1, Vec::new(), Given::All { ready: true });
    assert!(!world.health(0).await.ready);
    // By now the one that is ahead has been silent for so long that nothing is refused any more.
    sleep(ms(10_500)).await;
    says(1, 1, Vec::new(), Given::All { ready: true });
    assert!(!world.health(0).await.ready, "the key is still missing");
}

/// The first actor of a newcomer, whose siblings are forged: the third one has collected what the second
/// one has missed. They fetch from a server of two actors.
pub(super) struct Newcomer(pub(super) World);

impl Newcomer {
    pub(super) fn new() -> Self {
        let newcomer = Self(World::first_of(3, false));
        let nowhere = Address::new("127.0.0.1:1");
        newcomer.0.note(0, Note::Meet(Member { address: nowhere, server: 7, actors: 2 }));
        newcomer.fetches(1);
        newcomer.says(2, 5, None, &[]);
        newcomer
    }

    pub(super) fn fetches(&self, attempt: u32) {
        self.0.note(0, Note::Fetch { server: 7, attempt });
    }

    /// A sibling that has confirmed a round tells a key, or which slices it has fetched in which attempts.
    pub(super) fn says(&self, from: usize, round: u64, key: Option<&str>, fetched: &[(u32, u16)]) {
        let stamp = Stamp { millis: 1, counter: 0, uid: 1 };
        let entries = key.map(|key| Entry::new(stamp, key, Some("v"))).into_iter().collect();
        let slice = |(attempt, slice): &_| Fetched {
            server: 7,
            attempt: *attempt,
            slice: *slice,
            ready: true,
        };
        let (fetched, mark) = (fetched.iter().map(slice).collect(), Mark::of_round(round));
        self.0.tell(0, Message::Sync(Sync { from, mark, entries, fetched, ..Sync::default() }));
    }

    /// How often the members actor was told that the store is fetched, and that it cannot be.
    pub(super) async fn heard(&self) -> (usize, usize) {
        sleep(ms(1000)).await;
        let heard = self.0.heard().await;
        (heard.matches("Fetched {").count(), heard.matches("Stale {").count())
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_sibling_has_fetched_counts_when_all_of_it_was_taken() {
    let newcomer = Newcomer::new();
    newcomer.says(1, 5, Some("key"), &[(1, 0)]);
    assert_eq!(newcomer.heard().await, (0, 0), "it is one of two slices");
    newcomer.says(1, 5, None, &[(1, 1)]);
    assert_eq!(newcomer.heard().await, (1, 0));
}

#[tokio::test(start_paused = true)]
async fn what_a_sibling_has_fetched_does_not_count_when_a_part_of_it_was_refused() {
    let newcomer = Newcomer::new();
    newcomer.says(1, 1, Some("key"), &[]);
    assert_eq!(newcomer.heard().await, (0, 0), "comparing may still bring it");
    newcomer.says(1, 5, None, &[(1, 0), (1, 1)]);
    assert_eq!(newcomer.heard().await, (0, 1), "nobody says again that it is fetched");
    // Whatever the server fetches after that may be whole again.
    newcomer.fetches(2);
    newcomer.says(1, 5, Some("key"), &[(2, 0), (2, 1)]);
    assert_eq!(newcomer.heard().await, (1, 1));
}

#[tokio::test(start_paused = true)]
async fn that_something_fetched_was_refused_is_reported_once() {
    let newcomer = Newcomer::new();
    newcomer.says(1, 1, Some("key"), &[(1, 0)]);
    assert_eq!(newcomer.heard().await, (0, 1));
    newcomer.says(1, 5, None, &[(1, 1)]);
    assert_eq!(newcomer.heard().await, (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_fetch_that_begins_again_is_not_to_blame_for_what_was_refused_before() {
    for is_ready_between in [false, true] {
        let newcomer = Newcomer::new();
        newcomer.says(1, 1, Some("key"), &[]);
        if is_ready_between {
            newcomer.0.note(0, Note::Open);
            newcomer.says(1, 5, None, &[(2, 0)]);
        }
        newcomer.fetches(2);
        newcomer.says(1, 5, Some("key"), &[(2, 0), (2, 1)]);
        assert_eq!(newcomer.heard().await, (1, 0));
    }
}

/// Its siblings may have been told to fetch before it was. Nobody says again that it is fetched, and the
/// server would wait for it for ever.
#[tokio::test(start_paused = true)]
async fn what_was_fetched_and_refused_before_an_actor_is_told_to_fetch_is_to_be_fetched_again() {
    let newcomer = Newcomer::new();
    newcomer.says(1, 5, Some("key"), &[]);
    newcomer.0.note(0, Note::Open);
    newcomer.says(1, 1, Some("other"), &[(2, 0)]);
    newcomer.says(1, 5, None, &[(2, 1)]);
    newcomer.fetches(2);
    assert_eq!(newcomer.heard().await, (1, 0));
    let heard = newcomer.0.heard().await;
    assert!(heard.contains("attempt: 2, ready: false"), "{heard}");
}

#[tokio::test(start_paused = true)]
async fn what_comparing_brings_is_refused_like_all_else() {
    let newcomer = Newcomer::new();
    let stamp = Stamp { millis: 1, counter: 0, uid: 1 };
    let entries = vec![Entry::new(stamp, "key", Some("v"))];
    for (round, seen) in [(1, Err(RefusalKind::NotReady)), (5, Ok(Some("v".to_owned())))] {
        let settle = digest::Message::Settle { entries: entries.clone(), want: Vec::new() };
        let (digest, mark) = (vec![settle], Mark::of_round(round));
        newcomer.0.tell(0, Message::Sync(Sync { from: 1, mark, digest, ..Sync::default() }));
        assert_eq!(newcomer.0.get(0, "key").await, seen, "round {round}");
    }
}

/// What the first actor of another server says that has confirmed a round.
pub(super) fn frame(server: u64, round: u64) -> Frame {
    let address = Address::new("127.0.0.1:1");
    Frame {
        server,
        from: 0,
        state: 1000 + server,
        to_state: None,
        introduce: Some(Member { address, server, actors: 2 }),
        data: None,
        ack: None,
        request: None,
        chunk: None,
        digest: None,
        mark: Mark::of_round(round),
        sweep: None,
    }
}

#[tokio::test(start_paused = true)]
async fn what_another_server_brings_is_refused_like_what_a_sibling_brings() {
    let stamp = Stamp { millis: 1, counter: 0, uid: 1 };
    let entry = Entry::new(stamp, "key", Some("v"));
    let mut packer = Packer::default();
    packer.push(&entry);
    let entries = Some(packer.finish());
    let data = Data { stream: 1, whole: true, sent: 1, oldest: 1, entries };
    let settle = digest::Message::Settle { entries: vec![entry], want: Vec::new() };
    for (data, digest) in [(Some(data), None), (None, Some(settle))] {
        let newcomer = Newcomer::new();
        for (round, seen) in [(1, Err(RefusalKind::NotReady)), (5, Ok(Some("v".to_owned())))] {
            let (data, digest) = (data.clone(), digest.clone());
            let frame = Frame { data, digest, ..frame(7, round) };
            newcomer.0.tell(0, Message::Frame(Box::new(frame)));
            assert_eq!(newcomer.0.get(0, "key").await, seen, "round {round}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_members_actor_is_told_of_a_server_that_introduces_itself() {
    let newcomer = Newcomer::new();
    for server in [7, 8, 8] {
        newcomer.0.tell(0, Message::Frame(Box::new(frame(server, 5))));
    }
    sleep(ms(1000)).await;
    let heard = newcomer.0.heard().await;
    assert_eq!(heard.matches("Introduced(").count(), 1, "{heard}");
    assert!(heard.contains("server: 8"), "{heard}");
}
