//! Where a replica answers queries.

use std::fmt;
use std::net::{Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

/// The address of a query port: `HOST:PORT`, or a whole `ws://` or `wss://` URL.
///
/// An IPv6 address stands in brackets, as in `[::1]:6001`. A page reaches the server that it was
/// loaded from with a URL such as `wss://example.org/kv`. Native programs have no TLS and refuse
/// `wss://` when they connect.
///
/// ```
/// let address: kvclient::Address = "localhost:6001".parse().unwrap();
/// assert_eq!(address.url(), "ws://localhost:6001/");
/// let error = "localhost".parse::<kvclient::Address>().unwrap_err();
/// assert_eq!(error.to_string(), "\"localhost\" has no port; write HOST:PORT, as in localhost:6001");
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(Arc<str>);

impl Address {
    /// The address as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The WebSocket URL to open.
    pub fn url(&self) -> String {
        if self.0.contains("://") { self.0.to_string() } else { format!("ws://{}/", self.0) }
    }

    /// Whether it asks for an encrypted connection.
    pub fn is_encrypted(&self) -> bool {
        self.0.starts_with("wss://")
    }

    /// `HOST:PORT` of the TCP connection behind it.
    pub fn host_and_port(&self) -> String {
        let Some((scheme, rest)) = self.0.split_once("://") else { return self.0.to_string() };
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        match split_port(authority) {
            (_, Some(_)) => authority.to_owned(),
            (host, None) => format!("{host}:{}", if scheme == "wss" { 443 } else { 80 }),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self(address.to_string().into())
    }
}

impl FromStr for Address {
    type Err = ParseAddressError;

    fn from_str(text: &str) -> Result<Self, ParseAddressError> {
        let error = |problem| ParseAddressError { text: text.to_owned(), problem };
        match text.split_once("://") {
            Some((scheme, rest)) => {
                let scheme = scheme.to_ascii_lowercase();
                check_url(&scheme, rest).map_err(error)?;
                Ok(Self(format!("{scheme}://{rest}").into()))
            }
            None => {
                check_host_and_port(text).map_err(error)?;
                Ok(Self(text.into()))
            }
        }
    }
}

/// The text is no [`Address`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} {problem}")]
pub struct ParseAddressError {
    text: String,
    problem: Problem,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum Problem {
    #[error("is empty; write HOST:PORT, as in localhost:6001")]
    Empty,
    #[error("has no port; write HOST:PORT, as in localhost:6001")]
    NoPort,
    #[error("has no host; write HOST:PORT, as in localhost:6001")]
    NoHost,
    #[error("has a port that is not a number from 1 to 65535")]
    BadPort,
    #[error("has a host with a character that no host name has")]
    BadHost,
    #[error("is not an IPv6 address in brackets; write [ADDRESS]:PORT, as in [::1]:6001")]
    BadIpv6,
    #[error("is not a URL of the store; write HOST:PORT, ws://HOST:PORT/PATH or wss://HOST/PATH")]
    BadScheme,
    #[error("has a user name or password; the store knows neither")]
    UserInfo,
    #[error("has a path with a space, a '#' or a character beyond ASCII")]
    BadPath,
}

fn check_url(scheme: &str, rest: &str) -> Result<(), Problem> {
    if scheme != "ws" && scheme != "wss" {
        return Err(Problem::BadScheme);
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    if authority.contains('@') {
        return Err(Problem::UserInfo);
    }
    let (host, port) = split_port(authority);
    check_host(host)?;
    port.map_or(Ok(()), check_port)?;
    if path.bytes().any(|byte| !byte.is_ascii_graphic() || byte == b'#') {
        return Err(Problem::BadPath);
    }
    Ok(())
}

fn check_host_and_port(text: &str) -> Result<(), Problem> {
    if text.is_empty() {
        return Err(Problem::Empty);
    }
    let (host, port) = split_port(text);
    check_host(host)?;
    check_port(port.ok_or(Problem::NoPort)?)
}

/// Splits at the last colon outside brackets.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

fn check_host(host: &str) -> Result<(), Problem> {
    if host.is_empty() {
        return Err(Problem::NoHost);
    }
    if host.contains([':', '[', ']']) {
        let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let parsed = inner.and_then(|inner| inner.parse::<Ipv6Addr>().ok());
        return parsed.map(drop).ok_or(Problem::BadIpv6);
    }
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    if host.bytes().all(fits) { Ok(()) } else { Err(Problem::BadHost) }
}

fn check_port(port: &str) -> Result<(), Problem> {
    let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    match port.parse::<u16>() {
        Ok(1..) if digits => Ok(()),
        _ => Err(Problem::BadPort),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn refusal(text: &str) -> String {
        text.parse::<Address>().expect_err(text).to_string()
    }

    #[test]
    fn host_and_port_becomes_a_url() {
        for (text, url, target) in [
            ("localhost:6001", "ws://localhost:6001/", "localhost:6001"),
            ("127.0.0.1:1", "ws://127.0.0.1:1/", "127.0.0.1:1"),
            ("[::1]:65535", "ws://[::1]:65535/", "[::1]:65535"),
            ("my_host-2.example:80", "ws://my_host-2.example:80/", "my_host-2.example:80"),
            ("ws://a:7/kv", "ws://a:7/kv", "a:7"),
            ("WS://a/kv", "ws://a/kv", "a:80"),
            ("wss://a.example/kv?x=1", "wss://a.example/kv?x=1", "a.example:443"),
            ("ws://[::1]/", "ws://[::1]/", "[::1]:80"),
            ("ws://[::1]:6001", "ws://[::1]:6001", "[::1]:6001"),
        ] {
            let address: Address = text.parse().expect(text);
            assert_eq!((address.url().as_str(), address.host_and_port().as_str()), (url, target));
        }
        let socket: SocketAddr = "[::1]:6001".parse().unwrap();
        assert_eq!(Address::from(socket), "[::1]:6001".parse().unwrap());
    }

    #[test]
    fn a_bad_address_says_what_is_wrong() {
        for (text, problem) in [
            ("", "is empty"),
            ("localhost", "has no port"),
            (":6001", "has no host"),
            ("localhost:", "has a port that is not a number"),
            ("localhost:0", "has a port that is not a number"),
            ("localhost:65536", "has a port that is not a number"),
            ("localhost:+80", "has a port that is not a number"),
            ("::1", "is not an IPv6 address in brackets"),
            ("::1:6001", "is not an IPv6 address in brackets"),
            ("[::1:6001", "is not an IPv6 address in brackets"),
            ("[::1]", "has no port"),
            ("[fish]:6001", "is not an IPv6 address in brackets"),
            ("a host:6001", "has a host with a character"),
            ("bücher:6001", "has a host with a character"),
            ("a/b:6001", "has a host with a character"),
            ("http://a:6001", "is not a URL of the store"),
            ("://a:6001", "is not a URL of the store"),
            ("ws://", "has no host"),
            ("ws:///kv", "has no host"),
            ("ws://a:x/kv", "has a port that is not a number"),
            ("ws://me@a/kv", "has a user name"),
            ("ws://a/k v", "has a path with"),
            ("ws://a/kv#top", "has a path with"),
        ] {
            assert!(refusal(text).contains(problem), "{text:?} gives {:?}", refusal(text));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_an_address_or_an_error(text in "\\PC{0,40}") {
            if let Ok(address) = text.parse::<Address>() {
                prop_assert_eq!(address.to_string().parse::<Address>(), Ok(address));
            }
        }
    }
}
