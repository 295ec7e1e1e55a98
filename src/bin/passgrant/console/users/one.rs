//! One user: what is known, and what can be done.

use axum::extract::Query;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use maud::{Markup, html};
use passgrant::scope::{Scope, ScopeToken};
use passgrant::store::attempts::AttemptsKey;
use passgrant::store::users::change::Revision;
use passgrant::user::{User, Username};

use crate::attempts::view::AttemptsView;
use crate::console::layout;
use crate::console::users::act::Act;
use crate::console::users::claims::Kind;
use crate::console::users::{Named, SECTION, about, browse, client_link, create, edit, now, password, state};
use crate::console::visit::Visit;
use crate::failure::Failure;
use crate::output::{date, rfc3339};
use crate::user::prepared;

pub(super) async fn show(visit: Visit, Query(Named { name }): Query<Named>) -> Result<Response, Failure> {
    page(&visit, &name, &html! {}).await
}

/// The page of the user called `name`, below why a change of it was refused that was meant for an earlier revision.
pub(super) async fn overtaken(visit: &Visit, name: &str, failure: &Failure) -> Result<Response, Failure> {
    let above = html! {
        (layout::trouble(&failure.reason()))
        p { "This is the user as it is now." }
    };
    page(visit, name, &above).await
}

async fn page(visit: &Visit, name: &str, above: &Markup) -> Result<Response, Failure> {
    let username = prepared(&visit.context(), name)?;
    let (store, key) = (visit.store(), AttemptsKey::of(&username));
    let (user, stored) = tokio::join!(store.users.get(&username), store.attempts.get(&key));
    let attempts = AttemptsView::new(stored?.as_ref(), visit.console().place.config.attempts, now());
    Ok(match user? {
        None => nobody(visit, &username, &attempts),
        Some(user) => {
            let content = html! {
                (above)
                (facts(&user, &attempts))
                (claims(&user))
                (actions(visit, &user, &attempts))
            };
            visit.page(SECTION, user.username.as_str(), content)
        }
    })
}

fn nobody(visit: &Visit, username: &Username, attempts: &AttemptsView) -> Response {
    let name = username.as_str();
    let content = html! {
        p { "There is no user " strong { (name) } "." }
        (browse::by_name(name))
        @if attempts.counts() {
            p { "Passwords have been tried for this name all the same." }
            (layout::facts(attempts.rows().map(|(label, text)| (label, html! { (text) }))))
        }
        @if !visit.console().read_only {
            div.actions {
                a.button href=(about(create::PATH, name)) { "Create the user" }
                @if attempts.counts() { (Act::Unlock.button(visit, name)) }
            }
        }
    };
    (StatusCode::NOT_FOUND, visit.page(SECTION, "No such user", content)).into_response()
}

fn facts(user: &User, attempts: &AttemptsView) -> Markup {
    let is_leaked = user.leak_check().is_some_and(|check| check.leaked);
    let password = match &user.password_hash {
        None => html! { "none: only a delegated verifier can log this user in" },
        Some(hash) => html! {
            "set " (rfc3339(user.password_changed_at)) ", hashed with " span.code { (hash.kind()) }
            @if is_leaked { " " span.tag.bad { "on a list of leaked passwords" } }
        },
    };
    let mut rows = vec![
        ("Subject", html! { span.code { (user.subject.as_str()) } }),
        ("State", state(user.disabled)),
        ("Password", password),
        ("Last login", last_login(user)),
        ("Allowed scopes", scopes(user.allowed_scopes.as_ref())),
    ];
    let tag = attempts.is_held_up().then(|| html! { " " span.tag.careful { "kept out" } });
    let [strangers, familiar] = attempts.rows();
    rows.push((strangers.0, html! { (strangers.1) @if let Some(tag) = &tag { (tag) } }));
    rows.push((familiar.0, html! { (familiar.1) }));
    rows.push(("Created", html! { (rfc3339(user.created_at)) }));
    rows.push(("Updated", html! { (rfc3339(user.updated_at)) }));
    rows.push(("Revision", html! { span.code { (Revision::of(user)) } }));
    layout::facts(rows)
}

fn last_login(user: &User) -> Markup {
    html! {
        @match (user.last_login_day, &user.last_login_client) {
            (None, _) => "never noted",
            (Some(day), None) => (date(day)),
            (Some(day), Some(client)) => {
                (date(day)) ", first with the client " (client_link(client.as_str()))
                br;
                span.hint { "Days are by UTC. Later logins on one day are not noted." }
            }
        }
    }
}

pub(super) fn scopes(scopes: Option<&Scope>) -> Markup {
    html! {
        @match scopes {
            None => "whatever the client may have",
            Some(scopes) if scopes.is_empty() => "none",
            Some(scopes) => @for token in scopes.iter().map(ScopeToken::as_str) { span.tag { (token) } " " },
        }
    }
}

fn claims(user: &User) -> Markup {
    let rows = user.claims.iter().map(|(name, value)| {
        [
            html! { span.code { (name) } },
            html! { (Kind::of(value).name()) },
            html! { span.code { (Kind::text(value)) } },
        ]
    });
    html! {
        h2 { "Claims" }
        @if user.claims.is_empty() {
            p { "None: tokens say nothing about this user but the subject." }
        } @else {
            (layout::table("What tokens may say about the user", ["Claim", "Kind", "Value"], rows))
        }
    }
}

fn actions(visit: &Visit, user: &User, attempts: &AttemptsView) -> Markup {
    let name = user.username.as_str();
    html! {
        h2 { "What can be done" }
        div.actions {
            @if !visit.console().read_only {
                a.button.main href=(about(edit::PATH, name)) { "Change claims and scopes" }
                a.button href=(about(password::PATH, name)) { "Set a password" }
                (if user.disabled { Act::Enable } else { Act::Disable }.button_of(visit, user))
                @if attempts.counts() { (Act::Unlock.button(visit, name)) }
            }
            a.button href=(about("/users/sessions", name)) aria-describedby="sessions-hint" { "Sessions" }
            @if !visit.console().read_only { (Act::Delete.button_of(visit, user)) }
        }
        p.hint #sessions-hint { "To list the sessions, the whole tokens table is read." }
    }
}
