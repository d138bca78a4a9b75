//! The open reply addresses of one system: from the number in an address to the slot of its answer.
//!
//! An ask opens an address and an answer closes it, so both are made cheap: the number tells where the
//! slot is, without hashing. Places are used again; each use has a generation of its own, which is a part
//! of the number, so no number ever means a second question.

use std::{
    mem,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use parking_lot::Mutex;

use crate::{load::Port, refs::ActorId};

/// A question that waits for its answer.
pub(super) struct Asked {
    pub(super) port: Arc<dyn Port>,
    /// The local actor that was asked, if it is known.
    of: Option<ActorId>,
}

/// The table, in parts so that threads that ask at the same time seldom meet.
#[derive(Default)]
pub(super) struct Replies([Part; PARTS]);

#[derive(Default)]
#[repr(align(64))] // a cache line of its own
struct Part(Mutex<Places>);

#[derive(Default)]
struct Places {
    places: Vec<Place>,
    free: Vec<u32>,
    opened: u64,
    /// Above every generation that was used in places given back.
    first_generation: u32,
    /// The number of places at which addresses that nobody waits at are thrown out.
    crowded: usize,
}

struct Place {
    generation: u32,
    asked: Option<Asked>,
}

/// What the number of an address says, from the lowest bits on: its part, its place, its generation.
const PART_BITS: u32 = 3;
const PLACE_BITS: u32 = 30;
const PARTS: usize = 1 << PART_BITS;
/// A place that was used so often is not used again.
const GENERATIONS: u32 = 1 << (62 - PART_BITS - PLACE_BITS);

/// So many places of a part are kept when they are empty, and not searched for abandoned addresses.
const FEW: usize = 512;

impl Replies {
    /// Opens an address.
    pub(super) fn open(&self, port: Arc<dyn Port>, of: Option<ActorId>) -> ActorId {
        let part = part_of_thread();
        let (place, generation) = self.0[part].0.lock().open(Asked { port, of });
        let number =
            u64::from(generation) << PLACE_BITS << PART_BITS | u64::from(place) << PART_BITS;
        ActorId(ActorId::FIRST_REPLY | number | part as u64)
    }

    /// Closes an address, if it is open.
    pub(super) fn take(&self, id: ActorId) -> Option<Asked> {
        let number = id.0.checked_sub(ActorId::FIRST_REPLY)?;
        let place = (number >> PART_BITS) & ((1 << PLACE_BITS) - 1);
        let generation = number >> PLACE_BITS >> PART_BITS;
        self.0[number as usize % PARTS].0.lock().take(place as usize, generation)
    }

    /// Closes all addresses of questions to `of`, or all.
    pub(super) fn take_all(&self, of: Option<ActorId>) -> Vec<Asked> {
        self.0
            .iter()
            .flat_map(|part| part.0.lock().take_where(|asked| of.is_none() || asked.of == of))
            .collect()
    }

    /// How many addresses were opened so far.
    pub(super) fn opened(&self) -> u64 {
        self.0.iter().map(|part| part.0.lock().opened).sum()
    }
}

/// The part in which the current thread opens addresses.
fn part_of_thread() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static PART: usize = NEXT.fetch_add(1, Relaxed) % PARTS;
    }
    PART.with(|part| *part)
}

impl Places {
    fn open(&mut self, asked: Asked) -> (u32, u32) {
        self.opened += 1;
        let index = self.free.pop().unwrap_or_else(|| self.make_room());
        let place = &mut self.places[index as usize];
        place.asked = Some(asked);
        (index, place.generation)
    }

    #[cold]
    fn make_room(&mut self) -> u32 {
        if self.places.len() >= self.crowded.max(FEW) {
            // Nothing is dropped here but empty slots: whoever gave up a slot left nothing in it.
            drop(self.take_where(|asked| asked.port.is_abandoned()));
            self.crowded = 2 * (self.places.len() - self.free.len());
        }
        self.free.pop().unwrap_or_else(|| {
            let index = self.places.len();
            assert!(index < 1 << PLACE_BITS, "so many open questions fit into no memory");
            self.places.push(Place { generation: self.first_generation, asked: None });
            index as u32
        })
    }

