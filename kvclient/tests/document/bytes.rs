//! Queries and answers as the document describes their bytes.

/// A stamp, compared as the document says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp {
    pub millis: u64,
    pub counter: u64,
    pub uid: u64,
}

/// An answer item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Found { id: u64, stamp: Stamp, value: String },
    Missing { id: u64, deleted: Option<Stamp> },
    Stored { id: u64, stamp: Stamp },
    Page { id: u64, entries: Vec<(String, Stamp, String)>, more: bool },
    Refused { id: u64, kind: u64, message: String },
    Status { id: u64, age: u64, json: String },
    Forgotten { id: u64 },
}

impl Answer {
    /// Without its stamp.
    pub fn short(&self) -> String {
        match self {
            Self::Found { id, value, .. } => format!("{id} found {value}"),
            Self::Missing { id, .. } => format!("{id} missing"),
            Self::Stored { id, .. } => format!("{id} stored"),
            Self::Page { id, entries, .. } => format!("{id} page of {}", entries.len()),
            Self::Refused { id, message, .. } => format!("{id} refused: {message}"),
            Self::Status { id, json, .. } => format!("{id} status {json}"),
            Self::Forgotten { id } => format!("{id} forgotten"),
        }
    }
}

pub fn hex(text: &str) -> Vec<u8> {
    text.split(' ').map(|byte| u8::from_str_radix(byte, 16).expect("hex")).collect()
}

pub fn get(id: u64, key: &str) -> Vec<u8> {
    [varint(id), varint(0), text(key)].concat()
}

pub fn put(id: u64, key: &str, value: &str) -> Vec<u8> {
    put_above(id, key, value, None)
}

pub fn put_above(id: u64, key: &str, value: &str, floor: Option<Stamp>) -> Vec<u8> {
    [varint(id), varint(1), text(key), text(value), optional(floor)].concat()
}

pub fn delete(id: u64, key: &str) -> Vec<u8> {
    delete_above(id, key, None)
}

pub fn delete_above(id: u64, key: &str, floor: Option<Stamp>) -> Vec<u8> {
    [varint(id), varint(2), text(key), optional(floor)].concat()
}

pub fn status(id: u64) -> Vec<u8> {
    [varint(id), varint(4)].concat()
}

pub fn forget(id: u64, member: &str) -> Vec<u8> {
    [varint(id), varint(5), text(member)].concat()
}

fn optional(stamp: Option<Stamp>) -> Vec<u8> {
    match stamp {
        None => vec![0],
        Some(Stamp { millis, counter, uid }) => {
            [vec![1], varint(millis), varint(counter), varint(uid)].concat()
        }
    }
}

pub fn list(id: u64, prefix: &str, after: Option<&str>) -> Vec<u8> {
    let after = match after {
        None => vec![0],
        Some(after) => [vec![1], text(after)].concat(),
    };
    [varint(id), varint(3), text(prefix), after].concat()
}

fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

fn text(text: &str) -> Vec<u8> {
    [varint(text.len() as u64), text.as_bytes().to_vec()].concat()
}

/// The answer items of a message.
pub fn read_answers(message: &[u8]) -> Vec<Answer> {
    let mut reader = Reader(message);
    let mut answers = Vec::new();
    while !reader.0.is_empty() {
        answers.push(reader.answer());
    }
    answers
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn answer(&mut self) -> Answer {
        let id = self.varint();
        match self.varint() {
            0 => Answer::Found { id, stamp: self.stamp(), value: self.text() },
            1 => Answer::Missing { id, deleted: self.bool().then(|| self.stamp()) },
            2 => Answer::Stored { id, stamp: self.stamp() },
            3 => {
                let count = self.varint();
                let entries =
                    (0..count).map(|_| (self.text(), self.stamp(), self.text())).collect();
                Answer::Page { id, entries, more: self.bool() }
            }
            4 => Answer::Refused { id, kind: self.varint(), message: self.text() },
            5 => Answer::Status { id, age: self.varint(), json: self.text() },
            6 => Answer::Forgotten { id },
            other => panic!("there is no answer {other}"),
        }
    }

    fn stamp(&mut self) -> Stamp {
        Stamp { millis: self.varint(), counter: self.varint(), uid: self.varint() }
    }

    fn bool(&mut self) -> bool {
        match self.varint() {
            0 => false,
            1 => true,
            other => panic!("{other} is no bool"),
        }
    }

    fn text(&mut self) -> String {
        let length = usize::try_from(self.varint()).expect("a length");
        let (text, rest) = self.0.split_at(length);
        self.0 = rest;
        String::from_utf8(text.to_vec()).expect("UTF-8")
    }

    fn varint(&mut self) -> u64 {
        let (mut number, mut shift) = (0, 0);
        loop {
            let (byte, rest) = self.0.split_first().expect("a varint");
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                return number;
            }
        }
    }
}
