//! Everything that touches the world: files, sockets, processes. It carries out what the core decides.

mod actuator;
pub(crate) mod files;
mod frame;
mod input;
mod journal;
pub(crate) mod link;
mod spool;
pub(crate) mod storage;

pub(crate) mod driver;

pub use files::FileError;
pub use link::TlsError;
