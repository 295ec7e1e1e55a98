//! What all pages look like.

use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use maud::{DOCTYPE, Markup, html};

use crate::console::{Console, assets};

/// A part of the console.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Overview,
    Clients,
    Users,
    Keys,
    Try,
}

impl Section {
    const ALL: [Self; 5] = [Self::Overview, Self::Clients, Self::Users, Self::Keys, Self::Try];

    const fn name(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Clients => "Clients",
            Self::Users => "Users",
            Self::Keys => "Keys",
            Self::Try => "Try it",
        }
    }

    /// The part that the page at `path` belongs to, if there is one.
    pub(super) fn of(path: &str) -> Option<Self> {
        let is_of = |part: &str| path.strip_prefix(part).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        match path {
            "/" => Some(Self::Overview),
            _ if is_of("/reports") => Some(Self::Overview),
            _ if is_of("/attempts") => Some(Self::Users),
            _ => Self::ALL.into_iter().skip(1).find(|section| is_of(section.path())),
        }
    }

    /// What a link to it says.
    pub(super) const fn way(self) -> &'static str {
        match self {
            Self::Overview => "To the overview",
            Self::Clients => "To the clients",
            Self::Users => "To the users",
            Self::Keys => "To the keys",
            Self::Try => "To the form",
        }
    }

    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Overview => "/",
            Self::Clients => "/clients",
            Self::Users => "/users",
            Self::Keys => "/keys",
            Self::Try => "/try",
        }
    }
}

/// A page of HTML.
pub(super) struct Page(pub(super) Markup);

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        ([(CONTENT_TYPE, "text/html; charset=utf-8")], self.0.into_string()).into_response()
    }
}

/// A whole page. Without `console` it says nothing about what that works on.
pub(super) fn page(console: Option<&Console>, section: Option<Section>, title: &str, content: Markup) -> Page {
    headed(console, section, title, html! { h1 { (title) } }, content)
}

/// The page of a change that was made, whose heading says so.
pub(super) fn done(console: &Console, section: Section, said: &str, content: Markup) -> Page {
    headed(Some(console), Some(section), said, success(html! { h1 { (said) } }), content)
}

/// The last page, from which no link leads anywhere.
pub(super) fn farewell(title: &str, content: Markup) -> Page {
    Page(html! {
        (head(title))
        body {
            header { span.product { "Passgrant" } }
            main #main { (success(html! { h1 { (title) } })) (content) }
        }
    })
}

fn headed(console: Option<&Console>, section: Option<Section>, title: &str, heading: Markup, content: Markup) -> Page {
    Page(html! {
        (head(title))
        body {
            (banner(console, section))
            main #main {
                (heading)
                (content)
            }
        }
    })
}

/// What comes before the body.
pub(super) fn head(title: &str) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en";
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            title { (title) " - Passgrant" }
            link rel="stylesheet" href=(assets::STYLE);
            link rel="icon" href=(assets::ICON) type="image/svg+xml";
            script type="module" src=(assets::SCRIPT) {}
        }
    }
}

/// What stands above every page.
pub(super) fn banner(console: Option<&Console>, section: Option<Section>) -> Markup {
    html! {
        a.skip href="#main" { "Skip to the content" }
        header {
            span.product { "Passgrant" }
            nav aria-label="Sections" {
                ul {
                    @for each in Section::ALL {
                        li { a href=(each.path()) aria-current=[(section == Some(each)).then_some("page")] { (each.name()) } }
                    }
                }
            }
            @if let Some(console) = console {
                span.place title="What this console works on" { (console.place.name()) }
                @if console.read_only { span.tag { "read only" } }
            }
        }
    }
}

/// What was refused, or did not work, where it is seen and heard first.
pub(super) fn trouble(reason: &str) -> Markup {
    html! { div.trouble role="alert" { p { (sentence(reason)) } } }
}

/// What a command says, as a sentence of a page: with a capital letter, unless it begins with something that is written in
/// another way on purpose, such as an identifier or a path, and with a full stop.
pub(super) fn sentence(said: &str) -> String {
    let said = said.trim_end();
    let first = said.split_whitespace().next().unwrap_or_default();
    let is_word = first.trim_end_matches(',').chars().all(|character| character.is_ascii_lowercase());
    let mut sentence = said.to_owned();
    if is_word && let Some(letter) = sentence.get_mut(..1) {
        letter.make_ascii_uppercase();
    }
    if !sentence.is_empty() && !sentence.ends_with(['.', ':', '?', '!', '\u{2026}']) {
        sentence.push('.');
    }
    sentence
}

