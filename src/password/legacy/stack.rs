//! The stack, on which the crates that compute digests leave what they have read.

use zeroize::zeroize_stack;

/// More of the stack than a computation uses: bcrypt's state has 4 KiB.
const STACK: usize = 32 * 1024;

/// What `compute` returns, after the part of the stack that it may have used has been wiped.
pub(super) fn wiped_after<T>(compute: impl FnOnce() -> T) -> T {
    let computed = below(compute);
    zeroize_stack::<STACK>();
    computed
}

// A function of its own, so that what it leaves on the stack is below its caller's frame, where the stack is wiped.
#[inline(never)]
fn below<T>(compute: impl FnOnce() -> T) -> T {
    compute()
}
