//! What is said on the wire to each kind of server, made before the measurement: while it runs, the
//! generator only moves bytes, alike for all.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use kvcommon::{Answer, PROTOCOL, Query, QueryId, Refusal, RefusalKind, frame};

/// A server's language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Redis's protocol.
    Resp,
    /// This project's queries, in WebSocket messages.
    Kv,
    /// The same of a server that may say that it is not ready, which counts as an answer.
    Newcomer,
    /// Anything, in WebSocket messages that come back as they are.
    Echo,
}

/// One thing to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask<'a> {
    Get(&'a str),
    Set(&'a str, &'a str),
    /// All keys with this prefix, as a page, as `SCAN … MATCH` would find them.
    List(&'a str),
}

impl Dialect {
    /// Opens a connection that is ready for requests.
    pub fn connect(self, address: SocketAddr) -> io::Result<TcpStream> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        if self != Dialect::Resp {
            open_websocket(&mut stream, address)?;
        }
        Ok(stream)
    }

    /// A request of this many queries, all of them at once.
    pub fn request(self, asks: &[Ask<'_>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        if self == Dialect::Resp {
            asks.iter().for_each(|ask| resp(&mut bytes, ask));
            return bytes;
        }
        for (id, ask) in (0..).zip(asks) {
            let query = match *ask {
                Ask::Get(key) => Query::Get { key },
                Ask::Set(key, value) => Query::Put { key, value, floor: None },
                Ask::List(prefix) => Query::List { prefix, after: None },
            };
            frame::encode_query(&mut bytes, QueryId(id), &query);
        }
        masked(&bytes)
    }

    /// How many answers the first complete piece of `bytes` brings, and its length; `None` while no
    /// piece is complete. An error answer is an error.
    pub fn answers(self, bytes: &[u8]) -> io::Result<Option<(usize, u64)>> {
        if self == Dialect::Resp {
            return Ok(resp_length(bytes)?.map(|length| (length, 1)));
        }
        let Some((start, end)) = websocket_frame(bytes)? else { return Ok(None) };
        let count = if self == Dialect::Echo { 1 } else { self.count(&bytes[start..end])? };
        Ok(Some((end, count)))
    }

    fn count(self, message: &[u8]) -> io::Result<u64> {
        let mut count = 0;
        for item in frame::answers(message) {
            match item.map_err(io::Error::other)?.answer {
                Answer::Refused(Refusal { kind: RefusalKind::NotReady, .. })
                    if self == Dialect::Newcomer =>
                {
                    count += 1;
                }
                Answer::Refused(refusal) => return Err(io::Error::other(refusal)),
                _ => count += 1,
            }
        }
        Ok(count)
    }
}

/// A connection for one query at a time, whose answers are looked at.
pub struct Asker {
    stream: TcpStream,
    bytes: Vec<u8>,
    scratch: Vec<u8>,
}

impl Asker {
    pub fn connect(port: SocketAddr) -> io::Result<Self> {
        let stream = Dialect::Kv.connect(port)?;
        Ok(Self { stream, bytes: Vec::new(), scratch: vec![0; 128 * 1024] })
    }

