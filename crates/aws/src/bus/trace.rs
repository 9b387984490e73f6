//! The trace that work belongs to, on its way through queues: "Amazon SQS and AWS X-Ray".
//!
//! Lambda tells a function the trace of its invocation in the header `Lambda-Runtime-Trace-Id`. What the function sends while it
//! works under [`traced`] carries it on as the message's system attribute `AWSTraceHeader`, so that event, plan, judgement and
//! command are one trace.

tokio::task_local! {
    static TRACE: Option<String>;
}

/// Longest header that is carried on, in bytes.
const TRACE_BYTES_MAX: usize = 512;

/// Works on `work` as a part of the trace of this header (`Root=1-…;Parent=…;Sampled=…`). What is none is not carried on.
pub async fn traced<W: Future>(header: Option<&str>, work: W) -> W::Output {
    TRACE.scope(header.filter(|header| is_trace(header)).map(str::to_owned), work).await
}

/// The header of the trace that is worked on.
pub fn trace() -> Option<String> {
    TRACE.try_with(Clone::clone).ok().flatten()
}

/// "AWS X-Ray concepts", tracing header. SQS refuses a message with a malformed one, and a trace is not worth a message.
fn is_trace(header: &str) -> bool {
    let Some(root) = header.split(';').find_map(|part| part.trim().strip_prefix("Root=")) else { return false };
    let parts: Vec<&str> = root.split('-').collect();
    let hex = |text: &str, digits: usize| text.len() == digits && text.bytes().all(|b| b.is_ascii_hexdigit());
    header.len() <= TRACE_BYTES_MAX
        && header.bytes().all(|b| b.is_ascii_graphic() || b == b' ')
        && matches!(parts.as_slice(), ["1", time, id] if hex(time, 8) && hex(id, 24))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_trace_is_carried_on_and_nothing_else() {
        let header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";
        assert_eq!(trace(), None);
        assert_eq!(traced(Some(header), async { trace() }).await.as_deref(), Some(header));
        assert_eq!(traced(Some(header), traced(None, async { trace() })).await, None);
        for none in
            ["", "Root=", "Root=1-5759e988-bd86", "Parent=53995c3f42cd8ad8", "Root=1-5759e988-bd862e3fe1be46a99427279x"]
        {
            assert_eq!(traced(Some(none), async { trace() }).await, None, "{none}");
        }
    }
}
