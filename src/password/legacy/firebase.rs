//! Firebase's variant of scrypt: what scrypt makes of the password is a key of AES-256, and the hash is the project's
//! signer key, encrypted with it in counter mode.
//!
//! The signer key is the same for all users of a project, and is not stored. What encrypts it can be told from the two:
//! it is the key stream, and that is what is stored, and compared.

use std::fmt;

use aes::Aes256;
use aes::cipher::{Array, BlockCipherEncrypt as _, KeyInit as _};
use subtle::{Choice, ConstantTimeEq as _};
use zeroize::Zeroizing;

use crate::password::legacy::refused::Reason;
use crate::password::legacy::scrypt::Cost;
use crate::password::legacy::text;

const EXPECTED: Reason = Reason::Malformed(
    "$firebase-scrypt$r=ROUNDS,m=MEM_COST,sk=SIGNER_KEY,ss=SALT_SEPARATOR$SALT$HASH, all but the numbers in base64",
);
const WRONG_LENGTH: Reason = Reason::Malformed("a hash as long as the signer key, of 32 to 128 bytes");

#[derive(Clone)]
pub(in crate::password) struct Firebase {
    cost: Cost,
    /// The user's, and the separator that the project has after it.
    salt: Vec<u8>,
    key_stream: Vec<u8>,
}

impl Firebase {
    /// Reads a hash with its signer key (`sk`) and its separator (`ss`), or what is stored: without these, and with the
    /// key stream in place of the hash.
    pub(super) fn parse(text: &str) -> Result<Self, Reason> {
        let ["", "firebase-scrypt", parameters, salt, hash] = text::fields(text).ok_or(EXPECTED)? else {
            return Err(EXPECTED);
        };
        let [r, log_n, signer_key, separator] = text::pairs(parameters, ["r", "m", "sk", "ss"]).ok_or(EXPECTED)?;
        let [Some(r), Some(log_n)] = [r, log_n].map(|number| number.and_then(text::number)) else {
            return Err(EXPECTED);
        };
        let [Some(mut salt), Some(mut key_stream)] = [salt, hash].map(text::url_base64) else {
            return Err(EXPECTED);
        };
        if !(32..=128).contains(&key_stream.len()) {
            return Err(WRONG_LENGTH);
        }
        match (signer_key, separator) {
            (Some(signer_key), Some(separator)) => {
                let signer_key = Zeroizing::new(text::url_base64(signer_key).ok_or(EXPECTED)?);
                if signer_key.len() != key_stream.len() {
                    return Err(WRONG_LENGTH);
                }
                key_stream.iter_mut().zip(&*signer_key).for_each(|(byte, key)| *byte ^= key);
                salt.extend(text::url_base64(separator).ok_or(EXPECTED)?);
            }
            (None, None) => {}
            _ => return Err(EXPECTED),
        }
        Ok(Self { cost: Cost::new(log_n, r, 1)?, salt, key_stream })
    }

    pub(super) fn verifies(&self, password: &str) -> Choice {
        let key = self.cost.derive(password, &self.salt, 32);
        let Ok(cipher) = Aes256::new_from_slice(&key) else { return Choice::from(0) };
        let mut computed = Zeroizing::new(Vec::with_capacity(self.key_stream.len() + 16));
        for counter in 0_u128.. {
            if computed.len() >= self.key_stream.len() {
                break;
            }
            let mut block = Array::from(counter.to_be_bytes());
            cipher.encrypt_block(&mut block);
            computed.extend_from_slice(&block);
        }
        computed[..self.key_stream.len()].ct_eq(&self.key_stream)
    }

    fn parameters(&self) -> String {
        format!("r={},m={}", self.cost.r(), self.cost.log_n())
    }

    pub(super) fn kind(&self) -> (String, String) {
        ("firebase-scrypt".to_owned(), self.parameters())
    }
}

impl fmt::Display for Firebase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (salt, key_stream) = (text::to_base64(&self.salt), text::to_base64(&self.key_stream));
        write!(formatter, "$firebase-scrypt${}${salt}${key_stream}", self.parameters())
    }
}
