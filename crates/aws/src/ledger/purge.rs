//! Dropping what is over, at once. DynamoDB does it by itself within some days for the table's expiry attribute, at no cost
//! (Amazon DynamoDB Developer Guide, "Using time to live"), so deployed functions need not: this reads the whole table.

use super::{
    DynamoLedger,
    attempt::ask,
    item::{EXPIRES, number, text_of},
    keys::{self, APPLIED, PK, RECORD, SK},
    table::some_at_once,
};
use marvain_domain::Timestamp;
use marvain_hub::port::{Key, LedgerError};

impl DynamoLedger {
    pub(super) async fn drop_expired(&self, now: Timestamp) -> Result<u64, LedgerError> {
        let (mut dropped, mut start) = (0, None);
        loop {
            let scan = self
                .table
                .client
                .scan()
                .table_name(&self.table.name)
                .consistent_read(true)
                .projection_expression("#pk, #sk")
                .filter_expression("#expires <= :now")
                .expression_attribute_names("#pk", PK)
                .expression_attribute_names("#sk", SK)
                .expression_attribute_names("#expires", EXPIRES)
                .expression_attribute_values(":now", number(now.as_ms()))
                .set_exclusive_start_key(start);
            let Some(page) = ask("Scan", &self.table.dice, || scan.clone().send()).await? else { return Ok(dropped) };
            let key = |item| Ok(Key { pk: text_of(item, PK)?.to_owned(), sk: text_of(item, SK)?.to_owned() });
            let keys: Vec<Key> = page.items().iter().map(key).collect::<Result<_, LedgerError>>()?;
            let gone = some_at_once(keys.iter().map(|key| self.drop_one(key, now)).collect()).await?;
            dropped += gone.into_iter().sum::<u64>();
            start = page.last_evaluated_key.filter(|key| !key.is_empty());
            if start.is_none() {
                return Ok(dropped);
            }
        }
    }

    /// Drops one item unless it was written anew; counts it if it is a record or a delivery.
    async fn drop_one(&self, key: &Key, now: Timestamp) -> Result<u64, LedgerError> {
        let delete = self
            .table
            .client
            .delete_item()
            .table_name(&self.table.name)
            .set_key(Some(keys::attributes(key)))
            // One that is not there may be gone by a try whose answer was lost.
            .condition_expression("attribute_not_exists(#pk) OR #expires <= :now")
            .expression_attribute_names("#pk", PK)
            .expression_attribute_names("#expires", EXPIRES)
            .expression_attribute_values(":now", number(now.as_ms()));
        let is_gone = ask("DeleteItem", &self.table.dice, || delete.clone().send()).await?.is_some();
        let counts = key.pk.starts_with(RECORD) || key.pk.starts_with(APPLIED);
        Ok(u64::from(is_gone && counts))
    }
}
