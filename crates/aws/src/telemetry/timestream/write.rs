//! Writing: `WriteRecords` of at most 100 records, and what it rejects.

use super::{name::Plain, query::Source};
use aws_sdk_timestreamwrite::{
    Client,
    error::DisplayErrorContext,
    types::{Dimension, MeasureValue, MeasureValueType, Record, RejectedRecord, TimeUnit},
};
use marvain_hub::port::{Cause, Sample};
use std::collections::BTreeMap;

/// Most records of a call ("WriteRecords" in Timestream's API reference).
const RECORDS_MAX: usize = 100;
/// Version of every record: with the same one, the same record is accepted again, and another is rejected.
const VERSION: i64 = 1;

pub(super) async fn append(client: &Client, source: &Source, samples: &[Sample]) -> Result<(), Cause> {
    // Of the same time, the first stays; twice in one call is an error of its own.
    let mut distinct = BTreeMap::new();
    for sample in samples {
        distinct.entry((sample.satellite.as_str(), &sample.name, sample.at)).or_insert(sample);
    }
    let distinct: Vec<&Sample> = distinct.into_values().collect();
    for part in distinct.chunks(RECORDS_MAX) {
        let records = part.iter().map(|sample| record(sample)).collect::<Result<Vec<_>, _>>()?;
        let call = client.write_records().database_name(source.database.as_str()).table_name(source.table.as_str());
        let Err(error) = call.set_records(Some(records)).send().await else { continue };
        match error.as_service_error().filter(|error| error.is_rejected_records_exception()) {
            Some(aws_sdk_timestreamwrite::operation::write_records::WriteRecordsError::RejectedRecordsException(
                rejected,
            )) => {
                // The others of the call are written.
                rejected.rejected_records().iter().try_for_each(judge)?;
            }
            _ => return Err(DisplayErrorContext(error).to_string().into()),
        }
    }
    Ok(())
}

/// Is a rejected record none that is missing? One with a version is there already. One outside of the table's retention is older
/// than what is kept.
fn judge(rejected: &RejectedRecord) -> Result<(), Cause> {
    let reason = rejected.reason().unwrap_or_default();
    if rejected.existing_version().is_some() {
        return Ok(());
    }
    if reason.contains("outside the time range") || reason.contains("outside the retention") {
        tracing::warn!(reason, "a reading is older than Timestream keeps");
        return Ok(());
    }
    Err(format!("Timestream rejects a record: {reason}").into())
}

fn record(sample: &Sample) -> Result<Record, Cause> {
    let satellite = Dimension::builder().name("satellite").value(Plain::encoded(sample.satellite.as_str()).as_str());
    let value = MeasureValue::builder().name("value").value(sample.value.to_string()).r#type(MeasureValueType::Double);
    let mut values = vec![value.build()?];
    // An empty text is no value.
    if !sample.unit.is_empty() {
        let unit = MeasureValue::builder().name("unit").value(&sample.unit).r#type(MeasureValueType::Varchar);
        values.push(unit.build()?);
    }
    let record = Record::builder().dimensions(satellite.build()?).measure_name(Plain::encoded(&sample.name).as_str());
    let record = record.measure_value_type(MeasureValueType::Multi).set_measure_values(Some(values));
    let record = record.time(sample.at.as_ms().to_string()).time_unit(TimeUnit::Milliseconds).version(VERSION);
    Ok(record.build())
}
