//! H', the hash function of variable length (RFC 9106, section 3.3).

use blake2::digest::block_api::{UpdateCore as _, VariableOutputCore as _};
use blake2::digest::block_buffer::LazyBuffer;
use blake2::{Blake2b512, Blake2bVarCore, Digest as _};

const HALF: usize = 32;

/// H' of the inputs, one after another. Argon2 has no outputs longer than 2^32 - 1 bytes.
pub(crate) fn hash_long(inputs: &[&[u8]], output: &mut [u8]) {
    let length = u32::try_from(output.len()).unwrap_or(u32::MAX).to_le_bytes();
    let Err(long) = hash_short(&length, inputs, output) else { return };

    let mut digest = Blake2b512::new();
    digest.update(length);
    for input in inputs {
        digest.update(input);
    }
    let mut last = digest.finalize();
    let mut rest = long;
    loop {
        let (half, more) = rest.split_at_mut(HALF);
        half.copy_from_slice(&last[..HALF]);
        let Err(long) = hash_short(&last, &[], more) else { return };
        last = Blake2b512::digest(last);
        rest = long;
    }
}

/// `BLAKE2b` with an output of this length, if it has outputs of this length.
fn hash_short<'a>(first: &[u8], inputs: &[&[u8]], output: &'a mut [u8]) -> Result<(), &'a mut [u8]> {
    let Ok(mut core) = Blake2bVarCore::new(output.len()) else { return Err(output) };
    let mut buffer = LazyBuffer::default();
    for input in [first].iter().chain(inputs) {
        buffer.digest_blocks(input, |blocks| core.update_blocks(blocks));
    }
    let mut hash = blake2::digest::Output::<Blake2b512>::default();
    core.finalize_variable_core(&mut buffer, &mut hash);
    output.copy_from_slice(&hash[..output.len()]);
    Ok(())
}
