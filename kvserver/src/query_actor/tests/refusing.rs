//! Siblings that have collected what others have not.

use super::super::sweep::Mark;
use super::*;

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
