//! The client behind proxies: its address in the words of `Forwarded` (RFC 7239) and `X-Forwarded-For`.
//!
//! Each proxy adds the address that it was connected from on the right, and anybody may have written what stands to the left
//! of that. So the walk goes from the right, and ends at the first address that is not trusted. It knows no settings; the caller
//! says whom it trusts. **Invariant:** an element that an untrusted address has written is never looked at for the answer.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Elements of one kind of header; with more the request is refused.
const ELEMENTS_MAX: usize = 100;

/// Why headers name no client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForwardedError {
    /// `Forwarded` breaks the rules of RFC 7239. Where a quoted string has no end, it may have swallowed what a trusted
    /// proxy has added: so nothing of it can be used.
    Malformed,
    /// More elements than are looked at.
    TooMany,
    /// `Forwarded` and `X-Forwarded-For` name two clients. The proxy writes one of them, and passes on what the client has
    /// put into the other.
    Disagreement,
}

impl ForwardedError {
    /// In words, for the answer to the request.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Malformed => "The header Forwarded is not well-formed (RFC 7239).",
            Self::TooMany => "Forwarded or X-Forwarded-For has more than 100 elements.",
            Self::Disagreement => {
                "Forwarded and X-Forwarded-For name different clients; the proxy must remove the one that it does not write."
            }
        }
    }
}

/// The client's address, for a connection from `peer` with these headers: the first one from the right that is not trusted.
///
/// Headers are ignored where the peer itself is not trusted, and where there are none the answer is the peer. Where all
/// are trusted, it is the leftmost. An element without an address (`unknown`, `_hidden`, `unix:`, none at all) ends the walk, and
/// the answer is the trusted proxy that wrote it: all that is left of it comes from somebody unknown, who must not be
/// able to choose an address.
///
/// # Errors
/// Headers that cannot be used safely; the connection must be refused then.
pub fn client(
    headers: &[httparse::Header<'_>],
    peer: IpAddr,
    is_trusted: impl Fn(IpAddr) -> bool,
) -> Result<IpAddr, ForwardedError> {
    let peer = peer.to_canonical();
    if !is_trusted(peer) {
        return Ok(peer);
    }
    let forwarded = hops(headers, "Forwarded", forwarded_line)?;
    let x_forwarded_for = hops(headers, "X-Forwarded-For", x_forwarded_for_line)?;
    let walk = |hops: Vec<Option<IpAddr>>| first_untrusted(&hops, peer, &is_trusted);
    match (forwarded, x_forwarded_for) {
        (None, None) => Ok(peer),
        (Some(hops), None) | (None, Some(hops)) => Ok(walk(hops)),
        (Some(forwarded), Some(other)) => {
            let client = walk(forwarded);
            if client == walk(other) { Ok(client) } else { Err(ForwardedError::Disagreement) }
        }
    }
}

fn first_untrusted(hops: &[Option<IpAddr>], peer: IpAddr, is_trusted: &impl Fn(IpAddr) -> bool) -> IpAddr {
    let mut client = peer;
    for hop in hops.iter().rev() {
        let Some(address) = *hop else { break };
        client = address;
        if !is_trusted(client) {
            break;
        }
    }
    client
}

/// Adds the elements of one line, each with its address where it has one.
type ReadLine = fn(&str, &mut Vec<Option<IpAddr>>) -> Result<(), ForwardedError>;

/// The elements of all lines of a header, as one list; `None` without such a line.
fn hops(
    headers: &[httparse::Header<'_>],
    name: &str,
    read_line: ReadLine,
) -> Result<Option<Vec<Option<IpAddr>>>, ForwardedError> {
    let mut hops = None;
    for header in headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name)) {
        let hops = hops.get_or_insert_with(Vec::new);
        // Bytes that are no text stay bytes that are no address.
        read_line(&String::from_utf8_lossy(header.value), hops)?;
        if hops.len() > ELEMENTS_MAX {
            return Err(ForwardedError::TooMany);
        }
    }
    Ok(hops)
}

/// Space and tab, as they may stand around an element.
const WHITESPACE: [char; 2] = [' ', '\t'];

