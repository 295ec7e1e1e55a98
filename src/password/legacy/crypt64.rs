//! The encoding of `crypt(3)`: six bits a character, the lowest first.

const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Encodes `bytes`, three of them in four characters.
pub(super) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 4 / 3 + 1);
    for chunk in bytes.chunks(3) {
        let mut value = chunk.iter().rev().fold(0_usize, |value, byte| value << 8 | usize::from(*byte));
        for _ in 0..=chunk.len() {
            text.push(char::from(ALPHABET[value & 63]));
            value >>= 6;
        }
    }
    text
}

/// Whether `text` is `length` characters of the alphabet.
pub(super) fn is_encoded(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|byte| ALPHABET.contains(&byte))
}

/// The number that one character stands for.
pub(super) fn value(character: u8) -> Option<u8> {
    ALPHABET.iter().position(|known| *known == character).and_then(|place| u8::try_from(place).ok())
}
