//! The environment variables, as help texts list them.

use std::fmt::Write as _;

use passgrant::config::VARIABLES;

/// `before`, followed by the list of the environment variables.
pub(crate) fn help_after(before: &str) -> String {
    let mut help = format!("{before}\n\nEnvironment:\n");
    for variable in VARIABLES {
        // Writing to a String cannot fail.
        let _: std::fmt::Result = write!(help, "  {}\n          {}", variable.name, variable.description);
        let _: std::fmt::Result = match variable.default {
            Some(default) if !default.is_empty() => write!(help, " [default: {default}]\n\n"),
            _ => write!(help, "\n\n"),
        };
    }
    help.push_str("The AWS region, credentials and endpoints are set by the AWS SDK's own variables.");
    help
}
