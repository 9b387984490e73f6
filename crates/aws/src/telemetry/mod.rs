//! The port `Telemetry`, twice: on Aurora PostgreSQL, and on Timestream for LiveAnalytics for accounts that have it (AWS takes no
//! new customers for it since 2025-06-20). Which of them is a setting of the deployment; both are read by the one port.

mod aurora;
mod timestream;

pub use aurora::AuroraTelemetry;
pub use timestream::{Timestream, TimestreamSettings};
