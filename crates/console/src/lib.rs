//! The hub's JSON API as one axum router.
