//! The satellite agent.
