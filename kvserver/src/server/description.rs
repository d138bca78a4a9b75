//! How servers are named to each other.

use std::fmt;

use actor::Address;
use serde::Serialize;
use serde_json::Value;

use super::StartError;

/// What another server needs to find this one: one line of JSON, opaque to people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Description(String);

/// The version of the description and of what servers say to each other.
const VERSION: u64 = 1;

impl Description {
    /// The description of a server that others reach at `address`.
    pub(super) fn new(address: &Address, actors: usize) -> Self {
        let fields = serde_json::json!({
            "cmud": VERSION,
            "actor_system": address.as_str(),
            "actors": actors,
        });
        Self(fields.to_string())
    }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reads what a server was told to join: a description, or the address of an actor system.
pub(super) fn read_join(text: &str) -> Result<Address, StartError> {
    let text = text.trim();
    let wrong = |why: &str| StartError::Join { join: shortened(text), why: why.to_owned() };
    if !text.starts_with('{') {
        return read_address(text).map_err(|why| wrong(&why));
    }
    let fields: Value = serde_json::from_str(text)
        .map_err(|error| wrong(&format!("it is no complete line of JSON ({error})")))?;
    match fields.get("cmud").map(Value::as_u64) {
        Some(Some(VERSION)) => {}
        Some(Some(version)) => {
            return Err(wrong(&format!(
                "it is of version {version}, this program understands version {VERSION}; use the \
                 same release for all servers of a store"
            )));
        }
        _ => return Err(wrong("it is JSON, but not what a server prints as its description")),
    }
    let address = fields.get("actor_system").and_then(Value::as_str);
    read_address(address.unwrap_or_default()).map_err(|why| wrong(&why))
}

/// Reads `HOST:PORT`.
pub(super) fn read_address(text: &str) -> Result<Address, String> {
    /// The longest name that there is, and a port.
    const LONGEST: usize = 260;
    let expected = "expected HOST:PORT, or the description that the other server prints";
    let (host, port) = text.rsplit_once(':').ok_or(expected)?;
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b".-_[]:".contains(&byte);
    if host.is_empty() || text.len() > LONGEST || !host.bytes().all(is_name) {
        return Err(format!("{host:?} is no name of a host; {expected}"));
    }
    match port.parse::<u16>() {
        Ok(1..) => Ok(Address::new(text)),
        _ => Err(format!("{port:?} is no port; {expected}")),
    }
}

/// As much of a wrong argument as one wants to read again.
fn shortened(text: &str) -> String {
    text.chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, parts: &[&str]) {
        let error = read_join(text).unwrap_err().to_string();
        for part in parts {
            assert!(error.contains(part), "{part:?} in {error:?}");
        }
    }

    #[test]
    fn a_description_and_an_address_name_a_server() {
        let address = Address::new("example.org:6000");
        let description = Description::new(&address, 4).to_string();
        assert_eq!(read_join(&description).unwrap(), address);
        assert_eq!(read_join(&format!(" {description}\n")).unwrap(), address);
        assert_eq!(read_join("example.org:6000").unwrap(), address);
        assert_eq!(read_join("[::1]:6000").unwrap(), Address::new("[::1]:6000"));
    }

    #[test]
    fn what_names_no_server_is_refused_with_a_reason() {
        check("nonsense", &["nonsense", "HOST:PORT"]);
        check(":6000", &["no name of a host"]);
        check("host:", &["no port"]);
        check("host:0", &["no port"]);
        check("host:70000", &["70000", "no port"]);
        check("http://host:80", &["no name of a host"]);
        check("{\"cmud\":1,\"actor_sys", &["no complete line of JSON"]);
        check("{\"a\":1}", &["not what a server prints"]);
        check("{\"cmud\":2,\"actor_system\":\"a:1\"}", &["version 2", "version 1"]);
        check("{\"cmud\":1}", &["HOST:PORT"]);
        check(&"{".repeat(100_000), &["no complete line of JSON"]);
    }
}
