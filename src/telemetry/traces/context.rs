//! Which trace a request belongs to, as whoever sent it says.

use http::HeaderMap;
use http::header::HeaderName;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// `traceparent` of version 00 (W3C Trace Context, section 3.2): `00-`, 32 digits, `-`, 16 digits, `-`, 2 digits.
const LENGTH: usize = 55;
/// The longest that is read of a later version, which may append to that.
const MOST_LENGTH: usize = 256;

/// A span in another service, which is the parent of a request's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// The trace.
    pub trace_id: [u8; 16],
    /// The span.
    pub parent: [u8; 8],
}

impl TraceContext {
    /// What the one header `traceparent` says; `None` if there is none, or more than one, or one that is not valid. Its flags say
    /// whether the sender has sampled the trace, which is of no consequence here.
    #[must_use]
    pub fn of_headers(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(TRACEPARENT).iter();
        let (only, None) = (values.next()?, values.next()) else { return None };
        Self::of_traceparent(only.as_bytes())
    }

    fn of_traceparent(text: &[u8]) -> Option<Self> {
        if text.len() > MOST_LENGTH {
            return None;
        }
        let (text, more) = text.split_at_checked(LENGTH)?;
        let [version] = bytes(&text[..2])?;
        let complete = match version {
            0 => more.is_empty(),
            // There is no such version.
            0xFF => false,
            _ => more.is_empty() || more.starts_with(b"-"),
        };
        let separated = [2, 35, 52].into_iter().all(|at| text[at] == b'-');
        if !complete || !separated {
            return None;
        }
        let [_flags] = bytes(&text[53..])?;
        Self::new(bytes(&text[3..35])?, bytes(&text[36..52])?)
    }

    /// What Lambda says, as in `Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1`; `None` if it is not
    /// of that form, or if there is no such span because X-Ray has not sampled it.
    #[must_use]
    pub fn of_platform(text: &str) -> Option<Self> {
        let value = |name: &str| text.split(';').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='));
        if text.len() > MOST_LENGTH || value("Sampled")? != "1" {
            return None;
        }
        let (time, rest) = value("Root")?.strip_prefix("1-")?.split_once('-')?;
        let (time, rest) = (bytes::<4>(time.as_bytes())?, bytes::<12>(rest.as_bytes())?);
        let mut trace_id = [0; 16];
        trace_id[..4].copy_from_slice(&time);
        trace_id[4..].copy_from_slice(&rest);
        Self::new(trace_id, bytes(value("Parent")?.as_bytes())?)
    }

    /// Identifiers that are all zeros identify nothing.
    fn new(trace_id: [u8; 16], parent: [u8; 8]) -> Option<Self> {
        (trace_id != [0; 16] && parent != [0; 8]).then_some(Self { trace_id, parent })
    }
}

/// The bytes that are written in exactly so many hexadecimal digits, in lower case.
fn bytes<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    const fn digit(character: u8) -> Option<u8> {
        match character {
            b'0'..=b'9' => Some(character - b'0'),
            b'a'..=b'f' => Some(character - b'a' + 10),
            _ => None,
        }
    }
    let (pairs, []) = digits.as_chunks::<2>() else { return None };
    let pairs: &[[u8; 2]; N] = pairs.try_into().ok()?;
    let mut bytes = [0; N];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const PARENT: &str = "00f067aa0ba902b7";

    fn expected() -> TraceContext {
        TraceContext {
            trace_id: 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736_u128.to_be_bytes(),
            parent: 0x00f0_67aa_0ba9_02b7_u64.to_be_bytes(),
        }
    }

    #[test]
    fn a_traceparent_is_read_as_its_version_says_or_not_at_all() {
        for good in [
            format!("00-{TRACE}-{PARENT}-01"),
            format!("00-{TRACE}-{PARENT}-00"),
            format!("00-{TRACE}-{PARENT}-ff"),
            format!("01-{TRACE}-{PARENT}-01"),
            format!("fe-{TRACE}-{PARENT}-01-what-a-later-version-appends"),
        ] {
            assert_eq!(TraceContext::of_traceparent(good.as_bytes()), Some(expected()), "{good}");
        }
        let zeros = "0".repeat(32);
        for bad in [
            String::new(),
            "00".to_owned(),
            format!("00-{TRACE}-{PARENT}"),
            format!("00-{TRACE}-{PARENT}-1"),
            format!("00-{TRACE}-{PARENT}-0g"),
            format!("00-{TRACE}-{PARENT}-01-"),
            format!("00-{TRACE}-{PARENT}-01 "),
            format!(" 00-{TRACE}-{PARENT}-01"),
            format!("ff-{TRACE}-{PARENT}-01"),
            format!("01-{TRACE}-{PARENT}-01x"),
            format!("01-{TRACE}-{PARENT}-01-{}", "x".repeat(MOST_LENGTH)),
            format!("00-{}-{PARENT}-01", TRACE.to_uppercase()),
            format!("00-{zeros}-{PARENT}-01"),
            format!("00-{TRACE}-{}-01", &zeros[..16]),
            format!("00_{TRACE}_{PARENT}_01"),
            format!("00-{TRACE}{PARENT}--01"),
            format!("00-{}\u{e9}-{PARENT}-01", &TRACE[..30]),
            format!("0x-{TRACE}-{PARENT}-01"),
        ] {
            assert_eq!(TraceContext::of_traceparent(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn of_two_headers_neither_counts() {
        let value = HeaderValue::from_str(&format!("00-{TRACE}-{PARENT}-01")).expect("a header");
        let mut headers = HeaderMap::new();
        assert_eq!(TraceContext::of_headers(&headers), None);
        headers.append(TRACEPARENT, value.clone());
        assert_eq!(TraceContext::of_headers(&headers), Some(expected()));
        headers.append(TRACEPARENT, value);
        assert_eq!(TraceContext::of_headers(&headers), None);
    }

    #[test]
    fn the_platforms_span_is_a_parent_only_if_x_ray_has_it() {
        let root = "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736";
        for good in [
            format!("{root};Parent={PARENT};Sampled=1"),
            format!("Sampled=1;Parent={PARENT}; {root}"),
            format!("{root};Parent={PARENT};Sampled=1;Lineage=a87bd80c:1|68fd508a:5"),
        ] {
            assert_eq!(TraceContext::of_platform(&good), Some(expected()), "{good}");
        }
        for bad in [
            String::new(),
            root.to_owned(),
            format!("{root};Parent={PARENT}"),
            format!("{root};Parent={PARENT};Sampled=0"),
            format!("{root};Parent={PARENT};Sampled=?"),
            format!("{root};Parent=;Sampled=1"),
            format!("{root};Sampled=1"),
            format!("{root}0;Parent={PARENT};Sampled=1"),
            format!("Root=2-4bf92f35-77b34da6a3ce929d0e0e4736;Parent={PARENT};Sampled=1"),
            format!("Root=1-4bf92f3577b34da6a3ce929d0e0e4736;Parent={PARENT};Sampled=1"),
            format!("{root};Parent={PARENT};Sampled=1;{}", "x".repeat(MOST_LENGTH)),
        ] {
            assert_eq!(TraceContext::of_platform(&bad), None, "{bad}");
        }
    }
}
