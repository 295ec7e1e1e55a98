//! An operator's list of passwords: one on a line, or the SHA-1 digest of one, with or without a count after a colon.
//!
//! A file is read line by line, in constant memory. If it begins with a digest and is so large that this would take
//! long, it must be sorted by digest, as such lists are published, and is searched.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use thiserror::Error;

use crate::password::Password;
use crate::password::blocklist::folded;
use crate::password::range::LeakDigest;

/// A larger file of digests is searched.
const MAX_READ_BYTES: u64 = 64 * 1024 * 1024;
/// No password is as long, however it is spelled.
const MAX_LINE_BYTES: u64 = 4 * Password::MAX_BYTES as u64;
/// More than a digest and a count take.
const MAX_DIGEST_LINE_BYTES: u64 = 128;
/// In how many places the order of a file is checked before it is searched.
const SAMPLES: u64 = 64;

/// Why a list cannot be searched. It quotes nothing of it.
#[derive(Debug, Error)]
pub enum NotSearched {
    /// It cannot be read.
    #[error("the file cannot be read: {0}")]
    Io(#[from] io::Error),
    /// It begins with a digest, and holds something else.
    #[error("a file of more than {} MiB that begins with a SHA-1 digest must hold nothing else", MAX_READ_BYTES >> 20)]
    NotDigests,
    /// It is searched by halves, which finds nothing in a file without order.
    #[error("a file of more than {} MiB of SHA-1 digests must be sorted by digest", MAX_READ_BYTES >> 20)]
    NotSorted,
}

type Digits = [u8; LeakDigest::DIGITS];

/// Whether the list at `path` has the password.
pub(super) fn lists(path: &Path, password: &Password) -> Result<bool, NotSearched> {
    lists_within(path, password, MAX_READ_BYTES)
}

/// The same, where a file of digests is searched if it has more than `most` bytes.
fn lists_within(path: &Path, password: &Password, most: u64) -> Result<bool, NotSearched> {
    let file = File::open(path)?;
    let size = file.metadata()?.len();
    let mut lines = Lines { reader: BufReader::with_capacity(64 * 1024, file) };
    let sought = LeakDigest::of(password);
    if size > most && lines.next(MAX_LINE_BYTES)?.is_some_and(|line| digest_in(&line.text).is_some()) {
        return Sorted { lines, size }.has(sought.digits());
    }
    lines.reader.rewind()?;
    let folded = folded(password);
    while let Some(Line { text, .. }) = lines.next(MAX_LINE_BYTES)? {
        let found = match digest_in(&text) {
            Some(digest) => digest == *sought.digits(),
            None => is_same(&text, &folded),
        };
        if found {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The digest on a line, in upper case; `None` if the line is something else.
fn digest_in(line: &[u8]) -> Option<Digits> {
    let (digest, rest) = line.split_first_chunk::<{ LeakDigest::DIGITS }>()?;
    let count = rest.strip_prefix(b":").unwrap_or(rest);
    let well_formed = digest.iter().all(u8::is_ascii_hexdigit)
        && count.iter().all(u8::is_ascii_digit)
        && rest.is_empty() == count.is_empty();
    well_formed.then(|| digest.to_ascii_uppercase().try_into().ok()).flatten()
}

/// Whether a line is the password, without regard to case.
fn is_same(line: &[u8], folded_password: &str) -> bool {
    if line.is_ascii() {
        return line.eq_ignore_ascii_case(folded_password.as_bytes());
    }
    let prepared = str::from_utf8(line).ok().and_then(|text| Password::prepare(text).ok());
    prepared.is_some_and(|password| *folded(&password) == folded_password)
}

/// A line without its ending.
struct Line {
    text: Vec<u8>,
    /// How many bytes it takes in the file, its ending included.
    bytes: u64,
}

struct Lines {
    reader: BufReader<File>,
}

impl Lines {
    /// The next line; `None` at the end. Of a line that is longer than `most` bytes only these are kept.
    fn next(&mut self, most: u64) -> io::Result<Option<Line>> {
        let mut text = Vec::new();
        let mut bytes = (&mut self.reader).take(most).read_until(b'\n', &mut text)? as u64;
        if bytes == 0 {
            return Ok(None);
        }
        if text.last() != Some(&b'\n') && bytes == most {
            bytes += self.reader.skip_until(b'\n')? as u64;
        }
        if text.last() == Some(&b'\n') {
            text.pop();
        }
        if text.last() == Some(&b'\r') {
            text.pop();
        }
        Ok(Some(Line { text, bytes }))
    }

    /// Moves to the first line that begins at `offset` or after it; returns where it begins.
    fn line_from(&mut self, offset: u64) -> io::Result<u64> {
        let Some(before) = offset.checked_sub(1) else {
            self.reader.rewind()?;
            return Ok(0);
        };
        self.reader.seek(SeekFrom::Start(before))?;
        Ok(before + self.reader.skip_until(b'\n')? as u64)
    }
}

/// A file of digests in ascending order.
struct Sorted {
    lines: Lines,
    size: u64,
}

impl Sorted {
    fn has(mut self, sought: &Digits) -> Result<bool, NotSearched> {
        self.check_order()?;
        // Every line that begins before `from` is less than `sought`; every one that begins at `to` or later is greater.
        let (mut from, mut to) = (0, self.size);
        let (mut below, mut above) = ([b'0'; LeakDigest::DIGITS], [b'F'; LeakDigest::DIGITS]);
        while from < to {
            let middle = from + (to - from) / 2;
            // `from` is where a line begins, so the first one that begins there is not missed.
            let begin = self.lines.line_from(middle)?;
            if begin >= to {
                to = middle;
                continue;
            }
            let Some((digest, bytes)) = self.digest()? else {
                to = middle;
                continue;
            };
            if digest < below || digest > above {
                return Err(NotSearched::NotSorted);
            }
            if digest == *sought {
                return Ok(true);
            }
            if digest < *sought {
                (from, below) = (begin + bytes, digest);
            } else {
                (to, above) = (middle, digest);
            }
        }
        Ok(false)
    }

    /// Compares lines all over the file. A list that is in another order, such as that of the counts, is found out.
    fn check_order(&mut self) -> Result<(), NotSearched> {
        let mut last = None;
        for sample in 0..SAMPLES {
            self.lines.line_from(self.size / SAMPLES * sample)?;
            let digest = self.digest()?.map(|(digest, _)| digest);
            if digest.is_some() && digest < last {
                return Err(NotSearched::NotSorted);
            }
            last = digest.or(last);
        }
        Ok(())
    }

    /// The digest on the next line, and how many bytes the line takes; `None` at the end.
    fn digest(&mut self) -> Result<Option<(Digits, u64)>, NotSearched> {
        let Some(Line { text, bytes }) = self.lines.next(MAX_DIGEST_LINE_BYTES)? else {
            return Ok(None);
        };
        let digest = digest_in(&text).ok_or(NotSearched::NotDigests)?;
        Ok(Some((digest, bytes)))
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::fs;

    use super::*;

    fn password(text: &str) -> Password {
        Password::prepare(text).expect("a password")
    }

    fn digest(text: &str) -> String {
        String::from_utf8(LeakDigest::of(&password(text)).digits().to_vec()).expect("digits")
    }

    fn listed(content: &[u8], sought: &str, most: u64) -> Result<bool, NotSearched> {
        let file = tempfile::NamedTempFile::new().expect("a file");
        fs::write(file.path(), content).expect("a write");
        lists_within(file.path(), &password(sought), most)
    }

    /// Digests of passwords 0 to `count`, in order.
    fn sorted(count: usize) -> Vec<String> {
        let mut digests: Vec<_> = (0..count).map(|number| digest(&format!("password {number}"))).collect();
        digests.sort();
        digests
    }

    #[test]
    fn a_list_holds_passwords_or_digests_with_any_line_ending() {
        let digests = format!("{}:7\r\n{}\r\n", digest("of a digest"), digest("in lower case").to_lowercase());
        let list = ["First one\r\nlast BUT one\nd\u{e9}j\u{e0} VU\n", &digests, "\n\nthe last"].concat();
        for sought in [
            "first one",
            "FIRST ONE",
            "last but one",
            "De\u{301}j\u{e0} vu",
            "of a digest",
            "in lower case",
            "the last",
        ] {
            assert!(listed(list.as_bytes(), sought, MAX_READ_BYTES).expect("a list"), "{sought}");
        }
        for sought in ["first", "one", "first one ", "Of a digest", "the last\u{2003}"] {
            assert!(!listed(list.as_bytes(), sought, MAX_READ_BYTES).expect("a list"), "{sought}");
        }
        assert!(!listed(b"", "anything", 0).expect("an empty list"));
    }

    #[test]
    fn a_line_that_is_too_long_or_not_utf_8_is_passed_over() {
        let list = [&b"x".repeat(10_000)[..], b"\nfirst\xff\nthe last"].concat();
        assert!(listed(&list, "the last", MAX_READ_BYTES).expect("a list"));
        assert!(!listed(&list, &"x".repeat(1000), MAX_READ_BYTES).expect("a list"));
    }

    #[test]
    fn every_digest_of_a_sorted_file_is_found_by_halves_and_no_other() {
        for count in [1, 2, 3, 7, 64, 500] {
            for ending in ["\n", "\r\n"] {
                let mut list = String::new();
                for (number, digest) in sorted(count).iter().enumerate() {
                    let _: std::fmt::Result = write!(list, "{digest}:{}{ending}", number * 7919);
                }
                let unended = list.strip_suffix(ending).expect("an ending");
                for list in [list.as_str(), unended] {
                    for number in 0..count {
                        let sought = format!("password {number}");
                        assert!(listed(list.as_bytes(), &sought, 0).expect("a list"), "{number} of {count}");
                    }
                    for number in 0..20 {
                        let sought = format!("another {number}");
                        assert!(!listed(list.as_bytes(), &sought, 0).expect("a list"), "{number} of {count}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_large_file_of_digests_that_is_not_sorted_or_holds_something_else_is_refused() {
        let mut digests = sorted(500);
        digests.reverse();
        let reversed = digests.join("\n");
        assert!(matches!(listed(reversed.as_bytes(), "password 1", 0), Err(NotSearched::NotSorted)));
        assert!(listed(reversed.as_bytes(), "password 1", MAX_READ_BYTES).expect("a small file is read"));
        digests.reverse();
        let mixed = digests.join("\nnot a digest\n");
        assert!(matches!(listed(mixed.as_bytes(), "password 1", 0), Err(NotSearched::NotDigests)));
        assert!(matches!(lists(Path::new("/nowhere/at/all"), &password("x")), Err(NotSearched::Io(_))));
    }
}
