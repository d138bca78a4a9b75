use std::{
    collections::HashSet,
    sync::{Arc, OnceLock, atomic::AtomicU64, mpsc},
    task::Wake,
    thread,
};

use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use super::*;
use crate::{
    Address, Incarnation,
    reply::{self, Reply},
};

fn table() -> Arc<Replies> {
    Arc::new(Replies::shared())
}

fn open<R: Message>(replies: &Arc<Replies>, of: Option<ActorId>) -> (ActorId, Reply<R>) {
    let (to, reply) = reply::open(replies, &Address::new("a:1"), Incarnation::ANY, of);
    (to.raw.id, reply)
}

fn answer<R: Message>(replies: &Replies, id: ActorId, answer: R) -> Result<(), Cause> {
    replies.answer(id, &mut Some(answer))
}

fn now<R: Message>(reply: &mut Reply<R>) -> Poll<Option<R>> {
    std::pin::pin!(reply).poll(&mut Context::from_waker(Waker::noop()))
}

fn places(replies: &Replies) -> usize {
    replies.0.iter().map(|part| part.0.lock().places.len()).sum()
}

#[test]
fn an_answer_arrives_once() {
    let replies = table();
    let (id, mut reply) = open::<u64>(&replies, None);
    assert_eq!(now(&mut reply), Poll::Pending);
    assert_eq!(answer(&replies, id, 7u64), Ok(()));
    assert_eq!(answer(&replies, id, 8u64), Err(Cause::ReplyUsed));
    assert_eq!(now(&mut reply), Poll::Ready(Some(7)));
    assert_eq!(answer(&replies, id, 9u64), Err(Cause::ReplyUsed));
    assert_eq!(now(&mut reply), Poll::Ready(None), "it has ended");

    let (id, mut reply) = open::<String>(&replies, None);
    let bytes = postcard::to_stdvec("as bytes").expect("a text can be encoded");
    assert_eq!(replies.answer_encoded(id, &bytes), Ok(()));
    assert_eq!(replies.answer_encoded(id, &bytes), Err(Cause::ReplyUsed));
    assert_eq!(now(&mut reply), Poll::Ready(Some("as bytes".to_owned())));
    assert_eq!(places(&replies), 1, "one place served both");
}

#[test]
fn a_spoiled_answer_ends_the_wait() {
    let replies = table();
    let (id, mut reply) = open::<u64>(&replies, None);
    assert_eq!(answer(&replies, id, "text".to_owned()), Err(Cause::WrongType));
    assert_eq!(answer(&replies, id, 7u64), Err(Cause::ReplyUsed));
    assert_eq!(now(&mut reply), Poll::Ready(None));
    let (id, mut reply) = open::<String>(&replies, None);
    assert_eq!(replies.answer_encoded(id, &[200]), Err(Cause::Codec));
    assert_eq!(now(&mut reply), Poll::Ready(None));
    for stranger in [0, ActorId::FIRST_REPLY + (1 << 40), u64::MAX] {
        assert_eq!(answer(&replies, ActorId(stranger), 7u64), Err(Cause::ReplyUsed));
        assert_eq!(replies.answer_encoded(ActorId(stranger), &[7]), Err(Cause::ReplyUsed));
    }
}

#[test]
fn a_place_is_used_again_but_never_a_number() {
    let replies = table();
    let mut seen = HashSet::new();
    for _ in 0..10 {
        let opened: Vec<_> = (0..2 * FEW).map(|_| open::<u64>(&replies, None)).collect();
        assert!(opened.iter().all(|(id, _)| id.is_reply() && seen.insert(*id)));
        for (number, (id, mut reply)) in opened.into_iter().enumerate() {
            assert_eq!(answer(&replies, id, number as u64), Ok(()));
            assert_eq!(now(&mut reply), Poll::Ready(Some(number as u64)));
        }
        assert_eq!(places(&replies), 0, "a crowd gives its places back");
    }
    let (first, reply) = open::<u64>(&replies, None);
    drop(reply);
    let (_, mut second) = open::<u64>(&replies, None);
    assert_eq!(places(&replies), 1);
    assert_eq!(answer(&replies, first, 1u64), Err(Cause::ReplyUsed));
    assert_eq!(now(&mut second), Poll::Pending);
    assert_eq!(replies.opened(), 20 * FEW as u64 + 2);
}

