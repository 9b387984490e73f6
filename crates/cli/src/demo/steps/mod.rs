//! The demo's steps, in order.

mod acting;
mod audit;
mod crash;
mod enrolment;
mod privacy;

use super::stage::Stage;
use crate::scene::{self, report::Reporter};

/// Runs all steps; answers with the first that does not hold.
pub(crate) async fn run_all(stage: &mut Stage, reporter: &mut Reporter) -> Result<(), &'static str> {
    reporter.step("claim", enrolment::claim(stage)).await?;
    reporter.step("refuse", scene::refusing::refuse(stage)).await?;
    reporter.step("enrol", enrolment::enrol(stage)).await?;
    reporter.step("online", scene::enrolment::online(stage)).await?;
    reporter.step("remember", scene::remembering::remember(stage)).await?;
    reporter.step("ask", scene::acting::ask(stage)).await?;
    reporter.step("approve", acting::approve(stage)).await?;
    reporter.step("act", scene::acting::act(stage)).await?;
    reporter.step("offline", scene::offline::offline(stage)).await?;
    reporter.step("privacy", privacy::privacy(stage)).await?;
    reporter.step("crash", crash::crash(stage)).await?;
    reporter.step("revoke", scene::revoke::revoke(stage)).await?;
    reporter.step("audit", audit::audit(stage)).await
}
