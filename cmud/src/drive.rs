//! Carries a session's effects out with the store's client: all that both faces share.
//!
//! It decides nothing: it asks what the session wants asked, sets the timers that it wants set,
//! and passes on what the person does and what is to be seen.

use std::future::pending;
use std::pin::pin;
use std::time::Duration;

use futures::future::{Either, select};
use futures::stream::FuturesUnordered;
use futures::{Stream, StreamExt};
use kvclient::{Client, ErrorKind, Link, platform};

use crate::session::{Effect, Input, Output, Session, StoreError, StoreReply, StoreRequest, View};

/// What a person does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserInput {
    /// A line was typed.
    Line(String),
    /// Ctrl-C, or a stop button.
    Interrupt,
}

/// How a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With a goodbye.
    Goodbye,
    /// It could not begin, or the input ended while the store was away; a sentence says why.
    Failed(String),
}

/// Plays a session to its end. `outputs` are the ones that came with the new session; the end of
/// `inputs` is the end of input; everything visible goes to `view`, in order.
///
/// The end of `inputs` lets what was typed before it still be done. To leave at once, drop the
/// future: nothing that was shown as earned is lost.
///
/// The future runs wherever `kvclient` does, in a page too. It is not `Send`: await it in
/// `block_on`, in a `LocalSet` or with `spawn_local`.
pub async fn drive(
    mut session: Session,
    mut outputs: Vec<Output>,
    client: Client,
    inputs: impl Stream<Item = UserInput>,
    mut view: impl FnMut(View),
) -> Ending {
    let mut inputs = pin!(inputs);
    let mut ended = false;
    let mut link = client.link();
    // It may have been used before.
    link.mark_changed();
    let mut effects = FuturesUnordered::new();
    let mut ending = Ending::Goodbye;
    loop {
        for output in outputs {
            match output {
                Output::View(shown) => {
                    if let View::Fail { message } = &shown {
                        ending = Ending::Failed(message.clone());
                    }
                    view(shown);
                }
                Output::Effect(effect) => effects.push(carry_out(&client, effect)),
            }
        }
        if session.is_over() {
            return ending;
        }
        let person = async {
            if ended || session.is_full() { pending().await } else { inputs.next().await }
        };
        let effect = async {
            match effects.next().await {
                Some(done) => done,
                None => pending().await,
            }
        };
        let connected = async {
            while link.changed().await.is_ok() {
                if let Link::Live { addr } = &*link.borrow_and_update() {
                    return Input::Connected { to: addr.to_string() };
                }
            }
            pending().await
        };
        // A connection is older than the answers that came by it.
        let store = pin!(async { select(pin!(connected), pin!(effect)).await.factor_first().0 });
        let input = match select(pin!(person), store).await {
            Either::Left((Some(UserInput::Line(line)), _)) => Input::Line(line),
            Either::Left((Some(UserInput::Interrupt), _)) => Input::Interrupt,
            Either::Left((None, _)) => {
                ended = true;
                Input::EndOfInput
            }
            Either::Right((heard, _)) => heard,
        };
        outputs = session.handle(input);
    }
}

/// Does what an output asks for and says what came of it.
async fn carry_out(client: &Client, effect: Effect) -> Input {
    match effect {
        Effect::Sleep { id, millis } => {
            platform::sleep(Duration::from_millis(millis)).await;
            Input::Elapsed { id }
        }
        Effect::Store { id, request } => {
            let result = ask(client, request).await.map_err(|error| match error.kind() {
                ErrorKind::NotReady => StoreError::NotReady(error.to_string()),
                ErrorKind::Invalid | ErrorKind::TooLarge => StoreError::Refused(error.to_string()),
                _ => StoreError::Unreachable(error.to_string()),
            });
            Input::Stored { id, result }
        }
    }
}

async fn ask(client: &Client, request: StoreRequest) -> Result<StoreReply, kvclient::Error> {
    Ok(match request {
        StoreRequest::Get { key } => {
            StoreReply::Value(client.get(key.as_str()).await?.map(|found| found.value))
        }
        StoreRequest::Put { key, value } => {
            client.put(key.as_str(), &value).await?;
            StoreReply::Done
        }
        StoreRequest::List { prefix } => {
            let entries = client.list(prefix.as_str()).await?;
            StoreReply::Entries(
                entries.into_iter().map(|(key, found)| (key, found.value)).collect(),
            )
        }
    })
}
