//! The open reply addresses of one system: where answers are put and waited for.
//!
//! An ask opens an address, waits at it, has it answered and closes it, so all four are made cheap. The
//! number of an address tells where its place is, without hashing, and the place holds all there is: who
//! waits, and the answer. Places are used again, with the room for an answer of the type they had last;
//! each use has a generation of its own, which is a part of the number, so no number ever means a second
//! question. A place is taken for as long as the [`Reply`](crate::Reply) lives that waits at it.
//!
//! Nothing foreign runs under a lock: wakers are woken, dropped and answers decoded and dropped outside.

use std::{
    any::Any,
    mem,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    task::{Context, Poll, Waker},
};

use parking_lot::Mutex;

use crate::{Message, load::decode, refs::ActorId, report::Cause};

/// The table, in parts so that threads that ask at the same time seldom meet.
pub(crate) struct Replies(Box<[Part]>);

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
    /// Whoever asks from now on waits for nothing.
    closed: bool,
}

struct Place {
    generation: u32,
    /// The local actor that was asked, if it is known.
    of: Option<ActorId>,
    stage: Stage,
    /// Room for an answer of the type that was last waited for here.
    room: Option<Box<dyn AnyRoom>>,
}

enum Stage {
    Free,
    Waiting(Option<Waker>),
    Answered,
    /// No answer will come.
    Over,
}

/// Room for an answer of some type.
trait AnyRoom: Any + Send {
    /// What makes an answer of its type of bytes, in a room of its own.
    fn decoder(&self) -> Decoder;
}

type Decoder = fn(&[u8]) -> Result<Box<dyn AnyRoom>, Cause>;

struct Room<R>(Option<R>);

impl<R: Message> AnyRoom for Room<R> {
    fn decoder(&self) -> Decoder {
        |bytes| Ok(Box::new(Room::<R>(Some(decode(bytes)?))))
    }
}

/// What the number of an address says, from the lowest bits on: its part, its place, its generation.
const PART_BITS: u32 = 3;
const PLACE_BITS: u32 = 30;
const PARTS: usize = 1 << PART_BITS;
/// A place that was used so often is not used again.
const GENERATIONS: u32 = 1 << (62 - PART_BITS - PLACE_BITS);

/// So many places of a part are kept when they are empty.
const FEW: usize = 512;

/// A larger room is not kept.
const MAX_ROOM_BYTES: usize = 256;

impl Replies {
    /// A table for many threads.
    pub(crate) fn shared() -> Self {
        Replies((0..PARTS).map(|_| Part::default()).collect())
    }

    /// A table whose numbers do not depend on the thread.
    pub(crate) fn deterministic() -> Self {
        Replies(Box::new([Part::default()]))
    }

    /// Opens an address for a question to `of`. The caller must wait with [`poll`](Replies::poll) until
    /// the end, or [`give_up`](Replies::give_up).
    pub(crate) fn open<R: Message>(&self, of: Option<ActorId>) -> ActorId {
        let part = part_of_thread() % self.0.len();
        let (place, generation) = self.0[part].0.lock().open::<R>(of);
        let number =
            u64::from(generation) << PLACE_BITS << PART_BITS | u64::from(place) << PART_BITS;
        ActorId(ActorId::FIRST_REPLY | number | part as u64)
    }