/// What went well.
pub(super) fn success(content: Markup) -> Markup {
    html! { div.success role="status" { (content) } }
}

/// Warnings of a command.
pub(super) fn warnings(warnings: &[String]) -> Markup {
    html! {
        @if !warnings.is_empty() {
            div.warning role="status" { @for warning in warnings { p { (sentence(warning)) } } }
        }
    }
}

/// A command line, to be copied.
pub(super) fn command(line: &str) -> Markup {
    copied("The same at the command line", line)
}

/// Text to be copied, under a label.
pub(super) fn copied(label: &str, text: &str) -> Markup {
    html! {
        figure.copied {
            figcaption { (label) clipboard-copy value=(text) aria-label={ "Copy: " (label) } { "Copy" } }
            pre tabindex="0" { code { (text) } }
        }
    }
}

/// What is known about one thing.
pub(super) fn facts<'a>(rows: impl IntoIterator<Item = (&'a str, Markup)>) -> Markup {
    html! { dl.facts { @for (name, value) in rows { div { dt { (name) } dd { (value) } } } } }
}

/// Verdicts of checks: of each the check, the verdict and what was found.
pub(super) fn findings(caption: &str, findings: &[(&str, String, &str)]) -> Markup {
    let rows = findings.iter().map(|(check, verdict, detail)| {
        let class = match verdict.as_str() {
            "ok" => "tag good",
            "failed" => "tag bad",
            "warning" => "tag careful",
            _ => "tag",
        };
        [html! { (check) }, html! { span class=(class) { (verdict) } }, html! { (detail) }]
    });
    table(caption, ["Check", "Verdict", "What was found"], rows)
}

/// A bar as long as `count` is of `most`. The number stands beside it.
pub(super) fn bar(count: u64, most: u64) -> Markup {
    let width = count.saturating_mul(100) / most.max(1);
    html! {
        svg.bars viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true" focusable="false" {
            rect.bar width=(width.max(u64::from(count > 0))) height="10" {}
        }
    }
}

/// A table in a frame of its own, which scrolls in a narrow window.
pub(super) fn table<const N: usize>(
    caption: &str,
    headings: [&str; N],
    rows: impl IntoIterator<Item = [Markup; N]>,
) -> Markup {
    html! {
        div.table role="region" aria-label=(caption) tabindex="0" {
            table {
                caption { span { (caption) } }
                thead { tr { @for heading in headings { th scope="col" { (heading) } } } }
                tbody { @for row in rows { tr { @for cell in row { td { (cell) } } } } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_command_says_is_a_sentence_on_a_page_and_names_stay_as_they_are_written() {
        for (said, sentence_of_it) in [
            ("there is no client web", "There is no client web."),
            ("a password must have 8 characters", "A password must have 8 characters."),
            ("nothing was changed.", "Nothing was changed."),
            ("client_id is missing", "client_id is missing."),
            ("--scope is missing", "--scope is missing."),
            ("users.csv: the file is empty", "users.csv: the file is empty."),
            ("'sub' is not a claim to set", "'sub' is not a claim to set."),
            ("argon2id cannot be used", "argon2id cannot be used."),
            ("\u{e9}t\u{e9} is no user", "\u{e9}t\u{e9} is no user."),
            ("", ""),
        ] {
            assert_eq!(sentence(said), sentence_of_it);
        }
    }

    #[test]
    fn an_address_belongs_to_the_part_whose_path_it_begins_with() {
        for (path, section) in [
            ("/", Some(Section::Overview)),
            ("/reports/clients", Some(Section::Overview)),
            ("/clients", Some(Section::Clients)),
            ("/clients/one", Some(Section::Clients)),
            ("/clientsone", None),
            ("/attempts", Some(Section::Users)),
            ("/nowhere", None),
        ] {
            assert!(Section::of(path) == section, "{path}");
        }
    }
}
