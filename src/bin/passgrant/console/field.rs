//! The fields of forms: each with its label, a hint, and what is wrong with it.

use maud::{Markup, html};

use crate::console::layout::sentence;
use crate::failure::Failure;

/// A field with a label, as it is shown.
pub(super) struct Field<'a> {
    pub(super) name: &'a str,
    pub(super) label: &'a str,
    pub(super) hint: &'a str,
    pub(super) value: &'a str,
}

/// What was wrong with a form, beside the field that it concerns.
#[derive(Default)]
pub(super) struct Wrong {
    field: Option<String>,
    reason: String,
}

impl Wrong {
    /// What `failure` says. The fields of a form are named as the options of the command.
    pub(super) fn of(failure: &Failure) -> Self {
        Self { field: failure.about(), reason: sentence(&failure.reason()) }
    }

    /// What the page itself found wrong with the field `name`, or with none if that is empty.
    pub(super) fn about_field(name: &str, reason: &str) -> Self {
        Self { field: Some(name.to_owned()).filter(|name| !name.is_empty()), reason: sentence(reason) }
    }

    /// What is said above the form: everything that concerns no one field of `fields`, and where to look otherwise.
    pub(super) fn summary(&self) -> Markup {
        html! {
            @if !self.reason.is_empty() {
                div.trouble role="alert" {
                    p {
                        (self.reason)
                        @if let Some(field) = &self.field { " " a href={ "#" (field) } { "To the field" } }
                    }
                }
            }
        }
    }

    fn about(&self, name: &str) -> Option<&str> {
        (self.field.as_deref() == Some(name)).then_some(self.reason.as_str())
    }
}

impl Field<'_> {
    /// One line of text.
    pub(super) fn text(&self, wrong: &Wrong) -> Markup {
        self.input("text", wrong)
    }

    /// A secret, which is not shown, and not filled in by the browser.
    pub(super) fn password(&self, wrong: &Wrong) -> Markup {
        self.input("password", wrong)
    }

    fn input(&self, kind: &str, wrong: &Wrong) -> Markup {
        let completed = if kind == "password" { "new-password" } else { "off" };
        self.framed(wrong, |described, is_wrong| {
            html! {
                input type=(kind) id=(self.name) name=(self.name) value=(self.value) autocomplete=(completed)
                    spellcheck="false" aria-describedby=(described) aria-invalid=[is_wrong.then_some("true")];
            }
        })
    }

    /// Several lines of text.
    pub(super) fn area(&self, wrong: &Wrong) -> Markup {
        self.framed(wrong, |described, is_wrong| {
            html! {
                textarea id=(self.name) name=(self.name) spellcheck="false" aria-describedby=(described)
                    aria-invalid=[is_wrong.then_some("true")] { (self.value) }
            }
        })
    }

    /// One of `choices`: what is sent, and what is shown.
    pub(super) fn select(&self, choices: &[(&str, &str)], wrong: &Wrong) -> Markup {
        self.framed(wrong, |described, is_wrong| {
            html! {
                select id=(self.name) name=(self.name) aria-describedby=(described)
                    aria-invalid=[is_wrong.then_some("true")] {
                    @for (value, shown) in choices {
                        option value=(value) selected[*value == self.value] { (shown) }
                    }
                }
            }
        })
    }

    fn framed(&self, wrong: &Wrong, input: impl FnOnce(&str, bool) -> Markup) -> Markup {
        let problem = wrong.about(self.name);
        let (hint, wrong) = (format!("{}-hint", self.name), format!("{}-wrong", self.name));
        let described = if problem.is_some() { format!("{wrong} {hint}") } else { hint.clone() };
        html! {
            div.field {
                label for=(self.name) { (self.label) }
                p.hint id=(hint) { (self.hint) }
                (input(&described, problem.is_some()))
                @if let Some(problem) = problem { p.wrong id=(wrong) { (problem) } }
            }
        }
    }
}

/// A group of boxes or buttons, of which `kind` is `checkbox` or `radio`: what is sent, what is shown, and what it means.
pub(super) fn choices(
    kind: &str,
    name: &str,
    legend: &str,
    choices: &[(&str, &str, &str)],
    is_chosen: impl Fn(&str) -> bool,
) -> Markup {
    checked_choices(kind, (name, legend), choices, is_chosen, &Wrong::default())
}

/// The same, with what is wrong with them.
pub(super) fn checked_choices(
    kind: &str,
    (name, legend): (&str, &str),
    choices: &[(&str, &str, &str)],
    is_chosen: impl Fn(&str) -> bool,
    wrong: &Wrong,
) -> Markup {
    let (problem, described) = (wrong.about(name), format!("{name}-wrong"));
    html! {
        div.field role="group" aria-label=(legend) id=(name) tabindex="-1"
            aria-describedby=[problem.is_some().then_some(&described)] {
            span.label { (legend) }
            @for (value, shown, meaning) in choices {
                label.choice {
                    input type=(kind) name=(name) value=(value) checked[is_chosen(value)];
                    (shown) " " span.hint { (meaning) }
                }
            }
            @if let Some(problem) = problem { p.wrong id=(described) { (problem) } }
        }
    }
}
