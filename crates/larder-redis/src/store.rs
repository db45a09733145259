//! The remote tier: values by key, each with its ttl.

use std::sync::Arc;

use bytes::Bytes;
use fred::types::Value;
use larder_core::bus::BoxFuture;
use larder_core::{Store, StoreError, StoreHealth, StoreKey, StoreValue};

use crate::ask::{Answer, Ask};
use crate::breaker::Circuit;
use crate::error::Unanswered;
use crate::redis::Redis;

/// So many keys are read by one MGET.
const MOST_READ: usize = 512;
/// Values are sent in portions of so many bytes, so that none blocks the line for long.
const PORTION: usize = 256 * 1024;

/// A remote tier in Redis. Clones share their connection.
///
/// A key is `{prefix}:{region}:{hash}`, without a hash tag: a cluster spreads a region over all its
/// nodes. A batch is one MGET; on a cluster it is one GET a key, sent together to the nodes that
/// have them. A value is a SET with PX: nothing has to be cleaned up.
#[derive(Clone, Debug)]
pub struct RedisStore {
    redis: Redis,
    prefix: Arc<str>,
    largest: usize,
    clustered: bool,
}

impl RedisStore {
    pub(crate) fn new(redis: Redis) -> Self {
        let settings = redis.settings();
        Self {
            prefix: settings.prefix.as_str().into(),
            largest: settings.largest_value,
            clustered: settings.config.server.is_clustered(),
            redis,
        }
    }

    fn key(&self, key: &StoreKey) -> Value {
        Value::from(name(&self.prefix, key))
    }

    async fn ask(&self, asks: Vec<Ask>) -> Result<Vec<Answer>, StoreError> {
        self.redis.values().ask(asks).await.map_err(store_error)
    }

    async fn read(&self, keys: &[StoreKey]) -> Result<Vec<Option<Bytes>>, StoreError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        if self.clustered || keys.len() == 1 {
            let names = keys.iter().map(|key| self.key(key));
            let asks = names.map(|key| Ask::of_key("GET", vec![key])).collect();
            let answers = self.ask(asks).await?;
            return Ok(answers
                .into_iter()
                .map(|answer| self.value(answer.ok()?))
                .collect());
        }
        let asks = keys
            .chunks(MOST_READ)
            .map(|keys| Ask::of_key("MGET", keys.iter().map(|key| self.key(key)).collect()))
            .collect();
        let mut values = Vec::with_capacity(keys.len());
        for (answer, keys) in self
            .ask(asks)
            .await?
            .into_iter()
            .zip(keys.chunks(MOST_READ))
        {
            let list = match answer {
                Ok(Value::Array(list)) if list.len() == keys.len() => list,
                Ok(_) => vec![Value::Null; keys.len()],
                Err(error) => return Err(StoreError::failed(error)),
            };
            values.extend(list.into_iter().map(|value| self.value(value)));
        }
        Ok(values)
    }

    /// Takes a value as it came; one that is too large was put by somebody who allows more.
    fn value(&self, value: Value) -> Option<Bytes> {
        let bytes = match value {
            Value::Bytes(bytes) => bytes,
            Value::String(text) => text.into_inner(),
            _ => return None,
        };
        (!bytes.is_empty() && bytes.len() <= self.largest).then_some(bytes)
    }

    async fn write(&self, values: &[StoreValue]) -> Result<(), StoreError> {
        let mut asks = Vec::new();
        let mut bytes = 0;
        for value in values {
            if value.bytes.len() > self.largest {
                return Err(StoreError::failed("a value is larger than `largest_value`"));
            }
            bytes += value.bytes.len();
            if bytes > PORTION && !asks.is_empty() {
                self.done(std::mem::take(&mut asks)).await?;
                bytes = value.bytes.len();
            }
            asks.extend(self.set(value, false));
        }
        self.done(asks).await
    }

    fn set(&self, value: &StoreValue, only_new: bool) -> Option<Ask> {
        let millis = i64::try_from(value.ttl.as_millis()).unwrap_or(i64::MAX);
        // It is added to the time of day.
        let millis = millis.min(i64::MAX / 2);
        // Redis takes no ttl of zero: such a value is gone already.
        (millis > 0).then(|| {
            let bytes = Value::Bytes(value.bytes.clone());
            let mut args = vec![self.key(&value.key), bytes, "PX".into(), millis.into()];
            args.extend(only_new.then(|| Value::from("NX")));
            Ask::of_key("SET", args)
        })
    }

    /// Sends commands of which only failures matter.
    async fn done(&self, asks: Vec<Ask>) -> Result<(), StoreError> {
        if asks.is_empty() {
            return Ok(());
        }
        let answers = self.ask(asks).await?;
        answers
            .into_iter()
            .try_for_each(|answer| answer.map(drop).map_err(StoreError::failed))
    }
}

impl Store for RedisStore {
    fn get<'a>(
        &'a self,
        keys: &'a [StoreKey],
    ) -> BoxFuture<'a, Result<Vec<Option<Bytes>>, StoreError>> {
        Box::pin(self.read(keys))
    }

    fn put<'a>(&'a self, values: &'a [StoreValue]) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(self.write(values))
    }

    fn add<'a>(&'a self, value: &'a StoreValue) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let Some(set) = self.set(value, true) else {
                return Ok(true);
            };
            match self.ask(vec![set]).await?.pop() {
                Some(Ok(answer)) => Ok(!answer.is_null()),
                Some(Err(error)) => Err(StoreError::failed(error)),
                None => Err(StoreError::failed("no answer")),
            }
        })
    }

    fn remove<'a>(&'a self, keys: &'a [StoreKey]) -> BoxFuture<'a, Result<(), StoreError>> {
        let names = keys.iter().map(|key| self.key(key));
        let asks = if self.clustered {
            names.map(|key| Ask::of_key("UNLINK", vec![key])).collect()
        } else if keys.is_empty() {
            Vec::new()
        } else {
            vec![Ask::of_key("UNLINK", names.collect())]
        };
        Box::pin(self.done(asks))
    }

    fn health(&self) -> StoreHealth {
        match self.redis.values().circuit() {
            Circuit::Closed => StoreHealth::Up,
            Circuit::Starting | Circuit::Open => StoreHealth::Down,
        }
    }

    fn largest_value(&self) -> usize {
        self.largest
    }
}

/// Returns `{prefix}:` and the key as its `Display` has it, which would take longer.
fn name(prefix: &str, key: &StoreKey) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let hash = &key.hash()[..16];
    let mut name = String::with_capacity(prefix.len() + key.region().len() + 2 + 2 * hash.len());
    name.extend([prefix, ":", key.region(), ":"]);
    for byte in hash {
        name.push(char::from(DIGITS[usize::from(byte >> 4)]));
        name.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    name
}

fn store_error(error: Unanswered) -> StoreError {
    match error {
        Unanswered::Open | Unanswered::Busy => StoreError::Open,
        Unanswered::Timeout => StoreError::Timeout,
        Unanswered::Failed(error) => StoreError::failed(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_key_as_it_is_shown() {
        let hash = std::array::from_fn(|index| u8::try_from(index * 8).unwrap_or(255));
        let key = StoreKey::new("shop.prices", hash);
        assert_eq!(name("larder", &key), format!("larder:{key}"));
    }
}
