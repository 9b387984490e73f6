//! Ports and use cases of the hub.
