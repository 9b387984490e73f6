//! What the hub does by itself, again and again: ticks, sweeps and sealing; and what it records of its own life. All of it may
//! stop at any point and start over.

mod reembed;
mod restored;
mod seal;
mod sweep;
mod tick;

pub use seal::{SEAL_ROWS_MAX, SealError, Sealed};
pub use sweep::Swept;
pub(crate) use tick::spoken;
pub use tick::{TICK_MAX, Ticked};