#[test]
fn a_place_that_is_used_up_is_left() {
    let replies = Arc::new(Replies::deterministic());
    let part = &replies.0[0].0;
    drop(open::<u64>(&replies, None));
    part.lock().places[0].generation = GENERATIONS - 1;
    let (last, mut reply) = open::<u64>(&replies, None);
    assert_eq!(last.0, ActorId::FIRST_REPLY | u64::from(GENERATIONS - 1) << 33);
    assert_eq!(answer(&replies, last, 1u64), Ok(()));
    assert_eq!(now(&mut reply), Poll::Ready(Some(1)));
    let (next, _reply) = open::<u64>(&replies, None);
    assert_eq!((places(&replies), part.lock().places[1].generation), (2, 0));
    assert_eq!(answer(&replies, last, 1u64), Err(Cause::ReplyUsed));
    assert_eq!(answer(&replies, next, 1u64), Ok(()));
}

#[test]
fn what_is_given_up_takes_no_room() {
    let replies = table();
    let kept: Vec<_> = (0..100).map(|_| open::<u64>(&replies, None)).collect();
    for _ in 0..100_000 {
        let (id, reply) = open::<[u64; 32]>(&replies, None);
        assert_eq!(answer(&replies, id, [7u64; 32]), Ok(()));
        drop(reply);
    }
    assert_eq!(places(&replies), 101);
    for (id, mut reply) in kept {
        assert_eq!(answer(&replies, id, 7u64), Ok(()));
        assert_eq!(now(&mut reply), Poll::Ready(Some(7)));
    }
}

#[test]
fn the_questions_to_one_actor_end_with_it() {
    let replies = table();
    let (a, b) = (ActorId(1), ActorId(2));
    let mut asked: Vec<_> =
        [Some(a), Some(b), None, Some(a)].map(|of| open::<u64>(&replies, of)).into();
    assert_eq!(answer(&replies, asked[3].0, 3u64), Ok(()), "answered before the end");
    replies.end_questions_to(a);
    assert_eq!(answer(&replies, asked[0].0, 0u64), Err(Cause::ReplyUsed));
    assert_eq!(now(&mut asked[0].1), Poll::Ready(None));
    assert_eq!(now(&mut asked[1].1), Poll::Pending);
    assert_eq!(now(&mut asked[3].1), Poll::Ready(Some(3)));
    replies.close();
    assert_eq!(now(&mut asked[1].1), Poll::Ready(None));
    assert_eq!(now(&mut asked[2].1), Poll::Ready(None));
    assert_eq!(now(&mut open::<u64>(&replies, None).1), Poll::Ready(None), "closed for good");
}

/// An answer whose destructor needs the table.
#[derive(Serialize, Deserialize)]
struct Touchy;

static TOUCHED: OnceLock<Arc<Replies>> = OnceLock::new();

impl Drop for Touchy {
    fn drop(&mut self) {
        drop(open::<u64>(TOUCHED.get().expect("a table"), None));
    }
}

/// A waker whose destructor needs it too.
struct TouchyWaker;

impl Wake for TouchyWaker {
    fn wake(self: Arc<Self>) {
        drop(Touchy);
    }
}

impl Drop for TouchyWaker {
    fn drop(&mut self) {
        drop(Touchy);
    }
}

#[test]
fn nothing_foreign_runs_under_a_lock() {
    let (done, ended) = mpsc::channel();
    thread::spawn(move || {
        let replies = TOUCHED.get_or_init(table).clone();
        for give_up in [true, false] {
            let (id, mut reply) = open::<Touchy>(&replies, None);
            for _ in 0..2 {
                let waker = Arc::new(TouchyWaker).into();
                let pending = std::pin::pin!(&mut reply).poll(&mut Context::from_waker(&waker));
                assert!(pending.is_pending());
            }
            assert_eq!(answer(&replies, id, Touchy), Ok(()));
            assert!(give_up || now(&mut reply).is_ready());
        }
        let (_, mut reply) = open::<Touchy>(&replies, None);
        let waker = Arc::new(TouchyWaker).into();
        assert!(std::pin::pin!(&mut reply).poll(&mut Context::from_waker(&waker)).is_pending());
        drop(waker);
        drop(reply);
        done.send(()).expect("the test waits");
    });
    ended.recv_timeout(std::time::Duration::from_secs(60)).expect("no deadlock");
}

