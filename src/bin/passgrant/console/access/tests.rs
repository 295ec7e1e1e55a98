use std::net::Ipv6Addr;
use std::sync::atomic::{AtomicU64, Ordering};

use passgrant::random::OsRandom;

use super::*;

/// A clock that is moved by hand.
#[derive(Clone, Default)]
struct HandMoved(Arc<AtomicU64>);

impl Clock for HandMoved {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix(self.0.load(Ordering::Relaxed))
    }
}

impl HandMoved {
    fn go_on(&self, time: Duration) {
        self.0.fetch_add(time.as_secs(), Ordering::Relaxed);
    }
}

/// Just in time.
const ALMOST: Duration = Duration::from_mins(29);
const IDLE_END: Duration = Duration::from_mins(30);

fn access(address: &str, clock: &HandMoved) -> Arc<Access> {
    let address = address.parse().expect("an address");
    Arc::new(Access::new(address, IDLE_END, Box::new(clock.clone()), &OsRandom).expect("randomness"))
}

/// The headers of a browser that has entered.
fn entered(access: &Access) -> HeaderMap {
    let cookie = access.enter(&access.entrance).expect("the address is fresh");
    let (pair, _) = cookie.to_str().expect("text").split_once(';').expect("attributes");
    HeaderMap::from_iter([(COOKIE, pair.parse().expect("a value"))])
}

#[test]
fn the_one_time_address_works_once_and_only_with_its_key() {
    let access = access("127.0.0.1:8090", &HandMoved::default());
    assert!(access.enter("").is_none() && access.enter(&access.session).is_none());
    assert!(access.enter(&access.entrance).is_some());
    assert!(access.enter(&access.entrance).is_none());
}

#[tokio::test]
async fn the_one_time_address_ends_by_itself_when_it_is_not_used() {
    let clock = HandMoved::default();
    let access = access("127.0.0.1:8090", &clock);
    clock.go_on(ENTRANCE_TIME);
    assert!(access.enter(&access.entrance).is_none());
    assert_eq!(access.over().await, End::NeverOpened(ENTRANCE_TIME));
}

/// A sleeping machine does not wake up for a timer.
#[tokio::test]
async fn a_machine_that_slept_for_longer_than_the_page_may_be_idle_has_ended_it() {
    let clock = HandMoved::default();
    let access = access("127.0.0.1:8090", &clock);
    let headers = entered(&access);
    clock.go_on(ALMOST);
    assert!(access.admit(&headers).is_some(), "it was used in time");
    clock.go_on(IDLE_END);
    assert!(access.admit(&headers).is_none());
    assert_eq!(access.over().await, End::Idle(IDLE_END));
}

#[test]
fn a_page_that_is_still_being_answered_is_not_idle() {
    let clock = HandMoved::default();
    let access = access("127.0.0.1:8090", &clock);
    let headers = entered(&access);
    let import = access.admit(&headers).expect("admitted");
    clock.go_on(IDLE_END * 2);
    assert!(access.admit(&headers).is_some());
    drop(import);
    clock.go_on(ALMOST);
    assert!(access.admit(&headers).is_some(), "its end counts, not its beginning");
}

#[test]
fn the_cookie_is_found_among_those_of_other_pages_whatever_these_hold() {
    let access = access("127.0.0.1:8090", &HandMoved::default());
    let own = entered(&access).remove(COOKIE).expect("a cookie");
    let admits = |cookies: &[u8]| {
        let value = HeaderValue::from_bytes(cookies).expect("a value");
        access.admit(&HeaderMap::from_iter([(COOKIE, value)])).is_some()
    };
    assert!(admits(&[b"other=\xff\xfe; passgrant-console-8090=wrong; ".as_slice(), own.as_bytes()].concat()));
    assert!(!admits(b"other=\xff\xfe; passgrant-console-8090=; passgrant-console-8090"));
    assert!(!admits(&own.as_bytes()[..own.len() - 1]));
    assert!(!admits(&[own.as_bytes(), b"x"].concat()));
    let of_another_port = own.to_str().expect("text").replace("8090", "8091");
    assert!(!admits(of_another_port.as_bytes()));
}

#[test]
fn a_form_token_is_of_one_path() {
    let access = access("127.0.0.1:8090", &HandMoved::default());
    let token = access.form_token("/clients/create");
    assert!(access.is_form_token("/clients/create", &token));
    assert!(!access.is_form_token("/clients/delete", &token));
    assert!(!access.is_form_token("/clients/create", ""));
}

#[test]
fn the_host_is_what_a_browser_sends() {
    let host = |address| access(address, &HandMoved::default()).host().to_owned();
    assert_eq!(host("127.0.0.1:8090"), "127.0.0.1:8090");
    assert_eq!(host("127.0.0.1:80"), "127.0.0.1");
    assert_eq!(host("[::1]:8090"), "[::1]:8090");
    assert_eq!(host("[::1]:80"), format!("[{}]", Ipv6Addr::LOCALHOST));
    assert_eq!(host("[::1%1]:8090"), "[::1]:8090");
}
