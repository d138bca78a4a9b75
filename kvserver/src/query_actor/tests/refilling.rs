//! How an actor gets back what it has lost: from siblings that give slowly, that are silent, or that have
//! gone through another renewal than it has.

use actor::Address;

use super::*;

const RENEWAL: Renewal = Renewal { generation: 1, since_millis: u64::MAX, writers: Vec::new() };

fn entry(key: &str) -> Entry {
    Entry::new(Stamp { millis: 1, counter: 0, uid: 7 }, key, Some("v"))
}

fn found() -> Result<Option<String>, RefusalKind> {
    Ok(Some("v".to_owned()))
}

impl World {
    /// Whether an actor is ready, and takes part in collecting.
    pub(super) async fn is_ready(&self, actor: usize) -> (bool, bool) {
        let question = |reply| Message::Inspect { reply };
        let health: Health = self.system.ask(&self.actors[actor], question).await.unwrap();
        (health.ready, health.swept.is_some())
    }
}

#[tokio::test(start_paused = true)]
async fn a_refilled_actor_takes_part_in_collecting() {
    let world = World::of(2);
    world.panic(1).await;
    sleep(ms(1000)).await;
    assert_eq!(world.is_ready(1).await, (true, true));
}

#[tokio::test(start_paused = true)]
async fn a_sibling_that_gives_slowly_is_not_given_up() {
    let world = World::unstarted(2);
    world.start(0);
    world.panic(0).await;
    let gives = |given| {
        world.tell(0, Message::Sync(Sync { from: 1, given, ..Sync::default() }));
    };
    for second in 0..30 {
        gives(Given::Part);
        sleep(ms(1000)).await;
        assert!(!world.health(0).await.ready, "after {second} s");
    }
    gives(Given::All { ready: true });
    assert!(world.health(0).await.ready);
}

#[tokio::test(start_paused = true)]
async fn an_actor_whose_siblings_are_all_silent_goes_on_alone_if_it_knows_no_other_server() {
    let world = World::unstarted(3);
    world.start(0);
    world.panic(0).await;
    sleep(ms(5000)).await;
    assert_eq!(world.is_ready(0).await, (false, false));
    sleep(ms(15_000)).await;
    assert_eq!(world.is_ready(0).await, (true, true));

    let world = World::first_of(3, true);
    world.panic(0).await;
    world.note(0, Note::Open);
    sleep(ms(20_000)).await;
    assert_eq!(world.is_ready(0).await, (false, false), "others may have the store");
    assert!(world.heard().await.contains("Stale { place: 0, server: None, generation: 0 }"));
}

#[tokio::test(start_paused = true)]
async fn what_a_sibling_says_before_it_lets_go_of_the_store_is_let_go_of_too() {
    let world = World::first_of(2, true);
    world.note(0, Note::Renew(RENEWAL));
    let says = |generation, key| {
        let entries = vec![entry(key)];
        world.tell(0, Message::Sync(Sync { from: 1, generation, entries, ..Sync::default() }));
    };
    says(0, "before");
    says(1, "after");
    world.note(0, Note::Open);
    assert_eq!(world.get(0, "before").await, Ok(None));
    assert_eq!(world.get(0, "after").await, found());
}

#[tokio::test(start_paused = true)]
async fn what_a_sibling_says_that_has_let_go_of_the_store_first_is_not_let_go_of() {
    let world = World::first_of(2, true);
    let entries = vec![entry("early")];
    world.tell(0, Message::Sync(Sync { from: 1, generation: 1, entries, ..Sync::default() }));
    assert_eq!(world.get(0, "early").await, Ok(None), "it waits");
    world.note(0, Note::Renew(RENEWAL));
    assert_eq!(world.get(0, "early").await, found());
}

/// An actor that has lost its state in a panic does not know of the renewal before.
#[tokio::test(start_paused = true)]
async fn an_actor_that_knows_nothing_of_a_renewal_is_refilled_and_learns_of_it() {
    let world = World::first_of(2, true);
    world.start_at_home(1, true);
    for actor in [0, 1] {
        world.note(actor, Note::Renew(RENEWAL));
        world.note(actor, Note::Open);
    }
    world.put(0, "before", "v").await;
    // In the middle between two rounds of comparing, from which it would learn of it as well.
    sleep(ms(1400)).await;
    world.panic(1).await;
    world.note(1, Note::Open);
    sleep(ms(500)).await;
    assert_eq!(world.is_ready(1).await, (true, true));
    assert_eq!(world.get(1, "before").await, found());
    world.put(0, "after", "v").await;
    world.put(1, "back", "v").await;
    sleep(ms(500)).await;
    assert_eq!(world.get(1, "after").await, found());
    assert_eq!(world.get(0, "back").await, found());
}

#[tokio::test(start_paused = true)]
async fn a_refilled_actor_is_told_what_the_server_has_fetched() {
    let world = World::first_of(2, false);
    world.start_at_home(1, false);
    let donor = Member { address: Address::new("127.0.0.1:1"), server: 7, actors: 1 };
    let begin_fetching = |actor| {
        world.note(actor, Note::Meet(donor.clone()));
        world.note(actor, Note::Fetch { server: 7, attempt: 1 });
    };
    begin_fetching(0);
    let fetched = vec![Fetched { server: 7, attempt: 1, slice: 0, ready: true }];
    world.tell(0, Message::Sync(Sync { from: 1, fetched, ..Sync::default() }));
    world.panic(1).await;
    begin_fetching(1);
    sleep(ms(2000)).await;
    let heard = world.heard().await;
    for place in [0, 1] {
        let fetched = format!("Fetched {{ place: {place}, server: 7, attempt: 1, ready: true }}");
        assert!(heard.contains(&fetched), "{heard}");
    }
}