/// Many threads ask and give up every fifth question; one answers everything twice.
#[test]
fn answers_reach_their_question_and_no_other_under_contention() {
    const THREADS: u64 = 4;
    const EACH: u64 = 20_000;
    let replies = table();
    let (questions, to_answer) = mpsc::channel::<(ActorId, u64)>();
    let refused = Arc::new(AtomicU64::new(0));
    let answerer = thread::spawn({
        let (replies, refused) = (replies.clone(), refused.clone());
        move || {
            for (id, number) in to_answer {
                for encoded in [number.is_multiple_of(2), number.is_multiple_of(3)] {
                    let answered = if encoded {
                        let bytes = postcard::to_stdvec(&number).expect("a number can be encoded");
                        replies.answer_encoded(id, &bytes)
                    } else {
                        answer(&replies, id, number)
                    };
                    refused.fetch_add(u64::from(answered.is_err()), Relaxed);
                }
            }
        }
    });
    let askers: Vec<_> = (0..THREADS)
        .map(|thread| {
            let (replies, questions) = (replies.clone(), questions.clone());
            thread::spawn(move || {
                let runtime =
                    tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
                let mut answered = 0;
                for number in thread * EACH..(thread + 1) * EACH {
                    let (id, reply) = open::<u64>(&replies, None);
                    questions.send((id, number)).expect("the answerer listens");
                    if number % 5 != 0 {
                        assert_eq!(runtime.block_on(reply), Some(number));
                        answered += 1;
                    }
                }
                answered
            })
        })
        .collect();
    drop(questions);
    let answered: u64 = askers.into_iter().map(|asker| asker.join().expect("an asker")).sum();
    answerer.join().expect("the answerer ended");
    assert_eq!(answered, THREADS * EACH / 5 * 4);
    let refused = refused.load(Relaxed);
    let all = THREADS * EACH; // each is answered twice, and a fifth is given up at some time
    assert!((all..=all + all / 5).contains(&refused), "{refused}");
    assert_eq!(replies.opened(), THREADS * EACH);
    let open = replies.0.iter().map(|part| {
        let places = part.0.lock();
        places.places.len() - places.free.len()
    });
    assert_eq!(open.sum::<usize>(), 0);
}

#[derive(Clone, Debug)]
enum Step {
    Open(Option<u64>),
    Answer(usize),
    AnswerEncoded(usize),
    Poll(usize),
    Drop(usize),
    End(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => prop::option::of(0u64..3).prop_map(Step::Open),
        2 => any::<usize>().prop_map(Step::Answer),
        1 => any::<usize>().prop_map(Step::AnswerEncoded),
        2 => any::<usize>().prop_map(Step::Poll),
        1 => any::<usize>().prop_map(Step::Drop),
        1 => (0u64..3).prop_map(Step::End),
    ]
}

/// A question, and what its asker should see.
struct Question {
    id: ActorId,
    reply: Option<Reply<u64>>,
    of: Option<u64>,
    fate: Fate,
}

#[derive(Clone, Copy, PartialEq)]
enum Fate {
    Waiting,
    Answered,
    Over,
    Gone,
}

proptest! {
    #[test]
    fn the_table_does_what_its_model_does(steps in prop::collection::vec(step(), 0..200)) {
        let replies = Arc::new(Replies::deterministic());
        let mut asked: Vec<Question> = Vec::new();
        for step in steps {
            match step {
                Step::Open(of) => {
                    let (id, reply) = open::<u64>(&replies, of.map(ActorId));
                    prop_assert!(asked.iter().all(|other| other.id != id));
                    asked.push(Question { id, reply: Some(reply), of, fate: Fate::Waiting });
                }
                Step::End(of) => {
                    replies.end_questions_to(ActorId(of));
                    for question in &mut asked {
                        if question.of == Some(of) && question.fate == Fate::Waiting {
                            question.fate = Fate::Over;
                        }
                    }
                }
                Step::Answer(at) | Step::AnswerEncoded(at) | Step::Poll(at) | Step::Drop(at)
                    if !asked.is_empty() =>
                {
                    let at = at % asked.len();
                    asked[at].go(&replies, &step)?;
                }
                _ => {}
            }
        }
        let open = asked.iter().filter(|question| question.fate != Fate::Gone).count();
        let places = replies.0[0].0.lock();
        prop_assert_eq!(places.places.len() - places.free.len(), open);
    }
}

impl Question {
    fn go(&mut self, replies: &Replies, step: &Step) -> Result<(), TestCaseError> {
        let answered = match step {
            Step::Poll(_) => {
                let expected = match self.fate {
                    Fate::Waiting => Poll::Pending,
                    Fate::Answered => Poll::Ready(Some(self.id.0)),
                    Fate::Over | Fate::Gone => Poll::Ready(None),
                };
                if let Some(reply) = &mut self.reply {
                    prop_assert_eq!(now(reply), expected);
                }
                if self.fate != Fate::Waiting {
                    self.fate = Fate::Gone;
                }
                return Ok(());
            }
            Step::AnswerEncoded(_) => {
                let bytes = postcard::to_stdvec(&self.id.0).expect("a number can be encoded");
                replies.answer_encoded(self.id, &bytes)
            }
            Step::Answer(_) => answer(replies, self.id, self.id.0),
            Step::Drop(_) | Step::Open(_) | Step::End(_) => {
                (self.reply, self.fate) = (None, Fate::Gone);
                return Ok(());
            }
        };
        prop_assert_eq!(answered.is_ok(), self.fate == Fate::Waiting);
        if answered.is_ok() {
            self.fate = Fate::Answered;
        }
        Ok(())
    }
}
