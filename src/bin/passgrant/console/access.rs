//! Who may use the page: the one browser that opened the one-time address, until it is idle.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use humantime::format_duration;
use passgrant::clock::{Clock, Timestamp};
use passgrant::random::{Random, RandomFailed};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};
use zeroize::Zeroizing;

const KEY_BYTES: usize = 32;

/// How long the one-time address works.
pub(super) const ENTRANCE_TIME: Duration = Duration::from_mins(5);

/// How often it is looked whether the end has come, at least: a wait does not end while the machine sleeps.
const LOOK: Duration = Duration::from_secs(20);

/// The port that a browser leaves out of `Host` and `Origin`.
const HTTP_PORT: u16 = 80;

/// The keys of one run.
pub(super) struct Access {
    /// The address and the port, as a browser writes them.
    authority: String,
    cookie_name: String,
    /// What the one-time address has.
    entrance: Zeroizing<String>,
    /// What the cookie has.
    session: Zeroizing<String>,
    /// What the tokens of forms are made with.
    forms: Zeroizing<[u8; KEY_BYTES]>,
    idle_end: Duration,
    clock: Box<dyn Clock>,
    state: Mutex<State>,
    entry: Notify,
}

struct State {
    is_entered: bool,
    /// The requests that are being answered.
    uses: usize,
    last_use: Moment,
}

/// A moment by two clocks: one stands still while the machine sleeps, and the other one can be set back.
#[derive(Clone, Copy)]
struct Moment(Instant, Timestamp);

/// Why there is no more use in the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Nobody has opened the one-time address in its time.
    NeverOpened(Duration),
    /// Nobody has used the page for too long.
    Idle(Duration),
}

impl End {
    /// It in a sentence.
    pub(super) fn said(self) -> String {
        match self {
            Self::NeverOpened(time) => {
                format!("nobody has opened the address for {}: the console has ended", format_duration(time))
            }
            Self::Idle(time) => format!("nobody has used the console for {}: it has ended", format_duration(time)),
        }
    }
}

/// A request that is being answered: while it is, the page is not idle.
pub(super) struct InUse(Arc<Access>);

impl Access {
    pub(super) fn new(
        address: SocketAddr,
        idle_end: Duration,
        clock: Box<dyn Clock>,
        random: &dyn Random,
    ) -> Result<Self, RandomFailed> {
        let key = || Ok::<_, RandomFailed>(Zeroizing::new(URL_SAFE_NO_PAD.encode(*random.bytes::<KEY_BYTES>()?)));
        // The scope of an address, which is part of how it is written, is none of a browser's.
        let authority = match SocketAddr::new(address.ip(), address.port()) {
            SocketAddr::V4(address) if address.port() == HTTP_PORT => address.ip().to_string(),
            SocketAddr::V6(address) if address.port() == HTTP_PORT => format!("[{}]", address.ip()),
            address => address.to_string(),
        };
        let now = Moment::now(&*clock);
        Ok(Self {
            authority,
            // Browsers keep cookies apart by address, and not by port.
            cookie_name: format!("passgrant-console-{}", address.port()),
            entrance: key()?,
            session: key()?,
            forms: Zeroizing::new(*random.bytes::<KEY_BYTES>()?),
            idle_end,
            clock,
            state: Mutex::new(State { is_entered: false, uses: 0, last_use: now }),
            entry: Notify::new(),
        })
    }

    /// The address that opens the page, once.
    pub(super) fn one_time_url(&self) -> String {
        format!("{}/enter/{}", self.origin(), *self.entrance)
    }

    /// The origin of the page.
    pub(super) fn origin(&self) -> String {
        format!("http://{}", self.authority)
    }

    /// The value that the header `Host` must have: a page of another name that leads to this address has another one.
    pub(super) fn host(&self) -> &str {
        &self.authority
    }

