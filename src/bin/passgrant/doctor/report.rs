//! What an examination found: a verdict a line.

use std::fmt;

use passgrant::issuer::Issuer;
use serde::Serialize;

use crate::failure::Failure;
use crate::output::Output;
use crate::terminal::printable;

/// How one check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// It is as it should be.
    Ok,
    /// It works, but somebody should look.
    Warning,
    /// Clients or verifiers will not work, or somebody is not protected.
    Failed,
    /// It could not be checked.
    Skipped,
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        })
    }
}

/// What one check found, and what is to be done about it.
#[derive(Debug, Serialize)]
pub(crate) struct Finding {
    check: &'static str,
    verdict: Verdict,
    detail: String,
}

impl Finding {
    /// The check, its verdict, and what was found.
    pub(crate) fn told(&self) -> (&str, String, &str) {
        (self.check, self.verdict.to_string(), &self.detail)
    }

    fn new(check: &'static str, verdict: Verdict, detail: impl Into<String>) -> Self {
        Self { check, verdict, detail: detail.into() }
    }

    pub(super) fn ok(check: &'static str, detail: impl Into<String>) -> Self {
        Self::new(check, Verdict::Ok, detail)
    }

    pub(super) fn warning(check: &'static str, detail: impl Into<String>) -> Self {
        Self::new(check, Verdict::Warning, detail)
    }

    pub(super) fn failed(check: &'static str, detail: impl Into<String>) -> Self {
        Self::new(check, Verdict::Failed, detail)
    }

    pub(super) fn skipped(check: &'static str, detail: impl Into<String>) -> Self {
        Self::new(check, Verdict::Skipped, detail)
    }

    /// Fine with what it says, or failed because of what it says.
    pub(super) fn of(check: &'static str, outcome: Result<String, String>) -> Self {
        match outcome {
            Ok(detail) => Self::ok(check, detail),
            Err(detail) => Self::failed(check, detail),
        }
    }
}

/// Everything that was found, in the order in which it was looked at.
#[derive(Serialize)]
pub(super) struct Report {
    url: Issuer,
    findings: Vec<Finding>,
    failed: usize,
    warnings: usize,
}

impl Report {
    pub(super) fn new(url: Issuer, findings: Vec<Finding>) -> Self {
        let count = |verdict| findings.iter().filter(|finding| finding.verdict == verdict).count();
        let (failed, warnings) = (count(Verdict::Failed), count(Verdict::Warning));
        Self { url, findings, failed, warnings }
    }

    /// Prints it, and fails if anything failed.
    pub(super) fn print(&self, output: &Output) -> Result<(), Failure> {
        output.print(self, || self.text())?;
        match self.failed {
            0 => Ok(()),
            1 => Err(Failure::refused(format!("one check of {} failed", self.url))),
            failed => Err(Failure::refused(format!("{failed} checks of {} failed", self.url))),
        }
    }

    fn text(&self) -> String {
        let line = |Finding { check, verdict, detail }: &Finding| {
            // What a server answered may be part of it, and a verdict is one line.
            let detail = printable(&detail.split_whitespace().collect::<Vec<_>>().join(" "));
            format!("{verdict:<8} {check:<20} {detail}")
        };
        self.findings.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}