fn x_forwarded_for_line(line: &str, hops: &mut Vec<Option<IpAddr>>) -> Result<(), ForwardedError> {
    let elements = line.split(',').map(|element| element.trim_matches(WHITESPACE));
    // One more than the most shows that there are too many.
    hops.extend(elements.filter(|element| !element.is_empty()).map(node).take(ELEMENTS_MAX + 1));
    Ok(())
}

/// Elements with commas between, of pairs with semicolons between. One line is read by itself: a quoted string does not go on
/// in the next one.
fn forwarded_line(line: &str, hops: &mut Vec<Option<IpAddr>>) -> Result<(), ForwardedError> {
    let mut rest = line;
    let mut names: Vec<&str> = Vec::new();
    let mut address = None;
    loop {
        rest = rest.trim_start_matches(WHITESPACE);
        if !rest.starts_with([',', ';']) && !rest.is_empty() {
            let pair = pair(&mut rest)?;
            if names.iter().any(|name| name.eq_ignore_ascii_case(pair.name)) || names.len() == ELEMENTS_MAX {
                return Err(ForwardedError::Malformed);
            }
            names.push(pair.name);
            if pair.name.eq_ignore_ascii_case("for") {
                address = node(&pair.value);
            }
            rest = rest.trim_start_matches(WHITESPACE);
        }
        let mut chars = rest.chars();
        let separator = chars.next();
        rest = chars.as_str();
        match separator {
            Some(';') => continue,
            None | Some(',') => {}
            Some(_) => return Err(ForwardedError::Malformed),
        }
        if !names.is_empty() {
            hops.push(address.take());
            names.clear();
        }
        if separator.is_none() || hops.len() > ELEMENTS_MAX {
            return Ok(());
        }
    }
}

struct Pair<'a> {
    name: &'a str,
    value: String,
}

/// `name=value` at the beginning of `rest`, which is what follows it afterwards. RFC 7239 wants addresses with colons and
/// brackets to be quoted; as many write them without, and nothing else can be meant, that is taken too.
fn pair<'a>(rest: &mut &'a str) -> Result<Pair<'a>, ForwardedError> {
    let (name, value) = rest.split_once('=').ok_or(ForwardedError::Malformed)?;
    if name.is_empty() || !name.chars().all(is_token) {
        return Err(ForwardedError::Malformed);
    }
    if let Some(quoted) = value.strip_prefix('"') {
        let (value, after) = unquote(quoted).ok_or(ForwardedError::Malformed)?;
        *rest = after;
        return Ok(Pair { name, value });
    }
    let end = value.find(|char| !is_token(char) && !matches!(char, ':' | '[' | ']')).unwrap_or(value.len());
    let (value, after) = value.split_at(end);
    *rest = after;
    if value.is_empty() { Err(ForwardedError::Malformed) } else { Ok(Pair { name, value: value.to_owned() }) }
}

/// The text up to the closing quote, and what follows that.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.chars();
    loop {
        match chars.next()? {
            '"' => return Some((value, chars.as_str())),
            '\\' => value.push(chars.next()?),
            char => value.push(char),
        }
    }
}

/// The characters of a token (RFC 9110, section 5.6.2).
fn is_token(char: char) -> bool {
    char.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(char)
}

/// The address of a node: `192.0.2.1`, `192.0.2.1:47`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:47`.
fn node(text: &str) -> Option<IpAddr> {
    let address = if let Some(bracketed) = text.strip_prefix('[') {
        let (address, port) = bracketed.split_once(']')?;
        let v6: Ipv6Addr = address.parse().ok()?;
        (port.is_empty() || port.strip_prefix(':').is_some_and(is_port)).then_some(IpAddr::V6(v6))?
    } else if let Ok(address) = text.parse() {
        address
    } else {
        let (address, port) = text.split_once(':')?;
        let v4: Ipv4Addr = address.parse().ok()?;
        is_port(port).then_some(IpAddr::V4(v4))?
    };
    Some(address.to_canonical())
}

/// A number, or an obfuscated one (`_x`).
fn is_port(text: &str) -> bool {
    let is_obfuscated = |rest: &str| !rest.is_empty() && rest.chars().all(|char| is_token(char) && char != '%');
    match text.strip_prefix('_') {
        Some(rest) => is_obfuscated(rest),
        None => text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok(),
    }
}

#[cfg(test)]
mod tests;
