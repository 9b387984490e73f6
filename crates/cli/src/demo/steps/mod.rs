//! The demo's steps, in order.

mod acting;
mod audit;
mod crash;
mod enrolment;
mod offline;
mod privacy;
mod remembering;
mod revoke;

use super::{report::Reporter, stage::Stage};

/// Runs all steps; answers with the first that does not hold.
pub(crate) async fn run_all(stage: &mut Stage, reporter: &mut Reporter) -> Result<(), &'static str> {
    reporter.step("claim", enrolment::claim(stage)).await?;
    reporter.step("refuse", enrolment::refuse(stage)).await?;
    reporter.step("enrol", enrolment::enrol(stage)).await?;
    reporter.step("online", enrolment::online(stage)).await?;
    reporter.step("remember", remembering::remember(stage)).await?;
    reporter.step("ask", acting::ask(stage)).await?;
    reporter.step("approve", acting::approve(stage)).await?;
    reporter.step("act", acting::act(stage)).await?;
    reporter.step("offline", offline::offline(stage)).await?;
    reporter.step("privacy", privacy::privacy(stage)).await?;
    reporter.step("crash", crash::crash(stage)).await?;
    reporter.step("revoke", revoke::revoke(stage)).await?;
    reporter.step("audit", audit::audit(stage)).await
}
