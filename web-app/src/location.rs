//! Which servers the page plays on: the one it came from, or those that its address names.

use kvclient::{Address, Addresses, ParseAddressError};

/// The servers for a page at `protocol` (`http:` or `https:`) and `host`. `named` is the value of `?server=` in the
/// page's address: `HOST:PORT`, or several with commas between them, or whole WebSocket URLs.
pub fn servers(
    protocol: &str,
    host: &str,
    named: Option<&str>,
) -> Result<Addresses, ParseAddressError> {
    match named.map(str::trim).filter(|named| !named.is_empty()) {
        Some(named) => named.parse(),
        None => {
            let scheme = if protocol == "https:" { "wss" } else { "ws" };
            format!("{scheme}://{host}/kv").parse::<Address>().map(Addresses::from)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(protocol: &str, host: &str, named: Option<&str>) -> Vec<String> {
        servers(protocol, host, named).unwrap().iter().map(Address::url).collect()
    }

    #[test]
    fn a_page_plays_where_it_came_from() {
        assert_eq!(urls("http:", "localhost:8080", None), ["ws://localhost:8080/kv"]);
        assert_eq!(urls("https:", "example.org", None), ["wss://example.org/kv"]);
        assert_eq!(urls("http:", "[::1]:8080", Some("  ")), ["ws://[::1]:8080/kv"]);
    }

    #[test]
    fn its_address_may_name_other_servers() {
        let named = Some("a:6001, b:6002,wss://c.example/kv");
        let expected = ["ws://a:6001/", "ws://b:6002/", "wss://c.example/kv"];
        assert_eq!(urls("http:", "x:1", named), expected);
    }

    #[test]
    fn a_wrong_address_is_explained() {
        for wrong in ["moon", "a:0", "a:1,,b:2", "ftp://a:1"] {
            let error = servers("http:", "x:1", Some(wrong)).unwrap_err().to_string();
            assert!(error.starts_with('"'), "{wrong}: {error}");
        }
        assert!(servers("file:", "", None).is_err(), "a page opened from a folder has no server");
    }
}
