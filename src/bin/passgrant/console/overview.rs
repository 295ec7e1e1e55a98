//! What is connected, and where to look further.

use axum::response::Response;
use maud::{Markup, html};
use passgrant::issuer::Issuer;

use crate::audit;
use crate::console::end;
use crate::console::layout::{self, Section};
use crate::console::service::Service;
use crate::console::visit::Visit;
use crate::failure::Failure;

/// How many items are read in a second, unless an option says otherwise.
const ITEMS_PER_SECOND: u64 = 5000;

/// Something that is read only when it is asked for.
struct Report {
    title: &'static str,
    about: &'static str,
    button: &'static str,
    path: &'static str,
    /// How many items have to be read, if that is known.
    items: Option<u64>,
}

pub(super) async fn show(visit: Visit) -> Result<Response, Failure> {
    let users = visit.store().users.about_items().await.ok();
    let tokens = visit.store().sessions.about_items().await.ok();
    let service = Service::of(&visit.console().place);
    let content = html! {
        (connected(&visit, service.as_ref(), users))
        div.cards {
            @for report in reports(users, tokens) { (report.card()) }
            (endpoint(service.as_ref()))
            (end::card(&visit))
        }
    };
    Ok(visit.page(Section::Overview, "Overview", content))
}

fn connected(visit: &Visit, service: Option<&Service>, users: Option<u64>) -> Markup {
    let place = &visit.console().place;
    let (config, tables) = (&place.config, &place.config.tables);
    let issuer = service.map(|service| &service.issuer).or(config.issuer.as_ref());
    let keys = config.signing_keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    layout::facts([
        ("Works on", html! { (place.name()) }),
        ("Acting as", html! { (visit.console().actor) }),
        (
            "Audit log",
            html! {
                @match audit::destination(place.audit_log.as_deref(), place.data.as_deref(), place.outputs.as_deref()) {
                    Some(destination) => (destination),
                    None => { span.tag.careful { "none" } " Changes are written down nowhere: start the console with --stack, --terraform-outputs or --audit-log." }
                }
            },
        ),
        ("Issuer", html! { (issuer.map_or("not known: no server is running on the folder", Issuer::as_str)) }),
        ("Tables", html! { (tables.clients) ", " (tables.users) ", " (tables.tokens) }),
        (
            "Keys",
            html! {
                @if place.data.is_some() { "files in the data folder" } @else if keys.is_empty() { "none is listed" } @else { (keys) }
                " · " a href=(Section::Keys.path()) { "what signs, and what is published" }
            },
        ),
        (
            "Users",
            html! {
                @match users { Some(users) => { "about " (users) }, None => "not known" }
                " · " a href=(Section::Users.path()) { "find one" }
            },
        ),
    ])
}

fn reports(users: Option<u64>, tokens: Option<u64>) -> [Report; 4] {
    [
        Report {
            title: "Who still uses the grant",
            about: "The last use of the password grant by each client, and when the grant ends for it.",
            button: "Read the clients",
            path: "/reports/clients",
            items: None,
        },
        Report {
            title: "What passwords are hashed with",
            about: "Users by hash algorithm and by the month of their last login: how far a migration is.",
            button: "Count the users",
            path: "/users/report",
            items: users,
        },
        Report {
            title: "Who is kept out",
            about: "Usernames that are locked or slowed down, and addresses that tried too many usernames.",
            button: "Look for them",
            path: "/attempts",
            items: tokens,
        },
        Report {
            title: "Sessions",
            about: "How many logins each client keeps alive.",
            button: "Count the sessions",
            path: "/reports/sessions",
            items: tokens,
        },
    ]
}

impl Report {
    fn card(&self) -> Markup {
        html! {
            section.card {
                h2 { (self.title) }
                p { (self.about) }
                p.quiet { (self.effort()) }
                a.button href=(self.path) { (self.button) }
            }
        }
    }

    /// About how long it takes.
    fn effort(&self) -> String {
        match self.items {
            None => "Reads the clients table, which is small.".to_owned(),
            Some(1) => "Reads a whole table, which has about one item.".to_owned(),
            Some(items) => format!("Reads a whole table of about {items} items: {}.", duration(items)),
        }
    }
}

/// About how long it takes to read so many items.
pub(super) fn duration(items: u64) -> String {
    match items / ITEMS_PER_SECOND {
        0..=1 => "a second or two".to_owned(),
        seconds @ 2..=90 => format!("about {seconds} seconds"),
        seconds => format!("about {} minutes", seconds.div_ceil(60)),
    }
}

fn endpoint(service: Option<&Service>) -> Markup {
    html! {
        section.card {
            h2 { "The endpoint" }
            @match service {
                Some(service) => {
                    p { "How " span.code { (service.url) } " answers, held against what clients and verifiers rely on." }
                    p.quiet { "Makes about twenty requests: some seconds." }
                    a.button href="/reports/endpoint" { "Examine it" }
                }
                None => p { "No server of this version is running on this folder." }
            }
        }
    }
}
