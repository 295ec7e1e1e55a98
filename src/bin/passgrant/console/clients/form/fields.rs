//! The fields of a client, in the order in which a person thinks of one.

use maud::{Markup, html};
use passgrant::client::authentication::AuthMethod;
use passgrant::client::{AccessTokenFormat, Capability, Grant};
use passgrant::jose::algorithm::Algorithm;
use passgrant::store::clients::Revision;

use crate::console::clients::form::{LOOK, Sent};
use crate::console::clients::options::Values;
use crate::console::clients::{CHANGE, ID, LIST, NEW, ONE, SECRET, at, which};
use crate::console::field::{Field, Wrong, checked_choices};
use crate::console::visit::{DO, Visit};

const METHODS: [(AuthMethod, &str); 4] = [
    (AuthMethod::ClientSecretBasic, "A secret in the header Authorization. What most libraries do by default."),
    (AuthMethod::ClientSecretPost, "A secret in the form, for what cannot send that header."),
    (AuthMethod::PrivateKeyJwt, "It signs with a key of its own; only the public key is kept here."),
    (AuthMethod::None, "Not at all: an application that cannot keep a secret, such as one in a browser."),
];

/// What the page of a form is made from.
pub(super) struct Filled<'a> {
    pub(super) sent: &'a Sent,
    /// The client that is changed; `None` for a new one.
    pub(super) existing: Option<&'a Revision>,
    pub(super) wrong: &'a Wrong,
}