    /// Takes the answer and closes the address if it is there, or if none will come.
    pub(crate) fn poll<R: Message>(&self, id: ActorId, cx: &mut Context<'_>) -> Poll<Option<R>> {
        let Some(part) = self.part(id) else { return Poll::Ready(None) };
        let mut places = part.0.lock();
        let Some((index, place)) = places.find(id) else { return Poll::Ready(None) };
        if let Stage::Waiting(waker) = &mut place.stage {
            if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                let old = waker.replace(cx.waker().clone());
                drop(places);
                drop(old);
            }
            return Poll::Pending;
        }
        let answer = place.take_answer::<R>();
        places.close(index);
        Poll::Ready(answer)
    }

    /// Closes an address, whatever became of it.
    pub(crate) fn give_up<R: Message>(&self, id: ActorId) {
        let Some(part) = self.part(id) else { return };
        let mut places = part.0.lock();
        let Some((index, place)) = places.find(id) else { return };
        let stage = mem::replace(&mut place.stage, Stage::Over);
        let answer = place.take_answer::<R>();
        places.close(index);
        drop(places);
        drop((stage, answer));
    }

    /// Puts the one answer behind an address. One that is not of the right type spoils it: no other will
    /// come.
    pub(crate) fn answer<R: Message>(
        &self,
        id: ActorId,
        answer: &mut Option<R>,
    ) -> Result<(), Cause> {
        let (waker, answered) = {
            let mut places = self.part(id).ok_or(Cause::ReplyUsed)?.0.lock();
            let place = places.waiting(id).ok_or(Cause::ReplyUsed)?;
            match place.room::<R>() {
                Some(room) => {
                    room.0 = answer.take();
                    (place.settle(Stage::Answered), Ok(()))
                }
                None => (place.settle(Stage::Over), Err(Cause::WrongType)),
            }
        };
        waker.into_iter().for_each(Waker::wake);
        answered
    }

    /// Puts the one answer behind an address, as [`answer`](Replies::answer) does.
    pub(crate) fn answer_encoded(&self, id: ActorId, bytes: &[u8]) -> Result<(), Cause> {
        let part = self.part(id).ok_or(Cause::ReplyUsed)?;
        let decoder = {
            let mut places = part.0.lock();
            let place = places.waiting(id).ok_or(Cause::ReplyUsed)?;
            place.room.as_ref().ok_or(Cause::ReplyUsed)?.decoder()
        };
        let decoded = decoder(bytes);
        let (waker, _unused, answered) = {
            let mut places = part.0.lock();
            // Another answer may have come meanwhile, or nobody waits any more.
            let place = places.waiting(id).ok_or(Cause::ReplyUsed)?;
            match decoded {
                Ok(room) => (place.settle(Stage::Answered), place.room.replace(room), Ok(())),
                Err(cause) => (place.settle(Stage::Over), None, Err(cause)),
            }
        };
        waker.into_iter().for_each(Waker::wake);
        answered
    }

    /// Ends all questions to `of` that are not answered.
    pub(crate) fn end_questions_to(&self, of: ActorId) {
        self.end(|place| place.of == Some(of), |_| {});
    }

    /// Ends all questions that are not answered, and those that come.
    pub(crate) fn close(&self) {
        self.end(|_| true, |places| places.closed = true);
    }

    /// How many addresses were opened so far.
    pub(crate) fn opened(&self) -> u64 {
        self.0.iter().map(|part| part.0.lock().opened).sum()
    }

    fn end(&self, wanted: impl Fn(&Place) -> bool, mark: impl Fn(&mut Places)) {
        for part in &self.0 {
            let wakers: Vec<Waker> = {
                let mut places = part.0.lock();
                mark(&mut places);
                let waiting = places.places.iter_mut().filter(|place| place.is_waiting());
                waiting
                    .filter(|place| wanted(place))
                    .filter_map(|place| place.settle(Stage::Over))
                    .collect()
            };
            wakers.into_iter().for_each(Waker::wake);
        }
    }

    fn part(&self, id: ActorId) -> Option<&Part> {
        self.0.get(id.0 as usize % PARTS)
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
    fn open<R: Message>(&mut self, of: Option<ActorId>) -> (u32, u32) {
        self.opened += 1;
        let index = self.free.pop().unwrap_or_else(|| self.make_room());
        let place = &mut self.places[index as usize];
        place.of = of;
        place.stage = if self.closed { Stage::Over } else { Stage::Waiting(None) };
        if place.room::<R>().is_none() {
            place.room = Some(Box::new(Room::<R>(None)));
        }
        (index, place.generation)
    }

    #[cold]
    fn make_room(&mut self) -> u32 {
        let index = self.places.len();
        assert!(index < 1 << PLACE_BITS, "so many open questions fit into no memory");
        self.places.push(Place {
            generation: self.first_generation,
            of: None,
            stage: Stage::Free,
            room: None,
        });
        index as u32
    }

    /// The place of an address that is open.
    fn find(&mut self, id: ActorId) -> Option<(usize, &mut Place)> {
        let number = id.0.checked_sub(ActorId::FIRST_REPLY)?;
        let index = ((number >> PART_BITS) & ((1 << PLACE_BITS) - 1)) as usize;
        let generation = number >> PLACE_BITS >> PART_BITS;
        let place = self.places.get_mut(index)?;
        (u64::from(place.generation) == generation && !matches!(place.stage, Stage::Free))
            .then_some((index, place))
    }

    /// The place of an address that is open and was not answered.
    fn waiting(&mut self, id: ActorId) -> Option<&mut Place> {
        self.find(id).map(|(_, place)| place).filter(|place| place.is_waiting())
    }

    /// Closes an address; what it held must have been taken out.
    fn close(&mut self, index: usize) {
        let place = &mut self.places[index];
        place.stage = Stage::Free;
        place.generation += 1;
        if place.generation < GENERATIONS {
            self.free.push(index as u32);
            if self.places.len() > FEW && self.free.len() == self.places.len() {
                self.give_back();
            }
        }
    }

    /// Frees what a crowd of questions left behind.
    #[cold]
    fn give_back(&mut self) {
        let places = mem::take(&mut self.places);
        self.free = Vec::new();
        self.first_generation = places.iter().map(|place| place.generation).max().unwrap_or(0);
    }
}

impl Place {
    fn is_waiting(&self) -> bool {
        matches!(self.stage, Stage::Waiting(_))
    }

    /// Ends the waiting; gives the waker of whoever waits.
    fn settle(&mut self, stage: Stage) -> Option<Waker> {
        match mem::replace(&mut self.stage, stage) {
            Stage::Waiting(waker) => waker,
            Stage::Free | Stage::Answered | Stage::Over => None,
        }
    }

    /// The room, if it is for this type.
    fn room<R: Message>(&mut self) -> Option<&mut Room<R>> {
        let room: &mut dyn Any = &mut **self.room.as_mut()?;
        room.downcast_mut()
    }

    fn take_answer<R: Message>(&mut self) -> Option<R> {
        let answer = self.room::<R>()?.0.take();
        if size_of::<R>() > MAX_ROOM_BYTES {
            self.room = None;
        }
        answer
    }
}

#[cfg(test)]
mod tests;
