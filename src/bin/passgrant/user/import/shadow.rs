//! The lines of a shadow file (`shadow(5)`): name, hash, and days that do not count here, separated by colons.

use crate::user::import::record::Draft;
use crate::user::import::wrong::Wrong;

/// The user of a line. One whose hash begins with `!` or is `*` cannot log in: they are imported disabled and without a
/// password.
pub(super) fn draft(text: &str) -> Result<Draft, Wrong> {
    let (name, rest) = text.split_once(':').ok_or_else(|| Wrong::at(0, "expected name:hash:..."))?;
    let hash = rest.split(':').next().unwrap_or_default();
    let at = Some(name.len() + 1);
    if hash.is_empty() {
        let reason = "a user who logs in without a password is not imported: expected a hash, ! or *";
        return Err(Wrong::at(name.len() + 1, reason));
    }
    let is_locked = hash.starts_with(['!', '*']);
    let hash = (!is_locked).then(|| (hash.to_owned(), at));
    Ok(Draft { username: (name.to_owned(), Some(0)), hash, disabled: Some(is_locked), ..Draft::default() })
}
