//! What the hub does by itself, again and again: ticks and sealing. Both may stop at any point and start over.

mod seal;
mod tick;

pub use seal::{SEAL_ROWS_MAX, SealError, Sealed};
pub use tick::{TICK_MAX, Ticked};