    /// The cookie for whoever has `key`, which is spent by that; `None` if it is wrong, or spent already, or too old.
    pub(super) fn enter(&self, key: &str) -> Option<HeaderValue> {
        let mut state = self.state();
        let is_right = bool::from(key.as_bytes().ct_eq(self.entrance.as_bytes()));
        if state.is_entered || !is_right || self.left(&state).is_none() {
            return None;
        }
        let cookie = format!("{}={}; HttpOnly; SameSite=Strict; Path=/", self.cookie_name, *self.session);
        let mut cookie = HeaderValue::try_from(cookie).ok()?;
        cookie.set_sensitive(true);
        *state = State { is_entered: true, uses: state.uses, last_use: Moment::now(&*self.clock) };
        self.entry.notify_one();
        Some(cookie)
    }

    /// Returns once the one-time address has been used.
    pub(super) async fn entered(&self) {
        self.entry.notified().await;
    }

    /// Whether a request with these headers is of the browser that entered, in time. If it is, the page is in use.
    pub(super) fn admit(self: &Arc<Self>, headers: &HeaderMap) -> Option<InUse> {
        // Other pages of this address may have set cookies that are no text.
        let cookies = headers.get_all(COOKIE).iter().flat_map(|value| value.as_bytes().split(|&byte| byte == b';'));
        let is_session = |cookie: &[u8]| {
            let value = cookie.trim_ascii().strip_prefix(self.cookie_name.as_bytes());
            let value = value.and_then(|rest| rest.strip_prefix(b"="));
            value.is_some_and(|value| bool::from(value.ct_eq(self.session.as_bytes())))
        };
        let has_session = cookies.filter(|cookie| is_session(cookie)).count() > 0;
        let mut state = self.state();
        if !has_session || !state.is_entered || self.left(&state).is_none() {
            return None;
        }
        state.uses += 1;
        Some(InUse(Arc::clone(self)))
    }

    /// The token of the form that is sent to `path`.
    pub(super) fn form_token(&self, path: &str) -> String {
        self.form_code(path).unwrap_or_default()
    }

    /// Whether `token` is that of the form that is sent to `path`.
    pub(super) fn is_form_token(&self, path: &str, token: &str) -> bool {
        self.form_code(path).is_some_and(|code| token.as_bytes().ct_eq(code.as_bytes()).into())
    }

    fn form_code(&self, path: &str) -> Option<String> {
        let mac = Hmac::<Sha256>::new_from_slice(&*self.forms).ok()?.chain_update(path).finalize();
        Some(URL_SAFE_NO_PAD.encode(mac.into_bytes()))
    }

    /// Returns when there is no more use in the page.
    pub(super) async fn over(&self) -> End {
        loop {
            let left = {
                let state = self.state();
                match self.left(&state) {
                    Some(left) => left,
                    None if state.is_entered => return End::Idle(self.idle_end),
                    None => return End::NeverOpened(self.entrance_time()),
                }
            };
            sleep(left.min(LOOK)).await;
        }
    }

    /// How long the page may still remain unused; `None` if that time is over.
    fn left(&self, state: &State) -> Option<Duration> {
        if state.uses > 0 {
            return Some(self.idle_end);
        }
        let most = if state.is_entered { self.idle_end } else { self.entrance_time() };
        most.checked_sub(state.last_use.elapsed(&*self.clock)).filter(|left| !left.is_zero())
    }

    fn entrance_time(&self) -> Duration {
        self.idle_end.min(ENTRANCE_TIME)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Moment {
    fn now(clock: &dyn Clock) -> Self {
        Self(Instant::now(), clock.now())
    }

    /// The time since then, by the clock that says more.
    fn elapsed(self, clock: &dyn Clock) -> Duration {
        self.0.elapsed().max(clock.now().since(self.1))
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.uses = state.uses.saturating_sub(1);
        state.last_use = Moment::now(&*self.0.clock);
    }
}

#[cfg(test)]
mod tests;
