//! Attempts to guess a password.

use std::time::Duration;

use http::StatusCode;

use crate::rig::answer::Answer;
use crate::rig::app::TestApp;
use crate::rig::client::SECRET;
use crate::rig::request::{from, token_request};

pub(crate) const LIMIT: usize = 10;
pub(crate) const WINDOW: Duration = Duration::from_mins(15);

impl TestApp {
    /// A password request of the client `app`, from `address`.
    pub(crate) async fn guess_from(&self, address: &str, username: &str, password: &str) -> Answer {
        let login = [("grant_type", "password"), ("username", username), ("password", password)];
        self.send(from(address, token_request(Some(("app", SECRET)), &login))).await
    }

    pub(crate) async fn guess(&self, username: &str, password: &str) -> Answer {
        self.guess_at(0, username, password).await
    }

    pub(crate) async fn guess_at(&self, instance: usize, username: &str, password: &str) -> Answer {
        let login = [("grant_type", "password"), ("username", username), ("password", password)];
        self.send_to(instance, token_request(Some(("app", SECRET)), &login)).await
    }
}

pub(crate) fn is_locked(answer: &Answer) -> bool {
    answer.status == StatusCode::BAD_REQUEST && answer.headers.contains_key("retry-after")
}

/// How long the answer says to wait.
pub(crate) fn retry_after(answer: &Answer) -> Duration {
    let seconds =
        answer.headers.get("retry-after").and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok());
    seconds.map(Duration::from_secs).unwrap_or_default()
}
