//! Through the client alone.

use std::hint::black_box;

use redis::AsyncCommands as _;

use super::{KEPT, READS, fill, namespace, runtime, url};
use crate::Result;
use crate::data::drawn;
use crate::measure::{Contender, timed};
use crate::setup::Setup;

/// Reads the bytes of 10,000 cities as ours keeps them, by a multiplexed connection, one after the other; the answer is how
/// many.
pub(crate) fn get(setup: &Setup) -> Result<Contender> {
    let runtime = runtime()?;
    let (kept, reads) = (setup.size(KEPT), setup.size(READS));
    let (mut connection, keys) = runtime.block_on(async {
        fill("bare", kept).await?;
        let client = redis::Client::open(url()?)?;
        let mut connection = client.get_multiplexed_async_connection().await?;
        let pattern = format!("jv:{}:v*:document:*", namespace("bare"));
        let keys: Vec<String> = connection.keys(pattern).await?;
        Result::<_>::Ok((connection, keys))
    })?;
    if keys.len() != kept {
        return Err(format!("Redis keeps {} of {kept} cities", keys.len()).into());
    }
    Ok(Box::new(move || {
        timed(|| {
            runtime.block_on(async {
                let mut count = 0;
                for number in drawn(kept).take(reads) {
                    let bytes: Vec<u8> = connection.get(&keys[number]).await?;
                    count += u64::from(!black_box(bytes).is_empty());
                }
                Ok(count)
            })
        })
    }))
}
