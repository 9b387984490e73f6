//! What the hub does by itself, again and again: ticks and sealing; and what it records of its own life. All of it may
//! stop at any point and start over.

mod reembed;
mod restored;
mod seal;
mod tick;

pub use seal::{SEAL_ROWS_MAX, SealError, Sealed};
pub(crate) use tick::spoken;
pub use tick::{TICK_MAX, Ticked};
