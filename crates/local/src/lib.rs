//! The hub's ports on SQLite and files.
