//! What a query actor is told by its members actor.

use super::refusing::{Newcomer, frame};
use super::*;
use crate::digest;

fn entry() -> Entry {
    Entry::new(Stamp { millis: 1, counter: 0, uid: 7 }, "key", Some("v"))
}

#[tokio::test(start_paused = true)]
async fn a_members_actor_that_has_lost_its_state_is_told_all_that_an_actor_knows() {
    let world = World::first_of(1, true);
    world.tell(0, Message::Frame(Box::new(frame(7, 0))));
    sleep(ms(1000)).await;
    let before = world.heard().await;
    world.note(0, Note::Introduce);
    sleep(ms(1000)).await;
    let heard = world.heard().await;
    let heard = heard.strip_prefix(before.trim_end_matches(']')).unwrap();
    for part in ["Store { place: 0, store: Here }", "Introduced([Member", "server: 7", "Writes {"] {
        assert!(heard.contains(part), "{part} is not in {heard}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_actor_goes_by_the_last_renewal_that_it_is_told_of() {
    let world = World::first_of(2, true);
    world.note(0, Note::Generation(5));
    world.note(0, Note::Generation(4));
    let entries = vec![entry()];
    world.tell(0, Message::Sync(Sync { from: 1, generation: 5, entries, ..Sync::default() }));
    assert_eq!(world.get(0, "key").await, Ok(Some("v".to_owned())));
    for (generation, ready) in [(5, true), (6, false)] {
        let renewal = Renewal { generation, since_millis: 0, writers: Vec::new() };
        world.note(0, Note::Renew(renewal));
        assert_eq!(world.health(0).await.ready, ready, "renewal {generation}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_actor_that_is_told_to_fetch_does_not_hold_everything_until_the_store_is_here() {
    let world = World::first_of(1, true);
    assert_eq!(world.is_ready(0).await, (true, true));
    world.note(0, Note::Fetch { server: 7, attempt: 1 });
    assert_eq!(world.is_ready(0).await, (false, false));
    world.note(0, Note::Open);
    assert_eq!(world.is_ready(0).await, (true, true));
}

#[tokio::test(start_paused = true)]
async fn what_siblings_have_fetched_before_an_actor_is_told_to_counts() {
    let newcomer = Newcomer::new();
    newcomer.says(1, 5, Some("key"), &[(2, 0), (2, 1)]);
    assert_eq!(newcomer.heard().await, (0, 0));
    newcomer.fetches(2);
    assert_eq!(newcomer.heard().await, (1, 0));
    newcomer.says(1, 5, None, &[(2, 0), (1, 0), (1, 1)]);
    assert_eq!(newcomer.heard().await, (1, 0), "it is said once");
}

#[tokio::test(start_paused = true)]
async fn slices_of_several_attempts_do_not_make_up_a_store() {
    let newcomer = Newcomer::new();
    newcomer.says(1, 5, Some("key"), &[(1, 0)]);
    newcomer.fetches(2);
    newcomer.says(1, 5, None, &[(2, 1)]);
    assert_eq!(newcomer.heard().await, (0, 0));
    newcomer.says(1, 5, None, &[(1, 0), (2, 0)]);
    assert_eq!(newcomer.heard().await, (1, 0));
}

/// Two attempts have the same number where hardly any time passes.
#[tokio::test(start_paused = true)]
async fn what_was_fetched_before_the_store_was_here_does_not_count_when_it_is_fetched_again() {
    let newcomer = Newcomer::new();
    newcomer.says(1, 5, Some("key"), &[(1, 0), (1, 1)]);
    assert_eq!(newcomer.heard().await, (1, 0));
    newcomer.0.note(0, Note::Open);
    newcomer.fetches(1);
    assert_eq!(newcomer.heard().await, (1, 0));
}

#[tokio::test(start_paused = true)]
async fn what_comparing_with_another_server_brings_is_told_to_the_siblings_at_once() {
    let world = World::first_of(2, true);
    world.start_at_home(1, true);
    sleep(ms(500)).await;
    let digest = Some(digest::Message::Settle { entries: vec![entry()], want: Vec::new() });
    world.tell(0, Message::Frame(Box::new(Frame { digest, ..frame(7, 0) })));
    sleep(ms(10)).await;
    assert_eq!(world.get(1, "key").await, Ok(Some("v".to_owned())));
}
