//! The tokens that a client would get for a user, before it is saved.

use maud::{Markup, html};
use passgrant::client::Client;
use passgrant::client::claim_map::ClaimSource;
use passgrant::clock::{Clock as _, SystemClock};
use passgrant::random::OsRandom;
use passgrant::scope::Scope;
use passgrant::token::preview::{Imagined, Preview, Unsigned};
use passgrant::user::{Subject, User, Username};

use crate::Command;
use crate::client::draft;
use crate::console::clients::requests::service;
use crate::console::field::{Field, Wrong};
use crate::console::layout;
use crate::console::line::Line;
use crate::console::visit::{Posted, Visit};
use crate::failure::Failure;
use crate::output::{Kept, Output, with_warnings};

/// The made-up user of a preview.
const NOBODY: &str = "ann@example.com";
const MADE_UP: [(&str, &str); 4] =
    [("name", "Ann Example"), ("given_name", "Ann"), ("family_name", "Example"), ("email", "ann@example.com")];

/// The field that names the user.
const USER: &str = "preview-user";
/// The field with the scope of the request.
const SCOPE: &str = "preview-scope";

/// For whom, and with which scope.
#[derive(Default)]
pub(super) struct Sought {
    user: String,
    scope: String,
}

impl Sought {
    pub(super) fn sent(posted: &Posted) -> Self {
        Self { user: posted.text(USER).to_owned(), scope: posted.text(SCOPE).to_owned() }
    }

    /// The fields that say so.
    pub(super) fn fields(&self, wrong: &Wrong) -> Markup {
        html! {
            fieldset {
                legend { "Before it is saved" }
                p.hint { "Look at the tokens that a user would get. Nobody logs in for that, and nothing is signed." }
                (Field { name: USER, label: "For the user", hint: "Empty: a made-up one, who has every claim.", value: &self.user }.text(wrong))
                (Field { name: SCOPE, label: "With the scope", hint: "Empty: as if the request named none.", value: &self.scope }.text(wrong))
            }
        }
    }

    /// The tokens that `client` would get.
    pub(super) async fn tokens(&self, visit: &Visit, client: &Client) -> Result<Markup, Failure> {
        let named = |error| Failure::RefusedOption(SCOPE, format!("{error}"));
        let scope = Some(self.scope.as_str()).filter(|scope| !scope.is_empty());
        let scope = scope.map(|scope| Scope::parse_requested(scope).map_err(named)).transpose()?;
        let user = self.user(visit, client).await?;
        let place = &visit.console().place;
        let (service, _) = service(place)?;
        let imagined = Imagined {
            client,
            user: &user,
            scope: scope.as_ref(),
            config: &place.config,
            issuer: &service.issuer,
            now: SystemClock.now(),
        };
        let preview = imagined.preview(&OsRandom);
        Ok(html! {
            section.card {
                h2 { "The tokens that " (user.username) " would get" }
                @match preview {
                    Ok(preview) => (tokens(&preview)),
                    Err(reason) => (layout::trouble(&format!("None: {reason}."))),
                }
                @if !self.user.is_empty() && user.password_hash.is_none() {
                    p.quiet { "This user has no password here, and can log in only through another verifier." }
                }
            }
        })
    }

    async fn user(&self, visit: &Visit, client: &Client) -> Result<User, Failure> {
        let profile = visit.console().place.config.username_profile;
        let unfit = |reason: String| Failure::RefusedOption(USER, reason);
        if self.user.is_empty() {
            let username = Username::prepare(NOBODY, profile)?;
            let mut user = User::new(username, Subject::generate(&OsRandom)?, SystemClock.now());
            for (_, source) in client.claim_map.iter() {
                if let ClaimSource::Attribute(name) = source {
                    user.claims.insert(name.clone(), format!("the user's {name}").as_str().into());
                }
            }
            user.claims.extend(MADE_UP.map(|(name, value)| (name.to_owned(), value.into())));
            return Ok(user);
        }
        let username = Username::prepare(&self.user, profile).map_err(|error| unfit(error.to_string()))?;
        let user = visit.store().users.get(&username).await?;
        user.ok_or_else(|| unfit(format!("there is no user {username}")))
    }
}

/// The client that `line` would make, of `before` if that exists, and the warnings about it.
pub(super) async fn drafted(
    visit: &Visit,
    before: Option<&Client>,
    line: &Line,
) -> Result<(Client, Vec<String>), Failure> {
    let context = visit.context_with(Output::Kept(Kept::default()), line.secrets());
    let work = async {
        let Command::Client(command) = line.parsed()? else {
            return Err(Failure::refused("there is no client to look at"));
        };
        draft(command, before, &context)
    };
    let (drafted, warnings) = with_warnings(work).await;
    Ok((drafted?.into_inner(), warnings))
}

fn tokens(preview: &Preview) -> Markup {
    html! {
        p {
            "If the password is right: "
            @if preview.scope.is_empty() { "no scope, " } @else { "scope " span.code { (preview.scope) } ", " }
            @if preview.has_refresh_token { "with a refresh token." } @else { "without a refresh token." }
        }
        (token("The access token: its header, and its claims", &preview.access_token))
        @if preview.access_token.header.is_none() {
            p.quiet { "It is opaque: the client sees nothing of this. An API that may introspect is told so." }
        }
        @if let Some(id_token) = &preview.id_token {
            (token("The ID token: its header, and its claims", id_token))
        } @else {
            p.quiet { "There is no ID token: openid is not granted." }
        }
        p.quiet { "Of these, jti, sid and at_hash are examples." }
    }
}

fn token(title: &str, token: &Unsigned) -> Markup {
    match &token.header {
        Some(header) => layout::copied(title, &format!("{header}\n.\n{}", token.claims)),
        None => layout::copied("The claims of the access token", &token.claims),
    }
}
