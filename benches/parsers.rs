//! What reading a request takes, before anything is asked of AWS: `cargo bench --bench parsers`.

#![expect(clippy::expect_used, reason = "a program of its own, whose requests are sound")]

use divan::Bencher;
use http::header::{AUTHORIZATION, CONTENT_TYPE, FORWARDED};
use http::{HeaderMap, HeaderValue};
use passgrant::audience::Audience;
use passgrant::authenticate::credentials::Credentials;
use passgrant::form::Form;
use passgrant::password::Password;
use passgrant::scope::Scope;
use passgrant::session::refresh_token::RefreshToken;
use passgrant::source::{self, FrontDoor, TrustedHops};
use passgrant::user::{Username, UsernameProfile};

const LOGIN: &str =
    "grant_type=password&username=ann%40example.com&password=correct+horse+battery+staple&scope=openid+read";
const REFRESH: &str =
    "grant_type=refresh_token&refresh_token=pgr_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4v";

fn main() {
    divan::main();
}

fn headers() -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
    headers.insert(AUTHORIZATION, HeaderValue::from_static("Basic YXBwOmEtc2VjcmV0LW9mLXRoZS1hcHBsaWNhdGlvbg=="));
    headers.insert("x-forwarded-for", HeaderValue::from_static("192.0.2.1, 198.51.100.7"));
    headers.insert(FORWARDED, HeaderValue::from_static("for=\"[2001:db8:1:2:3::4]:4711\";proto=https"));
    headers
}

#[divan::bench(args = [LOGIN, REFRESH])]
fn form(bencher: Bencher<'_, '_>, body: &str) {
    let headers = headers();
    bencher.bench(|| Form::parse(&headers, body.as_bytes()).expect("a form"));
}

/// A body of the greatest length, all of it escapes.
#[divan::bench]
fn form_of_the_greatest_length(bencher: Bencher<'_, '_>) {
    let (headers, body) = (headers(), format!("a={}", "%41".repeat(5460)));
    bencher.bench(|| Form::parse(&headers, body.as_bytes()).expect("a form"));
}

#[divan::bench]
fn credentials(bencher: Bencher<'_, '_>) {
    let headers = headers();
    let form = Form::parse(&headers, LOGIN.as_bytes()).expect("a form");
    bencher.bench(|| Credentials::read(&headers, &form).expect("credentials"));
}

#[divan::bench(args = ["ann@example.com", "\u{ff21}NN", "Anne-Ren\u{e9}e"])]
fn username(name: &str) -> Username {
    Username::prepare(name, UsernameProfile::CaseMapped).expect("a username")
}

#[divan::bench(args = ["correct horse battery staple", "pa\u{df}wo\u{308}rter"])]
fn password(text: &str) -> Password {
    Password::prepare(text).expect("a password")
}

#[divan::bench]
fn scope() -> Scope {
    Scope::parse_requested("openid profile email orders.read orders.write").expect("a scope")
}

#[divan::bench]
fn resource() -> Audience {
    Audience::parse("https://api.example.com/orders").expect("an audience")
}

#[divan::bench]
fn refresh_token(bencher: Bencher<'_, '_>) {
    let form = Form::parse(&headers(), REFRESH.as_bytes()).expect("a form");
    let text = form.value("refresh_token").expect("a token");
    bencher.bench(|| RefreshToken::parse(text).map(drop).expect("a token"));
}

#[divan::bench]
fn network_behind_a_proxy(bencher: Bencher<'_, '_>) {
    let (headers, hops) = (headers(), TrustedHops::new(1).expect("few"));
    let front_door = FrontDoor { address: "198.51.100.7".parse().ok(), appends: true };
    bencher.bench(|| hops.network(Some(&front_door), &headers));
}

#[divan::bench]
fn network_of_a_user(bencher: Bencher<'_, '_>) {
    let headers = headers();
    bencher.bench(|| source::forwarded_for(&headers));
}