impl Filled<'_> {
    pub(super) fn form(&self, visit: &Visit) -> Markup {
        let (path, button) =
            if self.existing.is_some() { (CHANGE, "Save the changes") } else { (NEW, "Create the client") };
        let fields = html! {
            @if let Some(read) = self.existing {
                (which(&self.sent.id, &self.sent.revision))
                (Values::of(&read.client).seen())
            }
            fieldset {
                legend { "What is it?" }
                @if self.existing.is_none() {
                    (self.field(ID, "Client ID", "What it sends as client_id, and cannot be changed later. Letters, digits and hyphens cause no trouble anywhere.").text(self.wrong))
                }
                (self.field("name", "Name", "For people to read. Not sent anywhere.").text(self.wrong))
            }
            (self.capabilities())
            (self.authentication())
            (self.request())
            (self.tokens())
            (self.sent.sought.fields(self.wrong))
            div.actions {
                button name=(DO) value=(LOOK) { "Look at its tokens first" }
                @if !visit.console().read_only { button.main name=(DO) value="save" { (button) } }
                a.button href=(self.existing.map_or(LIST.to_owned(), |_| at(ONE, &self.sent.id))) { "Cancel" }
            }
        };
        visit.form(path, fields)
    }

    fn field<'f>(&'f self, name: &'static str, label: &'f str, hint: &'f str) -> Field<'f> {
        let value = if name == ID { &self.sent.id } else { self.sent.values.get(name) };
        Field { name, label, hint, value }
    }

    fn capabilities(&self) -> Markup {
        let grants = [
            (Grant::Password.as_str(), "password", "Ask for tokens with a username and a password."),
            (Grant::RefreshToken.as_str(), "refresh_token", "Stay logged in without the password."),
        ];
        let capabilities = [
            (
                Capability::Introspect.as_str(),
                "introspect",
                "Ask whether a token is valid: for an API. Not for a public client.",
            ),
            (Capability::Revoke.as_str(), "revoke", "End tokens of other clients too."),
            (
                Capability::EndUserAddress.as_str(),
                "end-user-address",
                "Say where its users are, in the header Forwarded: for a server that logs users in.",
            ),
        ];
        html! {
            fieldset {
                legend { "What may it do?" }
                (checked_choices("checkbox", ("grant", "Grants"), &grants, |value| self.sent.values.has("grant", value), self.wrong))
                (self.field("password-grant-until", "The password grant ends", "A date, a time by UTC, or now. From then on it gets no new logins this way, and its sessions go on. Empty: no end.").text(self.wrong))
                (checked_choices("checkbox", ("capability", "Capabilities"), &capabilities, |value| self.sent.values.has("capability", value), self.wrong))
            }
        }
    }

    fn authentication(&self) -> Markup {
        let methods = METHODS.map(|(method, meaning)| (method.as_str(), method.as_str(), meaning));
        html! {
            fieldset {
                legend { "How does it authenticate?" }
                (checked_choices("radio", ("auth-method", "Method"), &methods, |value| self.sent.values.get("auth-method") == value, self.wrong))
                @if self.existing.is_none_or(|read| read.client.authentication.secrets().is_empty()) {
                    (self.sent.source.field("Its secret, if the method has one"))
                } @else {
                    p.hint { "It keeps its secret, if the method has one. " a href=(at(SECRET, &self.sent.id)) { "Give it a new one" } }
                }
                (Field { name: "jwks-file", label: "Its public keys", hint: self.hint_of_keys(), value: &self.sent.keys }.area(self.wrong))
            }
        }
    }

    fn hint_of_keys(&self) -> &'static str {
        match self.existing {
            Some(read) if read.client.authentication.keys().is_some() => {
                "A JSON Web Key Set in place of the one that is there. Empty: that one stays."
            }
            _ => "For private_key_jwt: a JSON Web Key Set, with public keys only.",
        }
    }

    fn request(&self) -> Markup {
        html! {
            fieldset {
                legend { "What may it ask for?" }
                (self.field("scope", "Scopes", "Everything that it may have, separated by spaces. openid, profile, email, address and phone give claims.").text(self.wrong))
                (self.field("default-scope", "Default scopes", "What it gets when it asks for none. Empty: what the server says.").text(self.wrong))
                (self.field("audience", "Audiences", "The APIs that its access tokens are for, as URIs separated by spaces. Empty: the issuer.").text(self.wrong))
                (self.field("chain", "Chains", "The chains of verifiers that may check passwords for it, the first by default. Empty: only the server's.").text(self.wrong))
            }
        }
    }

    fn tokens(&self) -> Markup {
        let formats = [
            (AccessTokenFormat::Jwt.as_str(), "jwt: an API verifies it by itself"),
            (AccessTokenFormat::Opaque.as_str(), "opaque: an API asks each time, and it can be ended at once"),
        ];
        let algorithms: Vec<_> = std::iter::once(("", "the server's"))
            .chain(Algorithm::ALL.iter().map(|algorithm| (algorithm.as_str(), algorithm.as_str())))
            .collect();
        let needs = [("false", "whenever it may use the grant"), ("true", "only when offline_access is granted")];
        html! {
            fieldset {
                legend { "What do its tokens look like?" }
                (self.field("access-token-format", "Access tokens", "").select(&formats, self.wrong))
                (self.field("access-token-lifetime", "Lifetime of access tokens", "As in 15m or 1h, at most 24h.").text(self.wrong))
                (self.field("map", "Claims", "A line for each, as CLAIM=SOURCE: username, sub, client_id, scopes, claims.NAME or literal:VALUE.").area(self.wrong))
                (self.field("signing-alg", "Algorithm", "").select(&algorithms, self.wrong))
            }
            fieldset {
                legend { "How long does it stay logged in?" }
                (self.field("refresh-needs-offline-access", "It gets a refresh token", "").select(&needs, self.wrong))
                (self.field("refresh-idle-lifetime", "Without a refresh", "A session ends when it has not been refreshed for this long, as in 14d.").text(self.wrong))
                (self.field("refresh-lifetime", "At most", "A session ends this long after the login.").text(self.wrong))
                (self.field("refresh-grace", "Grace", "How long a refresh token is still accepted after it has been replaced: for an answer that got lost.").text(self.wrong))
            }
        }
    }
}
