//! What a server's own clients wrote, when the server begins anew.

use kvcommon::limits::MAX_VALUE_BYTES;

use super::*;

impl World {
    /// The server lets go of all it holds, and its second actor gives these entries to the first one.
    fn renew(&self, generation: u64, entries: Vec<Entry>) {
        let renewal = Renewal { generation, since_millis: 0, writers: Vec::new() };
        self.tell(0, Message::Notes(vec![Note::Renew(renewal)]));
        self.tell(0, Message::Sync(Sync { from: 1, generation, entries, ..Sync::default() }));
    }

    /// The store is here, and something comes that begins the work.
    fn open(&self, generation: u64) {
        self.tell(0, Message::Notes(vec![Note::Open]));
        self.tell(0, Message::Sync(Sync { from: 1, generation, ..Sync::default() }));
    }

    async fn hand_over(&self) -> Vec<Entry> {
        let question = |reply| Message::HandOver { reply };
        self.system.ask(&self.actors[0], question).await.unwrap()
    }
}

/// What somebody else wrote after that.
fn later(key: &str, before: Stamp) -> Entry {
    Entry::new(Stamp { millis: before.millis + 1, counter: 0, uid: 7 }, key, Some("later"))
}

fn keys(told: &[Vec<Entry>]) -> Vec<&str> {
    told.iter().flatten().map(Entry::key).collect()
}

#[tokio::test(start_paused = true)]
async fn only_what_is_beaten_is_written_down() {
    let world = World::first_of(2, true);
    let same = world.put(0, "same", "v").await;
    let beaten = world.put(0, "beaten", "v").await;
    world.put(0, "missing", "v").await;
    world.renew(1, vec![Entry::new(same, "same", Some("v")), later("beaten", beaten)]);
    world.open(1);
    sleep(ms(1000)).await;
    assert_eq!(keys(&world.told_aside().await), ["beaten"]);
    for (key, value) in [("same", "v"), ("beaten", "later"), ("missing", "v")] {
        assert_eq!(world.get(0, key).await, Ok(Some(value.to_owned())));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_beaten_and_waits_to_be_reported_is_handed_over_at_the_end() {
    let world = World::first_of(2, true);
    let beaten = world.put(0, "beaten", "v").await;
    sleep(ms(1050)).await;
    world.renew(1, vec![later("beaten", beaten)]);
    world.open(1);
    sleep(ms(20)).await;
    assert!(world.told_aside().await.is_empty(), "something was reported a moment ago");
    assert_eq!(keys(&[world.hand_over().await]), ["beaten"]);
    sleep(ms(1000)).await;
    assert!(world.told_aside().await.is_empty(), "nobody gets it twice");
}

#[tokio::test(start_paused = true)]
async fn what_is_beaten_is_reported_in_few_messages_of_a_limited_size() {
    const COUNT: usize = 8 * SLICE;
    let world = World::first_of(2, true);
    world.put_many(0, COUNT).await;
    let large = "v".repeat(MAX_VALUE_BYTES);
    let mut last = Stamp { millis: 0, counter: 0, uid: 0 };
    for number in 0..12 {
        last = world.put(0, &format!("zoo/{number}"), &large).await;
    }
    let many = (0..COUNT).map(|number| later(&format!("many/{number}"), last));
    let zoo = (0..12).map(|number| later(&format!("zoo/{number}"), last));
    world.renew(1, many.chain(zoo).collect());
    world.open(1);
    sleep(ms(2000)).await;
    let told = world.told_aside().await;
    assert_eq!(told.iter().flatten().count(), COUNT + 12);
    assert!(told.len() < 7, "{} messages", told.len());
    for entries in told {
        let bytes: usize = entries.iter().map(|entry| entry.bytes().len()).sum();
        assert!(bytes < (1 << 20) + MAX_VALUE_BYTES + 1000, "{bytes} bytes at once");
    }
}

/// The actor is still busy with what was beaten at the renewal before.
#[tokio::test(start_paused = true)]
async fn what_was_set_aside_is_not_offered_before_the_store_is_here() {
    let world = World::first_of(2, true);
    let large = "v".repeat(MAX_VALUE_BYTES);
    let mut beaten = Vec::new();
    for number in 0..12 {
        let key = format!("beaten/{number}");
        beaten.push(later(&key, world.put(0, &key, &large).await));
    }
    world.renew(1, beaten);
    world.open(1);
    sleep(ms(20)).await;
    world.put(0, "mine", "v").await;
    world.renew(2, Vec::new());
    sleep(ms(2000)).await;
    assert_eq!(world.told_aside().await.iter().flatten().count(), 12);
    assert_eq!(world.get(0, "mine").await, Err(RefusalKind::NotReady));
    assert_eq!(keys(&[world.hand_over().await]), ["mine"]);
}
