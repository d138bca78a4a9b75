//! A WebSocket client by hand, after RFC 6455, on a plain blocking socket.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::PATIENCE;
use crate::bytes::{Answer, read_answers};

/// Runs `test` with the query port of a fresh server.
pub fn with_server(test: impl FnOnce(SocketAddr) + Send + 'static) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let server = kvserver::start(kvserver::Config::default()).await.expect("a server");
        let address = server.queries()[0];
        let test = tokio::task::spawn_blocking(move || test(address));
        let result = test.await;
        server.shutdown().await;
        if let Err(panic) = result {
            std::panic::resume_unwind(panic.into_panic());
        }
    });
}

/// The document's request.
pub fn handshake(host: &str) -> String {
    format!(
        "GET / HTTP/1.1\r\n\
         Host: {host}\r\n\
         Connection: Upgrade\r\n\
         Upgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: cmud-kv.1\r\n\r\n"
    )
}

/// The head of the answer to a request, and the body if it came along.
pub fn http(address: SocketAddr, request: &str) -> String {
    let mut stream = connect(address);
    stream.write_all(request.as_bytes()).expect("it is sent");
    let mut answer = Vec::new();
    let mut buffer = [0; 1024];
    while !answer.windows(4).any(|window| window == b"\r\n\r\n") {
        let read = stream.read(&mut buffer).expect("an answer");
        assert_ne!(read, 0, "it hangs up without an answer");
        answer.extend_from_slice(&buffer[..read]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}

#[derive(Debug, PartialEq, Eq)]
pub enum Frame {
    Binary(Vec<u8>),
    Pong(Vec<u8>),
    Close { code: u16, reason: String },
}

pub struct Socket {
    stream: TcpStream,
    answers: Vec<Answer>,
}

impl Socket {
    pub fn open(address: SocketAddr) -> Self {
        let mut stream = connect(address);
        stream.write_all(handshake(&address.to_string()).as_bytes()).expect("it is sent");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.extend(read_exactly(&mut stream, 1));
        }
        let head = String::from_utf8(head).expect("text");
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        for line in [
            "connection: upgrade",
            "upgrade: websocket",
            "sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=",
            "sec-websocket-protocol: cmud-kv.1",
        ] {
            assert!(head.to_lowercase().contains(&format!("\r\n{line}\r\n")), "{head}");
        }
        Self { stream, answers: Vec::new() }
    }

    /// Sends a binary message.
    pub fn send(&mut self, message: &[u8]) {
        self.send_frame(0x82, message);
    }

    /// Sends a frame with this first byte: the final bit and the opcode.
    pub fn send_frame(&mut self, first_byte: u8, payload: &[u8]) {
        const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
        let mut frame = vec![first_byte];
        match payload.len() {
            length @ 0..126 => frame.push(0x80 | length as u8),
            length @ 126..65536 => {
                frame.push(0x80 | 126);
                frame.extend((length as u16).to_be_bytes());
            }
            length => {
                frame.push(0x80 | 127);
                frame.extend((length as u64).to_be_bytes());
            }
        }
        frame.extend(MASK);
        frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        self.stream.write_all(&frame).expect("it is sent");
    }

    /// The next `count` answers, in the order of their coming.
    pub fn answers(&mut self, count: usize) -> Vec<Answer> {
        while self.answers.len() < count {
            match self.read_frame() {
                Frame::Binary(message) => {
                    assert!(message.len() <= 1_048_576);
                    self.answers.extend(read_answers(&message));
                }
                other => panic!("{other:?} instead of answers"),
            }
        }
        self.answers.drain(..count).collect()
    }

    pub fn read_frame(&mut self) -> Frame {
        let head = read_exactly(&mut self.stream, 2);
        let length = match head[1] {
            length @ 0..126 => u64::from(length),
            126 => read_exactly(&mut self.stream, 2).iter().fold(0, be),
            127 => read_exactly(&mut self.stream, 8).iter().fold(0, be),
            _ => panic!("a server does not mask its frames"),
        };
        let payload = read_exactly(&mut self.stream, usize::try_from(length).expect("a length"));
        match head[0] {
            0x82 => Frame::Binary(payload),
            0x8a => Frame::Pong(payload),
            0x88 => Frame::Close {
                code: payload[..2].iter().fold(0, |code, byte| code << 8 | u16::from(*byte)),
                reason: String::from_utf8(payload[2..].to_vec()).expect("UTF-8"),
            },
            other => panic!("a frame of type {other:x}"),
        }
    }
}

fn be(number: u64, byte: &u8) -> u64 {
    number << 8 | u64::from(*byte)
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("the server listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    stream.set_write_timeout(Some(PATIENCE)).expect("a time-out");
    stream
}

fn read_exactly(stream: &mut TcpStream, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    stream.read_exact(&mut bytes).expect("the server answers");
    bytes
}
