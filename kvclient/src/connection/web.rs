//! The web twin, on the browser's `WebSocket`.

use js_sys::{ArrayBuffer, Uint8Array};
use kvcommon::PROTOCOL;
use kvcommon::limits::MAX_MESSAGE_BYTES;
use tokio::sync::mpsc;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{BinaryType, CloseEvent, MessageEvent, WebSocket};

use super::Event;
use crate::Address;
use crate::error::sentence;
use crate::session::Failure;

pub(crate) struct Connection {
    handlers: Handlers,
    events: mpsc::UnboundedReceiver<Happening>,
}

enum Happening {
    Opened,
    Message(Vec<u8>),
    Ended(Failure),
}

impl Connection {
    pub(crate) async fn open(address: &Address) -> Result<Self, Failure> {
        let socket = WebSocket::new_with_str(&address.url(), PROTOCOL)
            .map_err(|error| Failure::Unreachable(explain(&error)))?;
        socket.set_binary_type(BinaryType::Arraybuffer);
        let (sender, events) = mpsc::unbounded_channel();
        let mut connection = Self { handlers: Handlers::new(socket, &sender), events };
        match connection.events.recv().await {
            Some(Happening::Opened) if connection.handlers.socket.protocol() == PROTOCOL => {
                Ok(connection)
            }
            Some(Happening::Opened | Happening::Message(_)) => {
                Err(Failure::Protocol(format!("it does not speak {PROTOCOL}")))
            }
            // A browser does not tell a page why it could not connect.
            Some(Happening::Ended(Failure::Unreachable(_))) | None => Err(Failure::Unreachable(
                "no WebSocket could be opened. Is a server running there?".to_owned(),
            )),
            Some(Happening::Ended(failure)) => Err(failure),
        }
    }

    /// The browser's own buffer takes everything.
    pub(crate) fn has_room(&self) -> bool {
        true
    }

    pub(crate) fn feed(&mut self, message: Vec<u8>) {
        // On a socket that has just ended this fails, and `next` says that it has ended.
        let _ = self.handlers.socket.send_with_u8_array(&message);
    }

    pub(crate) async fn next(&mut self) -> Result<Event<Vec<u8>>, Failure> {
        match self.events.recv().await {
            Some(Happening::Message(message)) => Ok(Event::Message(message)),
            Some(Happening::Opened) => Ok(Event::Room),
            Some(Happening::Ended(failure)) => Err(failure),
            None => Err(Failure::closed(1006, "")),
        }
    }

    /// Says goodbye, without waiting for the answer.
    pub(crate) async fn close(self) {}
}

/// The socket and what it calls; dropping them closes it, so that one that is still being opened
/// does not live on.
struct Handlers {
    socket: WebSocket,
    _open: Closure<dyn FnMut()>,
    _message: Closure<dyn FnMut(MessageEvent)>,
    _close: Closure<dyn FnMut(CloseEvent)>,
}

impl Handlers {
    fn new(socket: WebSocket, events: &mpsc::UnboundedSender<Happening>) -> Self {
        // A send fails only when the connection is gone, and then nobody wants to know.
        let sender = events.clone();
        let open = Closure::new(move || drop(sender.send(Happening::Opened)));
        let sender = events.clone();
        let message = Closure::new(move |event: MessageEvent| {
            drop(sender.send(match read(&event) {
                Ok(message) => Happening::Message(message),
                Err(failure) => Happening::Ended(failure),
            }));
        });
        let sender = events.clone();
        let close = Closure::new(move |event: CloseEvent| {
            drop(sender.send(Happening::Ended(Failure::closed(event.code(), &event.reason()))));
        });
        socket.set_onopen(Some(open.as_ref().unchecked_ref()));
        socket.set_onmessage(Some(message.as_ref().unchecked_ref()));
        socket.set_onclose(Some(close.as_ref().unchecked_ref()));
        Self { socket, _open: open, _message: message, _close: close }
    }
}

impl Drop for Handlers {
    fn drop(&mut self) {
        self.socket.set_onopen(None);
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
        // Fails only for a bad code or reason, and there is neither.
        let _ = self.socket.close();
    }
}

fn read(event: &MessageEvent) -> Result<Vec<u8>, Failure> {
    let Ok(buffer) = event.data().dyn_into::<ArrayBuffer>() else {
        let cause = "it sent text where only binary messages are sent".to_owned();
        return Err(Failure::Protocol(cause));
    };
    let bytes = Uint8Array::new(&buffer);
    if bytes.length() as usize > MAX_MESSAGE_BYTES {
        let cause = format!("its message is too large ({} bytes)", bytes.length());
        return Err(Failure::Protocol(cause));
    }
    Ok(bytes.to_vec())
}

fn explain(error: &JsValue) -> String {
    match error.dyn_ref::<js_sys::Error>() {
        Some(error) => sentence(&String::from(error.message())),
        None => "the browser refuses it".to_owned(),
    }
}