    fn take(&mut self, index: usize, generation: u64) -> Option<Asked> {
        let place = self.places.get_mut(index)?;
        if u64::from(place.generation) != generation {
            return None;
        }
        let asked = place.asked.take()?;
        place.generation += 1;
        if place.generation < GENERATIONS {
            self.free.push(index as u32);
            if self.places.len() > FEW && self.free.len() == self.places.len() {
                self.give_back();
            }
        }
        Some(asked)
    }

    fn take_where(&mut self, wanted: impl Fn(&Asked) -> bool) -> Vec<Asked> {
        let mut taken = Vec::new();
        for index in (0..self.places.len()).rev() {
            let Some(place) = self.places.get(index) else { break }; // the last one gave all back
            if place.asked.as_ref().is_some_and(&wanted) {
                taken.extend(self.take(index, place.generation.into()));
            }
        }
        taken
    }

    /// Frees what a crowd of questions left behind.
    #[cold]
    fn give_back(&mut self) {
        let places = mem::take(&mut self.places);
        self.free = Vec::new();
        self.first_generation = places.iter().map(|place| place.generation).max().unwrap_or(0);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::reply::{Reply, ReplySlot};

    fn open(replies: &Replies, of: Option<ActorId>) -> (ActorId, Reply<u64>) {
        let slot = Arc::new(ReplySlot::new());
        (replies.open(slot.clone(), of), Reply::new(slot))
    }

    fn places(replies: &Replies) -> usize {
        replies.0.iter().map(|part| part.0.lock().places.len()).sum()
    }

    #[test]
    fn a_place_is_used_again_but_never_a_number() {
        let replies = Replies::default();
        let mut seen = HashSet::new();
        for _ in 0..10 {
            let opened: Vec<_> = (0..2 * FEW).map(|_| open(&replies, None)).collect();
            assert!(opened.iter().all(|(id, _)| id.is_reply() && seen.insert(*id)));
            for (id, _reply) in opened {
                assert!(replies.take(id).is_some());
                assert!(replies.take(id).is_none(), "one answer");
            }
            assert_eq!(places(&replies), 0, "a crowd gives its places back");
        }
        let first = open(&replies, None).0;
        assert!(replies.take(first).is_some());
        let _second = open(&replies, None);
        assert_eq!(places(&replies), 1);
        assert!(replies.take(first).is_none());
        assert_eq!(replies.opened(), 20 * FEW as u64 + 2);
    }

    #[test]
    fn a_place_that_is_used_up_is_left() {
        let replies = Replies::default();
        let (id, _reply) = open(&replies, None);
        let part = &replies.0[part_of_thread()].0;
        part.lock().places[0].generation = GENERATIONS - 1;
        assert!(replies.take(id).is_none());
        let last = ActorId(id.0 | u64::from(GENERATIONS - 1) << PLACE_BITS << PART_BITS);
        assert!(replies.take(last).is_some());
        assert!(replies.take(last).is_none());
        let (next, _reply) = open(&replies, None);
        assert_eq!((places(&replies), part.lock().places[1].generation), (2, 0));
        assert!(replies.take(next).is_some());
    }

    #[test]
    fn abandoned_addresses_are_bounded_and_open_ones_kept() {
        let replies = Replies::default();
        let kept: Vec<_> = (0..100).map(|_| open(&replies, None)).collect();
        for _ in 0..100_000 {
            drop(open(&replies, None));
        }
        assert!(places(&replies) <= FEW, "{}", places(&replies));
        assert!(kept.iter().all(|(id, _)| replies.take(*id).is_some()));
    }

    #[test]
    fn the_questions_to_one_actor_are_found() {
        let replies = Replies::default();
        let (a, b) = (ActorId(1), ActorId(2));
        let asked: Vec<_> = [Some(a), Some(b), None].map(|of| open(&replies, of)).into();
        assert_eq!(replies.take_all(Some(a)).len(), 1);
        assert!(replies.take(asked[0].0).is_none());
        assert_eq!(replies.take_all(None).len(), 2);
        assert!(replies.take(ActorId(u64::MAX)).is_none());
    }
}
