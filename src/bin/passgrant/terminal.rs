//! Text that somebody else may have chosen, on a terminal: it is shown there, or pasted as a word of a command, and controls
//! nothing.

/// `text`, with the characters that could control a terminal made visible.
pub(crate) fn printable(text: &str) -> String {
    let visible = |character: char| {
        if character.is_control() && character != '\n' {
            character.escape_default().to_string()
        } else {
            character.to_string()
        }
    };
    text.chars().map(visible).collect()
}

/// `text` as one word for a shell.
pub(crate) fn shell_word(text: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "/._-+,@:=%".contains(character);
    // zsh puts the path of a command in place of a word that begins with an equals sign.
    if !text.is_empty() && !text.starts_with('=') && text.chars().all(is_plain) {
        return text.to_owned();
    }
    if !text.chars().any(is_invisible) {
        return format!("'{}'", text.replace('\'', r"'\''"));
    }
    // A terminal would obey some of them when the line is pasted: bash, zsh and ksh read these forms of them.
    let written = |character: char| match character {
        '\'' | '\\' => format!("\\{character}"),
        _ if is_invisible(character) => format!("\\u{:04x}", u32::from(character)),
        _ => character.to_string(),
    };
    format!("$'{}'", text.chars().map(written).collect::<String>())
}

/// Whether a character would not be seen, or would have the others seen in another order.
fn is_invisible(character: char) -> bool {
    let turns =
        matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    turns || character.is_control()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_chose_is_one_word_for_a_shell_and_controls_no_terminal() {
        for (text, word) in [
            ("", "''"),
            ("/srv/pass_grant-1.2,3", "/srv/pass_grant-1.2,3"),
            ("client_id=web@example.com:80%", "client_id=web@example.com:80%"),
            ("=ls", "'=ls'"),
            ("~", "'~'"),
            ("my folder", "'my folder'"),
            ("it's", r"'it'\''s'"),
            ("it's \u{1b}[2J", r"$'it\'s \u001b[2J'"),
            ("a\u{202e}b\\", r"$'a\u202eb\\'"),
        ] {
            assert_eq!(shell_word(text), word);
        }
        assert_eq!(printable("a\u{1b}[2J\nb"), "a\\u{1b}[2J\nb");
    }
}