    /// Asks and waits for the answer.
    pub fn ask(&mut self, query: &Query<'_>) -> io::Result<Answer<'_>> {
        let mut message = Vec::new();
        frame::encode_query(&mut message, QueryId(0), query);
        self.stream.write_all(&masked(&message))?;
        self.bytes.clear();
        let (start, end) = loop {
            if let Some(found) = websocket_frame(&self.bytes)? {
                break found;
            }
            match self.stream.read(&mut self.scratch)? {
                0 => return Err(ErrorKind::UnexpectedEof.into()),
                length => self.bytes.extend_from_slice(&self.scratch[..length]),
            }
        };
        let answer = frame::answers(&self.bytes[start..end]).next();
        Ok(answer.ok_or(ErrorKind::UnexpectedEof)?.map_err(io::Error::other)?.answer)
    }
}

/// Lists every key, page by page, on a connection of its own; how long that took and how many there
/// were.
pub fn list_everything(port: SocketAddr) -> io::Result<(Duration, usize)> {
    let mut asker = Asker::connect(port)?;
    let begun = Instant::now();
    let (mut count, mut after) = (0, None::<String>);
    loop {
        let answer = asker.ask(&Query::List { prefix: "", after: after.as_deref() })?;
        let Answer::Page { entries, more } = answer else {
            return Err(io::Error::other(format!("{answer:?} is no page")));
        };
        count += entries.len();
        if !more {
            return Ok((begun.elapsed(), count));
        }
        after = entries.last().map(|entry| entry.key.to_owned());
    }
}

fn open_websocket(stream: &mut TcpStream, address: SocketAddr) -> io::Result<()> {
    let request = format!(
        "GET / HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: {PROTOCOL}\r\n\r\n"
    );
    stream.write_all(request.as_bytes())?;
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    match head.starts_with(b"HTTP/1.1 101") {
        true => Ok(()),
        false => Err(io::Error::other(String::from_utf8_lossy(&head).into_owned())),
    }
}

const MASK: [u8; 4] = [0x1d, 0x7c, 0xa3, 0x52];

/// A binary WebSocket message as clients have to send it.
fn masked(payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x82];
    let length = payload.len();
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ 0..126), _) => bytes.push(0x80 | short),
        (_, Ok(middle)) => {
            bytes.push(0x80 | 126);
            bytes.extend_from_slice(&middle.to_be_bytes());
        }
        _ => {
            bytes.push(0x80 | 127);
            bytes.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    bytes.extend_from_slice(&MASK);
    bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

/// Where the payload of the first frame begins and ends, once all of it is here.
fn websocket_frame(bytes: &[u8]) -> io::Result<Option<(usize, usize)>> {
    let &[first, second, ..] = bytes else { return Ok(None) };
    if first != 0x82 {
        return Err(io::Error::other(format!("a frame that is no binary message ({first:#x})")));
    }
    let (start, length) = match second {
        126 => match bytes.get(2..4) {
            Some(length) => (4, u64::from(u16::from_be_bytes([length[0], length[1]]))),
            None => return Ok(None),
        },
        127 => match bytes.get(2..).and_then(|rest| rest.first_chunk()) {
            Some(length) => (10, u64::from_be_bytes(*length)),
            None => return Ok(None),
        },
        length => (2, u64::from(length)),
    };
    let end = start + usize::try_from(length).map_err(io::Error::other)?;
    Ok((bytes.len() >= end).then_some((start, end)))
}

fn resp(bytes: &mut Vec<u8>, ask: &Ask<'_>) {
    let words: &[&[u8]] = match ask {
        Ask::Get(key) => &[b"GET", key.as_bytes()],
        Ask::Set(key, value) => &[b"SET", key.as_bytes(), value.as_bytes()],
        Ask::List(prefix) => {
            let pattern = format!("{prefix}*");
            return resp_words(
                bytes,
                &[b"SCAN", b"0", b"MATCH", pattern.as_bytes(), b"COUNT", b"2000000"],
            );
        }
    };
    resp_words(bytes, words);
}

fn resp_words(bytes: &mut Vec<u8>, words: &[&[u8]]) {
    bytes.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
}

/// The length of the first value, once all of it is here.
fn resp_length(bytes: &[u8]) -> io::Result<Option<usize>> {
    let Some(line) = bytes.windows(2).position(|pair| pair == b"\r\n") else { return Ok(None) };
    let head = &bytes[..line];
    let mut end = line + 2;
    let number = || -> io::Result<i64> {
        let text = std::str::from_utf8(&head[1..]).map_err(io::Error::other)?;
        text.parse().map_err(io::Error::other)
    };
    match head.first() {
        Some(b'+' | b':') => {}
        Some(b'$') => {
            if let Ok(length) = usize::try_from(number()?) {
                end += length + 2;
            }
        }
        Some(b'*') => {
            for _ in 0..number()? {
                match resp_length(&bytes[end.min(bytes.len())..])? {
                    Some(length) => end += length,
                    None => return Ok(None),
                }
            }
        }
        _ => {
            let said = String::from_utf8_lossy(head).into_owned();
            return Err(io::Error::new(ErrorKind::InvalidData, said));
        }
    }
    Ok((bytes.len() >= end).then_some(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(dialect: Dialect, bytes: &[u8], answers: u64) {
        assert_eq!(dialect.answers(bytes).unwrap(), Some((bytes.len(), answers)));
        for cut in 0..bytes.len() {
            assert_eq!(dialect.answers(&bytes[..cut]).unwrap(), None, "cut at {cut}");
        }
    }

    #[test]
    fn redis_answers_are_taken_whole() {
        check(Dialect::Resp, b"+OK\r\n", 1);
        check(Dialect::Resp, b"$3\r\nabc\r\n", 1);
        check(Dialect::Resp, b"$-1\r\n", 1);
        check(Dialect::Resp, b"*2\r\n$1\r\n0\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n", 1);
        assert!(Dialect::Resp.answers(b"-ERR no\r\n").is_err());
    }

    #[test]
    fn our_answers_are_counted_in_messages_of_every_length() {
        for count in [1, 16, 64, 20_000] {
            let mut payload = Vec::new();
            for id in 0..count {
                let answer = Answer::Missing { deleted: None };
                frame::encode_answer(&mut payload, QueryId(id), &answer);
            }
            let mut bytes = masked(&payload);
            let header = bytes.len() - payload.len() - 4;
            bytes[1] &= 0x7f;
            bytes.splice(header.., payload);
            check(Dialect::Kv, &bytes, count);
        }
    }
}
